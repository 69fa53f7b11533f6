//! MaxBoxAcc and MaxBoxAccV2 of score maps (Choe et al. 2020, `evaluation.py` of wsolevaluation).
//!
//! A map is cut off to 8 bits; at threshold τ the pixels strictly above ⌊τ · max⌋ are the object,
//! and its contours give the boxes, in a frame of 224 x 224 to which the true boxes are brought
//! too. V1 takes the box of the largest contour and IoU 0.5; V2 takes the best of all contours, and
//! the mean over IoU 0.3, 0.5 and 0.7. Each takes the threshold that is best on the photos it is
//! scored on, another one for each IoU: **an oracle**, one constant for a whole dataset, and no
//! blacklist. Such a number is no GT-known accuracy.

use ndarray::{Array2, ArrayView2};
use serde::Serialize;

use super::interval::bootstrap;
use super::{Rate, contours, rate};
use crate::geometry::{BBox, Size};
use crate::random::SplitMix;

/// Width and height of a score map, pixels.
pub const MAP_SIZE: usize = 224;

/// The least IoUs of a right box.
pub(super) const IOUS: [f64; 3] = [0.3, 0.5, 0.7];

/// The thresholds 0, step, 2·step, ... below 1. Written as the step, 0.01 or 0.001.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub enum Steps {
    /// 100 of them: the default of wsolevaluation's command line.
    #[serde(rename = "0.01")]
    Hundred,
    /// 1000 of them: the default of its evaluator, which visits every grey level.
    #[serde(rename = "0.001")]
    Thousand,
}

impl std::str::FromStr for Steps {
    type Err = &'static str;

    fn from_str(step: &str) -> Result<Self, Self::Err> {
        match step {
            "0.01" => Ok(Self::Hundred),
            "0.001" => Ok(Self::Thousand),
            _ => Err("0.01 and 0.001 are known"),
        }
    }
}

impl Steps {
    /// How many thresholds there are.
    #[must_use]
    pub fn count(self) -> usize {
        match self {
            Self::Hundred => 100,
            Self::Thousand => 1000,
        }
    }

    /// Threshold number `n`, as NumPy's `arange` gives it.
    #[must_use]
    pub fn threshold(self, n: usize) -> f64 {
        let step = match self {
            Self::Hundred => 0.01,
            Self::Thousand => 0.001,
        };
        n as f64 * step
    }
}

/// A map in 0..=1 as 8-bit levels: ⌊255 · value⌋.
#[must_use]
pub fn levels(map: ArrayView2<'_, f64>) -> Array2<u8> {
    map.map(|value| (value * 255.0) as u8)
}

/// A true box in the frame of the map: each inclusive corner · 224 / side, cut off to a whole
/// number.
///
/// ```
/// use localise::geometry::{BBox, Size};
/// use localise::score::in_map;
/// let truth = BBox::from_inclusive(111., 108., 441., 193.);
/// assert_eq!(in_map(&truth, Size::new(500, 375)), BBox::from_inclusive(49., 64., 197., 115.));
/// ```
#[must_use]
pub fn in_map(bbox: &BBox, size: Size) -> BBox {
    resized(bbox, size, Size::square(MAP_SIZE as u32))
}

fn resized(bbox: &BBox, from: Size, to: Size) -> BBox {
    let corner = |value: f64, to: u32, from: u32| (value * f64::from(to) / f64::from(from)).trunc();
    let x = |value| corner(value, to.width, from.width);
    let y = |value| corner(value, to.height, from.height);
    let (right, bottom) = (bbox.x_max - 1.0, bbox.y_max - 1.0);
    BBox::from_inclusive(
        x(bbox.x_min),
        y(bbox.y_min),
        x(right),
        y(bottom),
    )
}

/// At which thresholds a photo's boxes are right: a byte a threshold, whose bits 0 to 2 are V1's
/// three IoUs, and 3 to 5 those of all contours.
#[derive(Clone, Debug, PartialEq)]
pub struct BoxHits(Vec<u8>);

/// What the boxes of a map reach at one threshold: the best IoU of the largest contour, and of all,
/// in 0..=1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reach {
    /// The largest contour's.
    pub largest: f64,
    /// The best contour's.
    pub all: f64,
}

/// The best IoUs of a map's boxes at every threshold, from 0 on. The map's values are in 0..=1;
/// `truth` lies in its frame, as [`in_map`] brings it there.
#[must_use]
pub fn reaches(map: ArrayView2<'_, f64>, truth: &[BBox], steps: Steps) -> Vec<Reach> {
    let levels = levels(map);
    let most = f64::from(levels.iter().copied().max().unwrap_or(0));
    // Several thresholds share a grey level.
    let mut known: Option<(u8, Reach)> = None;
    let reach = |cutoff: u8| {
        let found = contours(levels.view(), cutoff);
        let best = |boxes: &[BBox]| {
            let ious = boxes
                .iter()
                .flat_map(|bbox| truth.iter().map(|truth| bbox.iou(truth)));
            ious.fold(0.0, f64::max)
        };
        Reach {
            largest: best(&[found.largest]),
            all: best(&found.boxes),
        }
    };
    let at = |n: usize| {
        let cutoff = (steps.threshold(n) * most) as u8;
        match known {
            Some((last, reach)) if last == cutoff => reach,
            _ => known.insert((cutoff, reach(cutoff))).1,
        }
    };
    (0..steps.count()).map(at).collect()
}

impl BoxHits {
    /// The hits of a map, as [`reaches`] has it.
    #[must_use]
    pub fn of(map: ArrayView2<'_, f64>, truth: &[BBox], steps: Steps) -> Self {
        let bits = |iou: f64| {
            IOUS.iter()
                .enumerate()
                .map(|(i, least)| u8::from(iou >= *least) << i)
                .sum::<u8>()
        };
        let byte = |reach: Reach| bits(reach.largest) | bits(reach.all) << 3;
        Self(reaches(map, truth, steps).into_iter().map(byte).collect())
    }
}

/// MaxBoxAcc of a dataset.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MaxBoxAcc {
    /// How many photos have boxes.
    pub images: usize,
    /// The step between thresholds.
    pub step: Steps,
    /// MaxBoxAcc, or V1: the largest contour, IoU 0.5, the best threshold.
    pub max_box_acc: Rate,
    /// MaxBoxAccV2: all contours, the mean of IoU 0.3, 0.5 and 0.7, each at its best threshold.
    pub max_box_acc_v2: Rate,
    /// The largest contour at each IoU.
    pub single_contour: [AtIou; 3],
    /// All contours at each IoU.
    pub all_contours: [AtIou; 3],
}

/// The best threshold for an IoU, and what lies round it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AtIou {
    /// The least IoU of a right box.
    pub iou: f64,
    /// The share of photos that are right at the best threshold.
    pub accuracy: Rate,
    /// The first threshold that is best.
    pub threshold: f64,
    /// How many photos are right at each threshold.
    pub correct_at_each_threshold: Vec<usize>,
}

impl MaxBoxAcc {
    /// The numbers of all photos; `None` without any.
    ///
    /// ```
    /// use localise::score::{BoxHits, MaxBoxAcc, Steps};
    /// // Two maps of an object of 2 x 2 pixels, sharp and in a haze. MapBoxScores end one pixel late; so does this true one.
    /// let sharp = ndarray::Array2::from_shape_fn((6, 6), |(y, x)| if x < 2 && y < 2 { 1.0 } else { 0.0 });
    /// let hazy = sharp.mapv(|v: f64| v.max(0.3));
    /// let truth = [localise::geometry::BBox::new(0., 0., 3., 3.)];
    /// let hits = [sharp, hazy].map(|map| BoxHits::of(map.view(), &truth, Steps::Hundred));
    /// let found = MaxBoxAcc::of(&hits.each_ref(), Steps::Hundred).unwrap();
    /// let [_, at_half, _] = found.single_contour;
    /// assert_eq!((at_half.accuracy.value, at_half.threshold), (1.0, 0.3));
    /// assert_eq!(at_half.correct_at_each_threshold[29], 1); // below it the hazy box is the whole map
    /// ```
    ///
    /// # Panics
    /// When hits were looked for at other thresholds than those of `steps`.
    #[must_use]
    pub fn of(photos: &[&BoxHits], steps: Steps) -> Option<Self> {
        if photos.is_empty() {
            return None;
        }
        let thresholds = steps.count();
        assert!(
            photos.iter().all(|photo| photo.0.len() == thresholds),
            "hits at {thresholds} thresholds"
        );
        let hit = |photo: &BoxHits, n: usize, bit: usize| photo.0[n] >> bit & 1 == 1;
        let best = |bit: usize| {
            let count = |n: usize| photos.iter().filter(|photo| hit(photo, n, bit)).count();
            let counts: Vec<usize> = (0..thresholds).map(count).collect();
            let most = counts.iter().max().copied().unwrap_or(0);
            let first = counts.iter().position(|&count| count == most).unwrap_or(0);
            let accuracy =
                rate(photos.iter().map(|photo| (1.0, hit(photo, first, bit)))).expect("photos");
            let at = AtIou {
                iou: IOUS[bit % 3],
                accuracy,
                threshold: steps.threshold(first),
                correct_at_each_threshold: counts,
            };
            (at, first)
        };
        let single: [_; 3] = std::array::from_fn(best);
        let all: [_; 3] = std::array::from_fn(|i| best(i + 3));
        // The interval of V2 is that of its mean at the thresholds that were found.
        let three =
            |photo: &BoxHits| (0..3).filter(|&i| hit(photo, all[i].1, i + 3)).count() as f64 / 3.0;
        let values: Vec<f64> = photos.iter().map(|photo| three(photo)).collect();
        let n = values.len();
        let drawn =
            |random: &mut SplitMix| (0..n).map(|_| values[random.below(n)]).sum::<f64>() / n as f64;
        let [low, high] = bootstrap(n, drawn);
        let value = all.iter().map(|(at, _)| at.accuracy.value).sum::<f64>() / 3.0;
        Some(Self {
            images: photos.len(),
            step: steps,
            max_box_acc: single[1].0.accuracy,
            max_box_acc_v2: Rate { value, low, high },
            single_contour: single.map(|(at, _)| at),
            all_contours: all.map(|(at, _)| at),
        })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    /// The cases of wsolevaluation's `evaluation_test.py`, `resize_bbox`.
    #[test]
    fn true_boxes_are_cut_off_to_whole_corners() {
        let b = |x0, y0, x1, y1| BBox::from_inclusive(x0, y0, x1, y1);
        assert_eq!(
            resized(&b(1., 2., 4., 3.), [10, 20], [35, 10]),
            b(3., 1., 14., 1.)
        );
        assert_eq!(
            resized(&b(1., 2., 1., 2.), [3, 3], [3, 3]),
            b(1., 2., 1., 2.)
        );
    }

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
            let levels = levels(map.view());
            for (i, corners) in boxes.into_iter().enumerate() {
                let cutoff = ([0.0, 0.2, 0.4, 0.6, 0.8][i] * 255.0) as u8;
                let [x0, y0, x1, y1] = corners.map(f64::from);
                assert_eq!(
                    contours(levels.view(), cutoff).largest,
                    BBox::from_inclusive(x0, y0, x1, y1),
                    "{i}"
                );
            }
        }
    }

    #[test]
    fn the_best_threshold_is_one_for_all_photos() {
        // Right at thresholds 10 to 19, and at 15 to 29.
        let hits = |from: usize, to: usize| {
            BoxHits(
                (0..100)
                    .map(|n| {
                        if (from..=to).contains(&n) {
                            0b111_111
                        } else {
                            0
                        }
                    })
                    .collect(),
            )
        };
        let (a, b) = (hits(10, 19), hits(15, 29));
        let found = MaxBoxAcc::of(&[&a, &b], Steps::Hundred).expect("photos");
        assert_eq!(
            (found.max_box_acc.value, found.single_contour[1].threshold),
            (1.0, 0.15)
        );
        assert_eq!(found.all_contours[0].correct_at_each_threshold[14], 1);
        assert_eq!(MaxBoxAcc::of(&[], Steps::Hundred), None);
    }
}
