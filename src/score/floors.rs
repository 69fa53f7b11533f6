//! Floors: what boxes score that do not depend on the photo. A method that scores less has not
//! localised anything.

use serde::Serialize;

use super::constants::{HALF_AREA, IOU_THRESHOLDS};
use super::corloc::{ClassSample, corloc};
use super::guess::{Guess, Label, Predicted};
use super::interval::{Rate, rate};
use super::outcome::Outcome;
use crate::dataset::Photo;
use crate::geometry::BBox;

/// The scores of boxes that do not depend on the photo.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Floors {
    /// The centred box of half the photo's area, its edges not rounded. It is ill-conditioned:
    /// where the true box is the whole photo, the IoU is exactly 1/2 except for rounding.
    pub centre_half_area: Floor,
    /// The same with its edges rounded to whole pixels. This is the floor to compare with exactly.
    pub centre_half_area_rounded: Floor,
    /// The centred box of 0.8 times each side, its edges not rounded.
    pub centre_four_fifths: Floor,
    /// The whole photo.
    pub whole_image: Floor,
}

/// The scores of a constant box, as in [`Metrics`](super::Metrics). `None` if the size of a photo
/// is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Floor {
    /// The share of photos with IoU ≥ 0.5.
    pub gt_known_accuracy: Option<Rate>,
    /// The share of photos with IoU ≥ 0.3.
    pub gt_known_accuracy_iou_30: Option<Rate>,
    /// The share of photos with IoU ≥ 0.7.
    pub gt_known_accuracy_iou_70: Option<Rate>,
    /// The mean IoU, without interval.
    pub mean_iou: Option<f64>,
    /// CorLoc, without interval.
    pub corloc: Option<f64>,
}

/// The floors of the photos that count in localisation, with these weights.
pub fn floors(photos: &[Photo], weight: impl Fn(&Photo) -> f64) -> Floors {
    let localised: Vec<(&Photo, f64)> = photos
        .iter()
        .filter(|photo| photo.counts_in_localisation())
        .map(|photo| (photo, weight(photo)))
        .collect();
    Floors {
        centre_half_area: Floor::new(&localised, HALF_AREA, false),
        centre_half_area_rounded: Floor::new(&localised, HALF_AREA, true),
        centre_four_fifths: Floor::new(&localised, 0.8, false),
        whole_image: Floor::new(&localised, 1.0, true),
    }
}

impl Floor {
    /// The scores, for photos and their weights, of the centred box whose sides are `side` times
    /// the photo's, with its edges rounded to whole pixels if `rounded`.
    fn new(photos: &[(&Photo, f64)], side: f64, rounded: bool) -> Self {
        let outcomes: Option<Vec<(Outcome, f64)>> = photos
            .iter()
            .map(|&(photo, weight)| Some((centred_box_outcome(photo, side, rounded)?, weight)))
            .collect();
        let Some(outcomes) = outcomes else {
            return Self::default();
        };
        let [iou_30, iou_50, iou_70] = IOU_THRESHOLDS.map(|iou| {
            let hits = outcomes
                .iter()
                .map(|(outcome, weight)| (*weight, outcome.iou_at_least(iou)));
            rate(hits)
        });
        let total: f64 = outcomes.iter().map(|(_, weight)| weight).sum();
        let ious: f64 = outcomes
            .iter()
            .map(|(outcome, weight)| weight * outcome.iou.unwrap_or(0.0))
            .sum();
        let samples: Option<Vec<ClassSample>> = outcomes
            .iter()
            .map(|(outcome, weight)| ClassSample::new(outcome, *weight))
            .collect();
        Self {
            gt_known_accuracy: iou_50,
            gt_known_accuracy_iou_30: iou_30,
            gt_known_accuracy_iou_70: iou_70,
            mean_iou: (total > 0.0).then(|| ious / total),
            corloc: samples.and_then(|samples| corloc(&samples)),
        }
    }
}

/// How a centred box compares with the truth of a photo; `None` if the photo's size is not known.
fn centred_box_outcome(photo: &Photo, side: f64, rounded: bool) -> Option<Outcome> {
    let guess = Guess {
        label: Label::Truth,
        rank: None,
        bbox: Some(BBox::centred(photo.size?, side, rounded)),
        confidence: None,
    };
    let predicted = Predicted {
        guesses: vec![guess],
        failed: false,
    };
    Some(Outcome::new(photo, &predicted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    #[test]
    fn floors_by_hand() {
        let photo = |bbox, class| Photo {
            size: Some(Size::square(100)),
            boxes: vec![bbox],
            class: Some(class),
            ..Photo::default()
        };
        let mut photos = vec![
            photo(BBox::new(0., 0., 100., 60.), 0),
            photo(BBox::new(30., 30., 70., 70.), 0),
        ];
        photos.push(Photo {
            blacklisted: true,
            ..photos[0].clone()
        });
        let value = |rate: Option<Rate>| rate.expect("a rate").value;
        let found = floors(&photos, |_| 1.0);
        // 60 % of the first photo; 1600 of the 5000 pixels of the centred box in the second.
        let whole = found.whole_image;
        assert_eq!(value(whole.gt_known_accuracy), 0.5);
        assert_eq!(value(found.centre_half_area.gt_known_accuracy), 0.0);
        assert_eq!(value(whole.gt_known_accuracy_iou_30), 0.5);
        assert!((whole.mean_iou.expect("photos") - (0.6 + 0.16) / 2.0).abs() < 1e-12);
        // By class: the second photo twice, of another class.
        photos[1].class = Some(7);
        photos.push(photos[1].clone());
        let floor = |some: &[Photo]| floors(some, |_| 1.0).whole_image;
        assert_eq!(floor(&photos).corloc, Some(0.5));
        photos[0].size = None;
        assert_eq!(floor(&photos), Floor::default());
        assert_eq!(floor(&[]), Floor::default());
    }
}
