//! Masks compared with true masks: pixel IoU and accuracy. Ignored pixels are left out.

use ndarray::{Array2, Zip};
use serde::Serialize;

use super::interval::{Rate, mean};
use crate::dataset::TrueMask;

/// What the mask of one photo scores, and what constant masks score on it. All are in 0..=1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaskOutcome {
    /// Intersection over union; 1 if both masks are empty.
    pub iou: f64,
    /// The share of pixels that are labelled correctly.
    pub accuracy: f64,
    /// The IoU of the whole photo.
    pub whole_image_iou: f64,
    /// The IoU of the centred ellipse of 0.8 times each side.
    pub centre_ellipse_iou: f64,
    /// The share of pixels that an empty mask labels correctly.
    pub empty_mask_accuracy: f64,
}

impl MaskOutcome {
    /// Compares two masks of the same size, [height, width]; `None` if every pixel is ignored.
    ///
    /// # Panics
    /// If the masks differ in size.
    #[must_use]
    pub fn new(mask: &Array2<bool>, truth: &TrueMask) -> Option<Self> {
        if truth.ignore.iter().all(|&ignore| ignore) {
            return None;
        }
        let found = PixelCounts::new(mask, truth);
        let whole = PixelCounts::new(&mask.mapv(|_| true), truth);
        let ellipse = PixelCounts::new(&centre_ellipse(mask.dim()), truth);
        let empty = PixelCounts::new(&mask.mapv(|_| false), truth);
        Some(Self {
            iou: found.iou(),
            accuracy: found.accuracy(),
            whole_image_iou: whole.iou(),
            centre_ellipse_iou: ellipse.iou(),
            empty_mask_accuracy: empty.accuracy(),
        })
    }
}

/// The centred ellipse of 0.8 times each side, in an array of this shape.
fn centre_ellipse((height, width): (usize, usize)) -> Array2<bool> {
    // The distance of a pixel's centre from the middle, relative to the semi-axis.
    let relative = |i: usize, n: usize| ((i as f64 + 0.5) / n as f64 - 0.5) / 0.4;
    Array2::from_shape_fn((height, width), |(y, x)| {
        relative(x, width).powi(2) + relative(y, height).powi(2) <= 1.0
    })
}

/// The numbers of pixels of a mask that are not ignored.
#[derive(Default)]
struct PixelCounts {
    intersection: u64,
    union: u64,
    /// Labelled correctly.
    correct: u64,
    total: u64,
}

impl PixelCounts {
    fn new(mask: &Array2<bool>, truth: &TrueMask) -> Self {
        let mut counts = Self::default();
        Zip::from(mask)
            .and(&truth.object)
            .and(&truth.ignore)
            .for_each(|&mask, &object, &ignore| {
                if !ignore {
                    counts.intersection += u64::from(mask && object);
                    counts.union += u64::from(mask || object);
                    counts.correct += u64::from(mask == object);
                    counts.total += 1;
                }
            });
        counts
    }

    fn iou(&self) -> f64 {
        share(self.intersection, self.union)
    }

    fn accuracy(&self) -> f64 {
        share(self.correct, self.total)
    }
}

/// `part` / `whole`; 1 if both are 0.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        1.0
    } else {
        part as f64 / whole as f64
    }
}

/// The scores of masks over a dataset, each a mean over photos.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MaskScores {
    /// The number of photos with a true mask.
    pub images: usize,
    /// The mean IoU.
    pub mask_iou: Rate,
    /// The mean share of pixels that are labelled correctly.
    pub pixel_accuracy: Rate,
    /// The mean IoU of the whole photo.
    pub whole_image: f64,
    /// The mean IoU of the centred ellipse of 0.8 times each side.
    pub centre_ellipse: f64,
    /// The mean share of pixels that an empty mask labels correctly.
    pub empty_mask: f64,
}

impl MaskScores {
    /// The scores over all photos; `None` if there are none.
    #[must_use]
    pub fn from_outcomes(photos: &[MaskOutcome]) -> Option<Self> {
        let with_interval = |value: fn(&MaskOutcome) -> f64| {
            let values: Vec<_> = photos.iter().map(|photo| (1.0, value(photo))).collect();
            mean(&values)
        };
        let without_interval = |value: fn(&MaskOutcome) -> f64| {
            photos.iter().map(value).sum::<f64>() / photos.len() as f64
        };
        Some(Self {
            images: photos.len(),
            mask_iou: with_interval(|photo| photo.iou)?,
            pixel_accuracy: with_interval(|photo| photo.accuracy)?,
            whole_image: without_interval(|photo| photo.whole_image_iou),
            centre_ellipse: without_interval(|photo| photo.centre_ellipse_iou),
            empty_mask: without_interval(|photo| photo.empty_mask_accuracy),
        })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn overlaps_by_hand() {
        let truth = TrueMask {
            object: array![[true, true, false, false]],
            ignore: array![[false, false, false, true]],
        };
        let mask = array![[false, true, true, true]];
        let found = MaskOutcome::new(&mask, &truth).expect("pixels count");
        assert_eq!(found.empty_mask_accuracy, 1.0 / 3.0);
        assert_eq!(
            (found.iou, found.accuracy, found.whole_image_iou),
            (1.0 / 3.0, 1.0 / 3.0, 2.0 / 3.0)
        );
        let empty = TrueMask {
            object: array![[false]],
            ignore: array![[false]],
        };
        let of_empty = MaskOutcome::new(&array![[false]], &empty).expect("a pixel");
        assert_eq!(of_empty.iou, 1.0);
        let ignored = TrueMask {
            object: array![[false]],
            ignore: array![[true]],
        };
        assert_eq!(MaskOutcome::new(&array![[false]], &ignored), None);
        let scores = MaskScores::from_outcomes(&[found]).expect("a photo");
        assert_eq!((scores.images, scores.mask_iou.value), (1, 1.0 / 3.0));
        assert_eq!(MaskScores::from_outcomes(&[]), None);
    }
}
