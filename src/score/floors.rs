//! Floors: what boxes score that do not look at the photo. A method below them has localised nothing.

use serde::Serialize;

use super::{LEAST_IOU, Rate, rate};
use crate::dataset::Photo;
use crate::geometry::BBox;

/// What boxes that do not look at the photo score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Floor {
    /// As in [`super::Metrics`]. `None` where a photo's size is not known.
    pub gt_known_accuracy: Option<Rate>,
}

/// The floors of the photos that count in localisation, weighted by `weight`.
pub fn floors(photos: &[Photo], weight: impl Fn(&Photo) -> f64) -> Floors {
    let kept: Vec<&Photo> = photos.iter().filter(|photo| photo.localised()).collect();
    let sizes: Option<Vec<[u32; 2]>> = kept.iter().map(|photo| photo.size).collect();
    let floor = |side: f64, rounded: bool| {
        let hit = |(photo, size): (&&Photo, &[u32; 2])| {
            let bbox = BBox::centred(size[0] as usize, size[1] as usize, side, rounded);
            (weight(photo), photo.boxes.iter().any(|truth| bbox.iou(truth) >= LEAST_IOU))
        };
        Floor { gt_known_accuracy: sizes.as_ref().and_then(|sizes| rate(kept.iter().zip(sizes).map(hit))) }
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

    #[test]
    fn floors_by_hand() {
        let photo = |bbox| Photo { size: Some([100, 100]), boxes: vec![bbox], weight: 1.0, ..Photo::default() };
        let mut photos = vec![photo(BBox::new(0., 0., 100., 60.)), photo(BBox::new(30., 30., 70., 70.))];
        photos.push(Photo { blacklisted: true, ..photos[0].clone() });
        let value = |floor: Floor| floor.gt_known_accuracy.expect("photos").value;
        let found = floors(&photos, |_| 1.0);
        // 60 % of the first photo; 1600 of the 5000 pixels of the centred box in the second.
        assert_eq!(value(found.whole_image), 0.5);
        assert_eq!(value(found.centre_half_area), 0.0);
        photos[0].size = None;
        assert_eq!(floors(&photos, |_| 1.0).whole_image.gt_known_accuracy, None);
    }
}
