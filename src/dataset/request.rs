//! What to read.

use std::path::Path;

use crate::classes::ClassList;

/// What to read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// The dataset: a name or a path.
    pub dataset: Option<&'a Path>,
    /// The folder of the data, for a description that does not name it.
    pub data_dir: Option<&'a Path>,
    /// A CSV of weights (`image_id`, ..., `weight`), used instead of the description's.
    pub weights: Option<&'a Path>,
    /// A file of photo names, one per line, or a folder of photos: only these are read.
    pub images: Option<&'a Path>,
    /// The classes of a layout that does not bring its own (a CSV, a folder), used instead of
    /// ImageNet's.
    pub classes: Option<&'a ClassList>,
    /// Leave out invalid boxes, with a note, instead of reporting an error.
    pub lenient: bool,
}
