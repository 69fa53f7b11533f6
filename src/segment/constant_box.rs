//! A box that is the same in every photo.

use serde::{Deserialize, Serialize};

use super::localisation::Localisation;
use crate::geometry::{BBox, Size};

/// A centred box, whatever the photo shows: the table `[constant-box]` of a pipeline.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ConstantBoxOptions {
    /// The box's sides as a share of the photo's, in (0, 1].
    pub side: f64,
    /// Whether its edges are rounded to whole pixels, halves to even.
    pub rounded: bool,
}

impl ConstantBoxOptions {
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.side > 0.0 && self.side <= 1.0 {
            Ok(())
        } else {
            Err(format!("constant-box.side {} is not in (0, 1]", self.side))
        }
    }

    /// The centred box in a photo of this size.
    #[must_use]
    pub fn localisation(&self, photo: Size) -> Localisation {
        Localisation::new(BBox::centred(photo, self.side, self.rounded))
    }
}
