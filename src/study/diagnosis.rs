//! Where a cut wins or loses, stage by stage, with the true boxes as the object: a box is not its
//! object, so these numbers compare pipelines with each other and no more.

use ndarray::Array2;
use serde::Serialize;

use crate::dataset::Photo;
use crate::geometry::Size;
use crate::segment::{Seed, Stages};

/// Shares of pixels in one photo, or their means over photos; `None` where a stage was not reached
/// or is not part of the pipeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Diagnosis {
    /// Of the foreground seeds, those inside a true box: the seeds' precision.
    pub foreground_inside: Option<f64>,
    /// Of the background seeds, those outside all true boxes.
    pub background_outside: Option<f64>,
    /// Of the mask, what is inside a true box.
    pub mask_precision: Option<f64>,
    /// Of the true boxes, what the mask covers.
    pub mask_recall: Option<f64>,
    /// Of the component, what is inside a true box.
    pub component_precision: Option<f64>,
    /// Of the true boxes, what the component covers.
    pub component_recall: Option<f64>,
}

impl Diagnosis {
    pub(super) fn of(photo: &Photo, size: Size, stages: &Stages) -> Self {
        let precision = |marked: &Array2<bool>, truth: &Array2<bool>| share(marked, truth);
        let of_mask = |mask: &Option<Array2<bool>>| match mask {
            Some(mask) => {
                let truth = truth(photo, size, mask.dim());
                [precision(mask, &truth), precision(&truth, mask)]
            }
            None => [None, None],
        };
        let [mask_precision, mask_recall] = of_mask(&stages.mask);
        let [component_precision, component_recall] = of_mask(&stages.component);
        let of_seeds = |wanted: Seed, inside: bool| {
            let seeds = &stages.seeds.as_ref()?.colour;
            let truth = truth(photo, size, seeds.dim()).mapv(|set| set == inside);
            share(&seeds.mapv(|seed| seed == wanted), &truth)
        };
        Self {
            foreground_inside: of_seeds(Seed::Foreground, true),
            background_outside: of_seeds(Seed::Background, false),
            mask_precision,
            mask_recall,
            component_precision,
            component_recall,
        }
    }

    /// The means over photos of what they have.
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

/// Of the pixels of `a`, the share that are `b` too.
fn share(a: &Array2<bool>, b: &Array2<bool>) -> Option<f64> {
    let count = a.iter().filter(|set| **set).count();
    let both = a.iter().zip(b).filter(|(a, b)| **a && **b).count();
    (count > 0).then(|| both as f64 / count as f64)
}

/// The pixels of a frame (height, width) whose centres lie in a true box of the photo of size
///.
fn truth(photo: &Photo, size: Size, (height, width): (usize, usize)) -> Array2<bool> {
    let [width_of, height_of] = [
        f64::from(size.width) / width as f64,
        f64::from(size.height) / height as f64,
    ];
    Array2::from_shape_fn((height, width), |(y, x)| {
        let (x, y) = ((x as f64 + 0.5) * width_of, (y as f64 + 0.5) * height_of);
        photo.boxes.iter().any(|bbox| bbox.holds(x, y))
    })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::geometry::BBox;

    #[test]
    fn shares_by_hand() {
        let photo = Photo {
            boxes: vec![BBox::new(0., 0., 4., 2.)],
            ..Photo::default()
        };
        // The frame is half the photo: its left column is the truth.
        let mask = array![[true, true], [false, false]];
        let stages = Stages {
            mask: Some(mask),
            ..Stages::default()
        };
        let found = Diagnosis::of(&photo, [4, 4], &stages);
        assert_eq!(
            (found.mask_precision, found.mask_recall),
            (Some(1.0), Some(1.0))
        );
        let photo = Photo {
            boxes: vec![BBox::new(0., 0., 2., 4.)],
            ..Photo::default()
        };
        let found = Diagnosis::of(&photo, [4, 4], &stages);
        assert_eq!(
            (
                found.mask_precision,
                found.mask_recall,
                found.component_recall
            ),
            (Some(0.5), Some(0.5), None)
        );
    }
}
