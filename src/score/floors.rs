//! Floors: what boxes score that do not look at the photo. A method below them has localised
//! nothing.

use serde::Serialize;

use super::metrics::mean_over_classes;
use super::{Guess, HALF_AREA, IOU_THRESHOLD, Label, Outcome, Predicted, Rate, rate};
use crate::dataset::Photo;
use crate::geometry::BBox;

/// What boxes that do not look at the photo score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Floors {
    /// The centred box of half the photo's area, with real edges. Ill-conditioned: where the true
    /// box is the whole photo the IoU is exactly 1/2 but for rounding.
    pub centre_half_area: Floor,
    /// The same with its edges rounded to whole pixels: the one to compare exactly.
    pub centre_half_area_rounded: Floor,
    /// The centred box of 0.8 times each side, with real edges.
    pub centre_four_fifths: Floor,
    /// The whole photo.
    pub whole_image: Floor,
}

/// The score of a constant box, as in [`super::Metrics`]. `None` where a photo's size is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Floor {
    /// IoU ≥ 0.5.
    pub gt_known_accuracy: Option<Rate>,
    /// IoU ≥ 0.3.
    pub gt_known_accuracy_iou_30: Option<Rate>,
    /// IoU ≥ 0.7.
    pub gt_known_accuracy_iou_70: Option<Rate>,
    /// The mean IoU, without interval.
    pub mean_iou: Option<f64>,
    /// CorLoc, without interval.
    pub corloc: Option<f64>,
}

/// How a centred box compares with the truth of a photo of known size.
fn outcome(photo: &Photo, side: f64, rounded: bool) -> Option<Outcome> {
    let bbox = BBox::centred(photo.size?, side, rounded);
    let guess = Guess {
        label: Label::Truth,
        rank: None,
        bbox: Some(bbox),
        confidence: None,
    };
    Some(Outcome::of(
        photo,
        &Predicted {
            guesses: vec![guess],
            failed: false,
        },
    ))
}

/// The floors of the photos that count in localisation, weighted by `weight`.
pub fn floors(photos: &[Photo], weight: impl Fn(&Photo) -> f64) -> Floors {
    let kept: Vec<&Photo> = photos.iter().filter(|photo| photo.localised()).collect();
    let weights: Vec<f64> = kept.iter().map(|photo| weight(photo)).collect();
    let floor = |side: f64, rounded: bool| {
        let Some(outcomes) = kept
            .iter()
            .map(|photo| outcome(photo, side, rounded))
            .collect::<Option<Vec<_>>>()
        else {
            return Floor::default();
        };
        let weighted = || outcomes.iter().zip(&weights);
        let at_least = |iou: f64| rate(weighted().map(|(o, w)| (*w, o.iou_at_least(iou))));
        let total: f64 = weights.iter().sum();
        let ious = weighted()
            .map(|(o, w)| w * o.iou.unwrap_or(0.0))
            .sum::<f64>();
        let classed = weighted().map(|(o, w)| {
            Some((
                o.class?,
                *w,
                if o.iou_at_least(IOU_THRESHOLD) { *w } else { 0.0 },
            ))
        });
        Floor {
            gt_known_accuracy: at_least(IOU_THRESHOLD),
            gt_known_accuracy_iou_30: at_least(0.3),
            gt_known_accuracy_iou_70: at_least(0.7),
            mean_iou: (total > 0.0).then(|| ious / total),
            corloc: classed
                .collect::<Option<Vec<_>>>()
                .filter(|c| !c.is_empty())
                .map(|c| mean_over_classes(&c)),
        }
    };
    Floors {
        centre_half_area: floor(HALF_AREA, false),
        centre_half_area_rounded: floor(HALF_AREA, true),
        centre_four_fifths: floor(0.8, false),
        whole_image: floor(1.0, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floors_by_hand() {
        let photo = |bbox, class| Photo {
            size: Some([100, 100]),
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
        let value = |floor: Floor| floor.gt_known_accuracy.expect("photos").value;
        let found = floors(&photos, |_| 1.0);
        // 60 % of the first photo; 1600 of the 5000 pixels of the centred box in the second.
        assert_eq!(value(found.whole_image), 0.5);
        assert_eq!(value(found.centre_half_area), 0.0);
        assert_eq!(
            found
                .whole_image
                .gt_known_accuracy_iou_30
                .expect("photos")
                .value,
            0.5
        );
        assert!((found.whole_image.mean_iou.expect("photos") - (0.6 + 0.16) / 2.0).abs() < 1e-12);
        // By class: the second photo twice, of another class.
        photos[1].class = Some(7);
        photos.push(photos[1].clone());
        assert_eq!(floors(&photos, |_| 1.0).whole_image.corloc, Some(0.5));
        photos[0].size = None;
        assert_eq!(floors(&photos, |_| 1.0).whole_image, Floor::default());
        assert_eq!(floors(&[], |_| 1.0).whole_image, Floor::default());
    }
}
