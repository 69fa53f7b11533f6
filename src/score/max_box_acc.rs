//! MaxBoxAcc and MaxBoxAccV2 of score maps (Choe et al. 2020, `evaluation.py` of wsolevaluation).
//!
//! A map is quantised to 8 bits. At threshold τ the pixels strictly above ⌊τ · max⌋ are the object,
//! and its contours give the boxes, in a frame of 224 x 224 pixels to which the true boxes are
//! scaled too. V1 takes the box of the largest contour and IoU 0.5. V2 takes the best of all
//! contours, and the mean over IoU 0.3, 0.5 and 0.7. Both take the threshold that is best on the
//! photos that are scored, a separate one for each IoU: **an oracle**, one constant for a whole
//! dataset. There is no blacklist. Such a number is not a GT-known accuracy.

use serde::Serialize;

use super::best_ious::{BoxHits, ContourChoice};
use super::constants::IOU_THRESHOLDS;
use super::interval::{Rate, rate};
use super::steps::Steps;

/// MaxBoxAcc of a dataset.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MaxBoxAcc {
    /// The number of photos with boxes.
    pub images: usize,
    /// The step between thresholds.
    pub step: Steps,
    /// MaxBoxAcc, or V1: the largest contour, IoU 0.5, the best threshold.
    pub max_box_acc: Rate,
    /// MaxBoxAccV2: all contours, the mean of IoU 0.3, 0.5 and 0.7, each at its best threshold.
    pub max_box_acc_v2: Rate,
    /// The largest contour at IoU 0.3, 0.5 and 0.7.
    pub single_contour: [AccuracyAtIou; 3],
    /// All contours at IoU 0.3, 0.5 and 0.7.
    pub all_contours: [AccuracyAtIou; 3],
}

/// The accuracy by one IoU at its best threshold, and the counts at all thresholds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AccuracyAtIou {
    /// The smallest IoU of a correct box.
    pub iou: f64,
    /// The share of photos that are correct at the best threshold.
    pub accuracy: Rate,
    /// The first threshold that is best.
    pub threshold: f64,
    /// The number of photos that are correct at each threshold.
    pub correct_at_each_threshold: Vec<usize>,
}

impl MaxBoxAcc {
    /// The scores over all photos; `None` if there are none.
    ///
    /// ```
    /// use localise::geometry::BBox;
    /// use localise::score::{BoxHits, MaxBoxAcc, Steps};
    /// use ndarray::Array2;
    ///
    /// // Two maps of an object of 2 x 2 pixels: one is sharp, one is hazy.
    /// let sharp = Array2::from_shape_fn((6, 6), |(y, x)| if x < 2 && y < 2 { 1.0 } else { 0.0 });
    /// let hazy = sharp.mapv(|v: f64| v.max(0.3));
    /// // Boxes of contours are a pixel too large, and so is the true box here.
    /// let truth = [BBox::new(0., 0., 3., 3.)];
    /// let hits = [sharp, hazy].map(|map| BoxHits::new(map.view(), &truth, Steps::Hundred));
    /// let found = MaxBoxAcc::from_hits(&hits.each_ref(), Steps::Hundred).unwrap();
    /// let [_, at_half, _] = found.single_contour;
    /// assert_eq!((at_half.accuracy.value, at_half.threshold), (1.0, 0.3));
    /// // At lower thresholds the box of the hazy map is the whole map.
    /// assert_eq!(at_half.correct_at_each_threshold[29], 1);
    /// ```
    ///
    /// # Panics
    /// If the hits were computed at other thresholds than those of `steps`.
    #[must_use]
    pub fn from_hits(photos: &[&BoxHits], steps: Steps) -> Option<Self> {
        if photos.is_empty() {
            return None;
        }
        let thresholds = steps.count();
        assert!(
            photos.iter().all(|photo| photo.bits.len() == thresholds),
            "hits at {thresholds} thresholds"
        );
        let best = |choice: ContourChoice| {
            [0, 1, 2].map(|iou| BestThreshold::new(photos, steps, choice, iou))
        };
        let (single, all) = (best(ContourChoice::Largest), best(ContourChoice::All));
        Some(Self {
            images: photos.len(),
            step: steps,
            max_box_acc: single[1].scores.accuracy,
            max_box_acc_v2: mean_accuracy(photos, &all),
            single_contour: single.map(|threshold| threshold.scores),
            all_contours: all.map(|threshold| threshold.scores),
        })
    }
}

/// The best threshold for one IoU.
struct BestThreshold {
    /// Its number, from 0.
    n: usize,
    scores: AccuracyAtIou,
}

impl BestThreshold {
    fn new(photos: &[&BoxHits], steps: Steps, choice: ContourChoice, iou: usize) -> Self {
        let is_hit = |photo: &BoxHits, n: usize| photo.is_hit(n, choice, iou);
        let counts: Vec<usize> = (0..steps.count())
            .map(|n| photos.iter().filter(|photo| is_hit(photo, n)).count())
            .collect();
        let max = counts.iter().max().copied().unwrap_or(0);
        let n = counts.iter().position(|&count| count == max).unwrap_or(0);
        let hits = photos.iter().map(|photo| (1.0, is_hit(photo, n)));
        Self {
            n,
            scores: AccuracyAtIou {
                iou: IOU_THRESHOLDS[iou],
                accuracy: rate(hits).expect("there are photos"),
                threshold: steps.threshold(n),
                correct_at_each_threshold: counts,
            },
        }
    }
}

/// The mean of the accuracies at the three best thresholds for all contours. Its interval is that
/// of the mean over photos at these thresholds.
fn mean_accuracy(photos: &[&BoxHits], best: &[BestThreshold; 3]) -> Rate {
    let hits = |photo: &BoxHits| {
        let hits = best.iter().enumerate();
        hits.filter(|(iou, threshold)| photo.is_hit(threshold.n, ContourChoice::All, *iou))
            .count()
    };
    let values: Vec<f64> = photos
        .iter()
        .map(|photo| hits(photo) as f64 / 3.0)
        .collect();
    let accuracies = best.iter().map(|threshold| threshold.scores.accuracy.value);
    let n = values.len();
    Rate::with_bootstrap(accuracies.sum::<f64>() / 3.0, n, |random| {
        (0..n).map(|_| values[random.below(n)]).sum::<f64>() / n as f64
    })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::super::contours::contours;
    use super::super::map_frame::grey_levels;
    use super::*;
    use crate::geometry::BBox;

    /// The cases of wsolevaluation's `evaluation_test.py`: the boxes of two maps at thresholds 0,
    /// .2, .4, .6 and .8.
    #[test]
    fn boxes_of_maps() {
        let first = array![
            [0., 0., 0., 0., 0.],
            [0., 0.4, 0.4, 0.4, 0.6],
            [0., 0.4, 1., 0.8, 0.6],
            [0., 0.4, 0.4, 0.4, 0.6]
        ];
        let second = array![
            [0.4, 0., 0.2, 0.2, 0.2],
            [0.4, 0.4, 0., 0.4, 0.],
            [0., 0., 0., 0.4, 0.],
            [1., 0.6, 0.8, 0.2, 0.2]
        ];
        let expected = [
            (
                &first,
                [
                    [1, 1, 4, 3],
                    [1, 1, 4, 3],
                    [2, 1, 4, 3],
                    [2, 2, 4, 3],
                    [2, 2, 3, 3],
                ],
            ),
            (
                &second,
                [
                    [0, 0, 4, 3],
                    [0, 0, 2, 2],
                    [0, 3, 3, 3],
                    [2, 3, 3, 3],
                    [0, 3, 1, 3],
                ],
            ),
        ];
        for (map, boxes) in expected {
            let levels = grey_levels(map.view());
            for (threshold, corners) in [0.0, 0.2, 0.4, 0.6, 0.8].into_iter().zip(boxes) {
                let cutoff = (threshold * 255.0) as u8;
                let [x0, y0, x1, y1] = corners.map(f64::from);
                assert_eq!(
                    contours(levels.view(), cutoff).largest,
                    BBox::from_inclusive(x0, y0, x1, y1),
                    "{threshold}"
                );
            }
        }
    }

    #[test]
    fn the_best_threshold_is_one_for_all_photos() {
        // Correct at thresholds 10 to 19, and at 15 to 29.
        let hits = |from: usize, to: usize| {
            let is_hit = |n| (from..=to).contains(&n);
            BoxHits {
                bits: (0..100)
                    .map(|n| if is_hit(n) { 0b111_111 } else { 0 })
                    .collect(),
            }
        };
        let (a, b) = (hits(10, 19), hits(15, 29));
        let found = MaxBoxAcc::from_hits(&[&a, &b], Steps::Hundred).expect("photos");
        assert_eq!(
            (found.max_box_acc.value, found.single_contour[1].threshold),
            (1.0, 0.15)
        );
        assert_eq!(found.all_contours[0].correct_at_each_threshold[14], 1);
        assert_eq!(MaxBoxAcc::from_hits(&[], Steps::Hundred), None);
    }
}
