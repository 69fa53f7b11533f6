//! What a box rule returns.

use ndarray::Array2;

use super::flag::Flag;
use super::seeds::Seeds;
use crate::geometry::{BBox, Size};

/// A box in a photo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Localisation {
    /// The box, in pixels of the stored photo.
    pub bbox: BBox,
    /// The degenerate case, if this is one.
    pub flag: Option<Flag>,
}

impl Localisation {
    /// The box of an ordinary case.
    pub(super) fn new(bbox: BBox) -> Self {
        Self { bbox, flag: None }
    }

    /// The whole photo, for a degenerate case.
    pub(super) fn whole_photo(photo: Size, flag: Flag) -> Self {
        Self {
            bbox: BBox::whole(photo),
            flag: Some(flag),
        }
    }
}

/// The intermediate results of a box rule, as far as it got. All are [height, width] of the frame.
#[derive(Clone, Debug, Default)]
pub struct Stages {
    /// The seeds; `None` if no colours are learnt.
    pub seeds: Option<Seeds>,
    /// The foreground according to the cut or the threshold.
    pub mask: Option<Array2<bool>>,
    /// The part of the mask that the box bounds; `None` if the mask is empty.
    pub component: Option<Array2<bool>>,
}
