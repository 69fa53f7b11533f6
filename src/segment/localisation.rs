//! What a box rule returns.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::seeds::Seeds;
use crate::geometry::{BBox, Size};

/// A degenerate case. The box is then a defined one, namely the whole photo.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// The saliency is the same everywhere, for example because all gradients are zero.
    ConstantMap,
    /// There is no pixel to learn one of the two colour models from.
    NoSeeds,
    /// No pixel was labelled foreground.
    EmptyMask,
}

impl Flag {
    /// The flag as it is written in results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ConstantMap => "constant_map",
            Self::NoSeeds => "no_seeds",
            Self::EmptyMask => "empty_mask",
        }
    }
}

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
