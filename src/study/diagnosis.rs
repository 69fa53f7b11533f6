//! Where a cut wins or loses, stage by stage.
//!
//! The true boxes stand in for the objects. A box is larger than its object, so these numbers
//! compare pipelines with each other, and say nothing about the accuracy of a mask.

use ndarray::Array2;
use serde::Serialize;

use crate::dataset::Photo;
use crate::geometry::Size;
use crate::segment::{Seed, Stages};

/// Shares of pixels in one photo, or their means over photos, from 0 to 1; `None` where a stage was
/// not reached or is not part of the pipeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Diagnosis {
    /// The share of the foreground seeds that are inside a true box: the seeds' precision.
    pub foreground_inside: Option<f64>,
    /// The share of the background seeds that are outside all true boxes.
    pub background_outside: Option<f64>,
    /// The share of the mask that is inside a true box.
    pub mask_precision: Option<f64>,
    /// The share of the true boxes that the mask covers.
    pub mask_recall: Option<f64>,
    /// The share of the component that is inside a true box.
    pub component_precision: Option<f64>,
    /// The share of the true boxes that the component covers.
    pub component_recall: Option<f64>,
}

impl Diagnosis {
    /// The diagnosis of one photo of this size.
    pub(super) fn new(photo: &Photo, size: Size, stages: &Stages) -> Self {
        let [mask_precision, mask_recall] = precision_and_recall(photo, size, &stages.mask);
        let [component_precision, component_recall] =
            precision_and_recall(photo, size, &stages.component);
        let seeds_on_their_side = |wanted: Seed, inside: bool| {
            let seeds = &stages.seeds.as_ref()?.colour;
            let truth = true_pixels(photo, size, seeds.dim()).mapv(|set| set == inside);
            share(&seeds.mapv(|seed| seed == wanted), &truth)
        };
        Self {
            foreground_inside: seeds_on_their_side(Seed::Foreground, true),
            background_outside: seeds_on_their_side(Seed::Background, false),
            mask_precision,
            mask_recall,
            component_precision,
            component_recall,
        }
    }

    /// The mean of each share, over the photos that have it.
    pub(super) fn mean(all: &[Self]) -> Self {
        let mean = |value: fn(&Self) -> Option<f64>| {
            let values: Vec<f64> = all.iter().filter_map(value).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        Self {
            foreground_inside: mean(|d| d.foreground_inside),
            background_outside: mean(|d| d.background_outside),
            mask_precision: mean(|d| d.mask_precision),
            mask_recall: mean(|d| d.mask_recall),
            component_precision: mean(|d| d.component_precision),
            component_recall: mean(|d| d.component_recall),
        }
    }
}

/// The precision and the recall of a mask, where there is one.
fn precision_and_recall(
    photo: &Photo,
    size: Size,
    mask: &Option<Array2<bool>>,
) -> [Option<f64>; 2] {
    let Some(mask) = mask else {
        return [None, None];
    };
    let truth = true_pixels(photo, size, mask.dim());
    [share(mask, &truth), share(&truth, mask)]
}

/// The share of the pixels set in `a` that are set in `b` too; `None` where none is set in `a`.
fn share(a: &Array2<bool>, b: &Array2<bool>) -> Option<f64> {
    let count = a.iter().filter(|set| **set).count();
    let both = a.iter().zip(b).filter(|(a, b)| **a && **b).count();
    (count > 0).then(|| both as f64 / count as f64)
}

/// The pixels of a frame of shape (rows, columns) whose centres are in a true box. `size` is the
/// photo's, in whose pixels the boxes are.
fn true_pixels(photo: &Photo, size: Size, (rows, columns): (usize, usize)) -> Array2<bool> {
    let x_scale = f64::from(size.width) / columns as f64;
    let y_scale = f64::from(size.height) / rows as f64;
    Array2::from_shape_fn((rows, columns), |(row, column)| {
        let (x, y) = (
            (column as f64 + 0.5) * x_scale,
            (row as f64 + 0.5) * y_scale,
        );
        photo.boxes.iter().any(|bbox| bbox.contains(x, y))
    })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::geometry::BBox;

    fn photo_with(bbox: BBox) -> Photo {
        Photo {
            boxes: vec![bbox],
            ..Photo::default()
        }
    }

    #[test]
    fn shares_by_hand() {
        // The mask is the upper half of a frame that is half as large as the photo.
        let stages = Stages {
            mask: Some(array![[true, true], [false, false]]),
            ..Stages::default()
        };
        let size = Size::square(4);
        let upper_half = photo_with(BBox::new(0., 0., 4., 2.));
        let upper = Diagnosis::new(&upper_half, size, &stages);
        assert_eq!(
            (upper.mask_precision, upper.mask_recall),
            (Some(1.0), Some(1.0))
        );
        let left_half = photo_with(BBox::new(0., 0., 2., 4.));
        let left = Diagnosis::new(&left_half, size, &stages);
        assert_eq!(
            (left.mask_precision, left.mask_recall),
            (Some(0.5), Some(0.5))
        );
        assert_eq!(left.component_recall, None);
    }
}
