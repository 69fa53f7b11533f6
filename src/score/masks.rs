//! Masks against true masks: pixel IoU and accuracy, the ignored pixels left out.

use ndarray::{Array2, Zip};
use serde::Serialize;

use super::{Rate, mean};
use crate::dataset::TrueMask;

/// What a photo's mask scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Overlap {
    /// Intersection over union, in 0..=1; 1 where both masks are empty.
    pub iou: f64,
    /// The share of pixels that are labelled right.
    pub accuracy: f64,
    /// The IoU of the whole photo: a floor.
    pub whole: f64,
    /// The IoU of the centred ellipse of 0.8 times each side: a floor.
    pub ellipse: f64,
    /// The share of pixels that an empty mask labels right: a floor.
    pub background: f64,
}

impl Overlap {
    /// Compares two masks of one size, [height, width]; `None` where every pixel is to be left out.
    ///
    /// # Panics
    /// When they differ in size.
    #[must_use]
    pub fn of(mask: &Array2<bool>, truth: &TrueMask) -> Option<Self> {
        if truth.ignore.iter().all(|&ignore| ignore) {
            return None;
        }
        let (height, width) = mask.dim();
        let scaled = |i: usize, n: usize| ((i as f64 + 0.5) / n as f64 - 0.5) / 0.4;
        let ellipse = Array2::from_shape_fn((height, width), |(y, x)| {
            scaled(x, width).powi(2) + scaled(y, height).powi(2) <= 1.0
        });
        let (iou, accuracy) = compare(mask, truth);
        let whole = compare(&mask.mapv(|_| true), truth).0;
        let background = compare(&mask.mapv(|_| false), truth).1;
        Some(Self {
            iou,
            accuracy,
            whole,
            ellipse: compare(&ellipse, truth).0,
            background,
        })
    }
}

/// IoU and accuracy.
fn compare(mask: &Array2<bool>, truth: &TrueMask) -> (f64, f64) {
    let (mut both, mut either, mut same, mut all) = (0u64, 0u64, 0u64, 0u64);
    Zip::from(mask)
        .and(&truth.object)
        .and(&truth.ignore)
        .for_each(|&mask, &object, &ignore| {
            if !ignore {
                both += u64::from(mask && object);
                either += u64::from(mask || object);
                same += u64::from(mask == object);
                all += 1;
            }
        });
    let share = |part: u64, of: u64| {
        if of == 0 {
            1.0
        } else {
            part as f64 / of as f64
        }
    };
    (share(both, either), share(same, all))
}

/// The numbers of masks over a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MaskScores {
    /// How many photos have a true mask.
    pub images: usize,
    /// Mean IoU.
    pub mask_iou: Rate,
    /// Mean share of pixels that are labelled right.
    pub pixel_accuracy: Rate,
    /// Mean IoU of the whole photo.
    pub whole_image: f64,
    /// Mean IoU of the centred ellipse of 0.8 times each side.
    pub centre_ellipse: f64,
    /// Mean share of pixels that an empty mask labels right.
    pub empty_mask: f64,
}

impl MaskScores {
    /// The numbers of all photos; `None` without any.
    #[must_use]
    pub fn of(photos: &[Overlap]) -> Option<Self> {
        let of = |value: fn(&Overlap) -> f64| {
            mean(&photos.iter().map(|o| (1.0, value(o))).collect::<Vec<_>>())
        };
        let plain = |value: fn(&Overlap) -> f64| {
            photos.iter().map(value).sum::<f64>() / photos.len() as f64
        };
        Some(Self {
            images: photos.len(),
            mask_iou: of(|o| o.iou)?,
            pixel_accuracy: of(|o| o.accuracy)?,
            whole_image: plain(|o| o.whole),
            centre_ellipse: plain(|o| o.ellipse),
            empty_mask: plain(|o| o.background),
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
        let found = Overlap::of(&array![[false, true, true, true]], &truth).expect("pixels count");
        assert_eq!(found.background, 1.0 / 3.0);
        assert_eq!(
            (found.iou, found.accuracy, found.whole),
            (1.0 / 3.0, 1.0 / 3.0, 2.0 / 3.0)
        );
        let empty = TrueMask {
            object: array![[false]],
            ignore: array![[false]],
        };
        assert_eq!(
            Overlap::of(&array![[false]], &empty).expect("a pixel").iou,
            1.0
        );
        let ignored = TrueMask {
            object: array![[false]],
            ignore: array![[true]],
        };
        assert_eq!(Overlap::of(&array![[false]], &ignored), None);
        let scores = MaskScores::of(&[found]).expect("a photo");
        assert_eq!((scores.images, scores.mask_iou.value), (1, 1.0 / 3.0));
        assert_eq!(MaskScores::of(&[]), None);
    }
}
