//! The devkit profile's numbers.

use serde::{Deserialize, Serialize};

use super::{LEAST_IOU, Rate, rate};
use crate::geometry::BBox;

/// What is known of one photo after it was run.
///
/// Every photo has one class, and a list of guesses names each class once. So the localisation errors need one box: with
/// `rank` the place of the true class in the ranking and `iou` that of the box for it, a top-k list holds a right guess
/// exactly when `rank < k` and `iou >= 1/2`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// The photo's weight.
    pub weight: f64,
    /// Whether it is left out of localisation.
    pub blacklisted: bool,
    /// The place of the true class in the ranking, from 0; `None` where the photo failed.
    pub rank: Option<usize>,
    /// The best IoU of the box for the true class with a true box; `None` where the photo failed.
    pub iou: Option<f64>,
}

impl Outcome {
    fn in_top(&self, k: usize) -> bool {
        self.rank.is_some_and(|rank| rank < k)
    }

    fn box_right(&self) -> bool {
        self.iou.is_some_and(|iou| iou >= LEAST_IOU)
    }
}

/// The numbers of a run. `None` where there are no photos to take them of.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Metrics {
    /// Share of photos whose box for the true class is right.
    pub gt_known_accuracy: Option<Rate>,
    /// Share of photos whose first guess is wrong in class or box.
    pub top1_localisation_error: Option<Rate>,
    /// Share of photos none of whose five guesses is right in class and box.
    pub top5_localisation_error: Option<Rate>,
    /// Share of photos whose first guess has the wrong class.
    pub top1_classification_error: Option<Rate>,
    /// Share of photos none of whose five guesses has the right class.
    pub top5_classification_error: Option<Rate>,
    /// Of the photos whose class is among the five guesses, the share whose box for it is right.
    pub box_given_top5: Option<Rate>,
}

/// The metrics of photos, weighted by `weight`.
pub fn metrics(outcomes: &[Outcome], weight: impl Fn(&Outcome) -> f64) -> Metrics {
    let of = |counts: &dyn Fn(&Outcome) -> bool, hit: &dyn Fn(&Outcome) -> bool| {
        rate(outcomes.iter().filter(|o| counts(o)).map(|o| (weight(o), hit(o))))
    };
    let all: &dyn Fn(&Outcome) -> bool = &|_| true;
    let kept: &dyn Fn(&Outcome) -> bool = &|o| !o.blacklisted;
    Metrics {
        gt_known_accuracy: of(kept, &Outcome::box_right),
        top1_localisation_error: of(kept, &|o| !(o.in_top(1) && o.box_right())),
        top5_localisation_error: of(kept, &|o| !(o.in_top(5) && o.box_right())),
        top1_classification_error: of(all, &|o| !o.in_top(1)),
        top5_classification_error: of(all, &|o| !o.in_top(5)),
        box_given_top5: of(&|o| !o.blacklisted && o.in_top(5), &Outcome::box_right),
    }
}

/// What boxes that do not look at the photo score: a method below them has localised nothing.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Floors {
    /// The centred box of half the photo's area, with real edges. Ill-conditioned: where the true box is the whole
    /// photo the IoU is exactly 1/2 but for rounding.
    pub centre_half_area: Floor,
    /// The same with its edges rounded to whole pixels: the one to compare exactly.
    pub centre_half_area_rounded: Floor,
    /// The centred box of 0.8 times each side, with real edges.
    pub centre_four_fifths: Floor,
    /// The whole photo.
    pub whole_image: Floor,
}

/// The score of a constant box.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Floor {
    /// As in [`Metrics`].
    pub gt_known_accuracy: Option<Rate>,
}

/// The floors of photos given by size (width, height), true boxes and weight; blacklisted ones are to be left out.
pub fn floors<'a>(photos: impl Iterator<Item = ([u32; 2], &'a [BBox], f64)> + Clone) -> Floors {
    let floor = |side: f64, rounded: bool| {
        let hit = |(size, truth, weight): ([u32; 2], &[BBox], f64)| {
            let bbox = BBox::centred(size[0] as usize, size[1] as usize, side, rounded);
            (weight, truth.iter().any(|t| bbox.iou(t) >= LEAST_IOU))
        };
        Floor { gt_known_accuracy: rate(photos.clone().map(hit)) }
    };
    Floors {
        centre_half_area: floor(std::f64::consts::FRAC_1_SQRT_2, false),
        centre_half_area_rounded: floor(std::f64::consts::FRAC_1_SQRT_2, true),
        centre_four_fifths: floor(0.8, false),
        whole_image: floor(1.0, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(rank: usize, iou: f64, blacklisted: bool) -> Outcome {
        Outcome { weight: 1.0, blacklisted, rank: Some(rank), iou: Some(iou) }
    }

    /// protocol.md, section 8, "Worked example": A right at guess 1, B at guess 3, C's class right at guess 1 without a
    /// good box, D blacklisted with its class right at guess 1.
    #[test]
    fn the_worked_example() {
        let photos = [outcome(0, 0.5, false), outcome(2, 0.9, false), outcome(0, 0.4999, false), outcome(0, 0.1, true)];
        let m = metrics(&photos, |o| o.weight);
        let value = |rate: Option<Rate>| rate.expect("photos").value;
        assert_eq!(value(m.top1_localisation_error), 2.0 / 3.0);
        assert_eq!(value(m.top5_localisation_error), 1.0 / 3.0);
        assert_eq!(value(m.top1_classification_error), 1.0 / 4.0);
        assert_eq!(value(m.top5_classification_error), 0.0);
        assert_eq!(value(m.gt_known_accuracy), 2.0 / 3.0);
        assert_eq!(value(m.box_given_top5), 2.0 / 3.0);
    }

    #[test]
    fn a_failed_photo_is_wrong_in_everything() {
        let failed = Outcome { weight: 1.0, blacklisted: false, rank: None, iou: None };
        let m = metrics(&[failed, outcome(0, 1.0, false)], |o| o.weight);
        for rate in [m.gt_known_accuracy, m.top1_localisation_error, m.top5_classification_error] {
            assert_eq!(rate.expect("photos").value, 0.5);
        }
        assert_eq!(m.box_given_top5.expect("photos").value, 1.0);
    }

    #[test]
    fn weights_weigh() {
        let photos = [Outcome { weight: 3.0, ..outcome(0, 1.0, false) }, outcome(9, 0.0, false)];
        assert_eq!(metrics(&photos, |o| o.weight).gt_known_accuracy.expect("photos").value, 0.75);
        assert_eq!(metrics(&photos, |_| 1.0).gt_known_accuracy.expect("photos").value, 0.5);
    }

    #[test]
    fn floors_by_hand() {
        let truths = [[BBox::new(0., 0., 100., 60.)], [BBox::new(30., 30., 70., 70.)]];
        let photos = truths.iter().map(|t| ([100, 100], t.as_slice(), 1.0));
        let value = |floor: Floor| floor.gt_known_accuracy.expect("photos").value;
        let floors = floors(photos);
        // 60 % of the first photo; 1600 of the 5000 pixels of the centred box in the second.
        assert_eq!(value(floors.whole_image), 0.5);
        assert_eq!(value(floors.centre_half_area), 0.0);
    }
}
