//! COCO's three forms of a segmentation.

use serde::Deserialize;

use super::run_lengths::Runs;
use crate::geometry::Size;

/// An object's pixels as a COCO file stores them.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(untagged)]
pub enum Segmentation {
    /// Polygons x₀, y₀, x₁, y₁, ... whose union is the object, in continuous pixels of the photo.
    Polygons(Vec<Vec<f64>>),
    /// Lengths of runs.
    Counts {
        /// In pixels, column by column; background and object alternate, background first.
        counts: Vec<u32>,
    },
    /// Lengths of runs, compressed.
    Text {
        /// In COCO's encoding as text.
        counts: String,
    },
}

impl Segmentation {
    /// The masks whose union is the object, in a photo of `size`.
    pub(super) fn runs(&self, size: Size) -> Result<Vec<Runs>, String> {
        match self {
            // A polygon of two points encloses nothing.
            Self::Polygons(polygons) => polygons
                .iter()
                .filter(|points| points.len() > 4)
                .map(|points| Runs::from_polygon(points, size))
                .collect(),
            Self::Counts { counts } => Ok(vec![Runs::from_counts(counts, size)?]),
            Self::Text { counts } => Ok(vec![Runs::from_text(counts, size)?]),
        }
    }
}
