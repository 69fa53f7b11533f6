//! A file that names some photos of a dataset, one per line.

use std::path::{Path, PathBuf};

use super::error::DatasetError;
use super::text;

/// The names of photos in a file.
#[derive(Clone, Debug)]
pub(super) struct PhotoList {
    /// The file.
    pub(super) path: PathBuf,
    /// Each name, and the number of its line.
    pub(super) names: Vec<(usize, String)>,
}

impl PhotoList {
    pub(super) fn read(path: &Path) -> Result<Self, DatasetError> {
        let names = text::parse_lines(path, |line| Ok(line.to_owned()))?;
        Ok(Self {
            path: path.to_owned(),
            names,
        })
    }
}
