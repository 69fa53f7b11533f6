//! A photo with its truth.

use std::path::PathBuf;

use super::mask::Mask;
use crate::geometry::{BBox, Size};

/// A photo with its truth.
#[derive(Clone, Debug, PartialEq)]
pub struct Photo {
    /// Its name, which is unique in the dataset.
    pub id: String,
    /// Its file.
    pub path: PathBuf,
    /// Its size as the annotations state it, or as the photo's file does where they do not. `None`
    /// where neither is available.
    pub size: Option<Size>,
    /// The true class, if it has one.
    pub class: Option<usize>,
    /// The true boxes of that class. A photo without any counts in classification only.
    pub boxes: Vec<BBox>,
    /// Boxes of that class that are too hard to ask for (VOC's `difficult`). A point inside one is
    /// counted as correct all the same.
    pub difficult: Vec<BBox>,
    /// Whether objects of other classes are annotated in the photo.
    pub distractors: bool,
    /// The pixels of that class, where they are known.
    pub mask: Option<Mask>,
    /// Whether the photo is left out of localisation, though not of classification (ILSVRC's
    /// blacklist).
    pub blacklisted: bool,
    /// Its weight in weighted scores, in 0..=1e9. It is 1 where no weights are given; see
    /// [`Dataset::weighted`](super::Dataset::weighted).
    pub weight: f64,
}

/// A photo of which nothing is known. Its weight is 1, so that it is not lost from weighted scores.
impl Default for Photo {
    fn default() -> Self {
        Self {
            id: String::new(),
            path: PathBuf::new(),
            size: None,
            class: None,
            boxes: Vec::new(),
            difficult: Vec::new(),
            distractors: false,
            mask: None,
            blacklisted: false,
            weight: 1.0,
        }
    }
}

impl Photo {
    /// Whether the photo counts in localisation: it has a true box and is not blacklisted.
    #[must_use]
    pub fn counts_in_localisation(&self) -> bool {
        !self.blacklisted && !self.boxes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A weight of 0 would exclude the photo from weighted scores.
    #[test]
    fn a_photo_without_a_weight_has_weight_one() {
        assert_eq!(Photo::default().weight, 1.0);
    }
}
