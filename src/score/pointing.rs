//! The pointing game and the energy pointing game.
//!
//! Pointing game (Zhang et al. 2016, with TorchRay's rules): a map is a hit if a pixel of the
//! object is strictly nearer than 15 pixels to the map's maximum, at the photo's own size. The
//! accuracy is computed for each class and then averaged over classes. The maximum is that of the
//! map as it is, the first of equals; the centre of its pixel is scaled to the photo, and nothing
//! is resized. The difficult photos are those whose boxes cover less than a quarter of them and in
//! which objects of other classes are annotated.
//!
//! Energy pointing game (Wang et al. 2020): the share of a map's sum that is inside the true boxes.

use std::collections::BTreeMap;

use ndarray::ArrayView2;
use serde::Serialize;

use super::interval::{Rate, mean, rate};
use crate::dataset::{Photo, TrueMask};
use crate::geometry::{BBox, Size};

/// The distance in pixels below which the maximum is a hit.
const TOLERANCE: i64 = 15;

/// Photos whose boxes cover less than this share may be difficult.
const DIFFICULT_AREA: f64 = 0.25;

/// The outcome of both pointing games for one photo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PointingOutcome {
    /// Whether the map's maximum is a hit.
    pub hit: bool,
    /// Whether the centre of the photo is a hit. This is the floor.
    pub centre_hit: bool,
    /// Whether the photo is difficult.
    pub difficult: bool,
    /// The result of the energy pointing game; `None` if the photo has no boxes.
    pub energy: Option<EnergyInside>,
    /// The photo's class.
    pub class: usize,
}

/// Shares of a map's sum that are inside the true boxes, in 0..=1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EnergyInside {
    /// The share of the map; 0 if the map's sum is 0.
    pub map: f64,
    /// The share of a constant map. This is the floor.
    pub constant_map: f64,
}

impl PointingOutcome {
    /// Evaluates the map of a photo; `None` if the photo's size, class or object is not known. The
    /// mask is given at the size of the photo; without one the true boxes are the object.
    #[must_use]
    pub fn new(map: ArrayView2<'_, f64>, photo: &Photo, mask: Option<&TrueMask>) -> Option<Self> {
        let (size, class) = (photo.size?, photo.class?);
        if photo.boxes.is_empty() && mask.is_none() {
            return None;
        }
        let (width, height) = (f64::from(size.width), f64::from(size.height));
        let is_hit =
            |[x, y]: [f64; 2]| is_near_object([x.floor() as i64, y.floor() as i64], photo, mask);
        let boxes_area = photo.boxes.iter().map(BBox::area).sum::<f64>();
        Some(Self {
            hit: is_hit(maximum(map, size)),
            centre_hit: is_hit([width / 2.0, height / 2.0]),
            difficult: photo.distractors && boxes_area < DIFFICULT_AREA * width * height,
            energy: (!photo.boxes.is_empty()).then(|| EnergyInside::new(map, &photo.boxes, size)),
            class,
        })
    }
}

/// The centre (x, y) of a pixel of a map of this shape, scaled to a photo of this size.
fn pixel_centre(
    (row, column): (usize, usize),
    (rows, columns): (usize, usize),
    size: Size,
) -> [f64; 2] {
    [
        (column as f64 + 0.5) * f64::from(size.width) / columns as f64,
        (row as f64 + 0.5) * f64::from(size.height) / rows as f64,
    ]
}

/// The point (x, y) of a map's maximum, the first of equals, in a photo of this size.
fn maximum(map: ArrayView2<'_, f64>, size: Size) -> [f64; 2] {
    let (mut point, mut max) = ([0.0; 2], f64::NEG_INFINITY);
    for (pixel, &value) in map.indexed_iter() {
        if value > max {
            (point, max) = (pixel_centre(pixel, map.dim(), size), value);
        }
    }
    point
}

impl EnergyInside {
    /// The shares of a map inside boxes of a photo of this size.
    fn new(map: ArrayView2<'_, f64>, boxes: &[BBox], size: Size) -> Self {
        let (mut sum, mut sum_inside, mut pixels_inside) = (0.0, 0.0, 0.0);
        for (pixel, &value) in map.indexed_iter() {
            let [x, y] = pixel_centre(pixel, map.dim(), size);
            sum += value;
            if boxes.iter().any(|bbox| bbox.contains(x, y)) {
                sum_inside += value;
                pixels_inside += 1.0;
            }
        }
        Self {
            map: if sum > 0.0 { sum_inside / sum } else { 0.0 },
            constant_map: pixels_inside / map.len() as f64,
        }
    }
}

/// Whether a pixel of the object is nearer to a pixel (x, y) than the tolerance. The object is the
/// mask or, without one, the boxes, including difficult ones.
fn is_near_object(point: [i64; 2], photo: &Photo, mask: Option<&TrueMask>) -> bool {
    match mask {
        Some(mask) => is_near_mask(point, mask),
        None => photo
            .boxes
            .iter()
            .chain(&photo.difficult)
            .any(|bbox| is_near(point, nearest_pixel(point, bbox))),
    }
}

fn is_near(a: [i64; 2], b: [i64; 2]) -> bool {
    (a[0] - b[0]).pow(2) + (a[1] - b[1]).pow(2) < TOLERANCE.pow(2)
}

fn is_near_mask([x, y]: [i64; 2], mask: &TrueMask) -> bool {
    let (height, width) = mask.object.dim();
    let around = |at: i64, end: usize| (at - TOLERANCE).max(0)..(at + TOLERANCE).min(end as i64);
    around(y, height).any(|row| {
        around(x, width).any(|column| {
            mask.object[[row as usize, column as usize]] && is_near([x, y], [column, row])
        })
    })
}

/// The pixel of a box that is nearest to a point. The pixels of a box are those whose centre is in
/// it.
fn nearest_pixel([x, y]: [i64; 2], bbox: &BBox) -> [i64; 2] {
    let nearest = |at: i64, min: f64, max: f64| {
        let (first, last) = ((min - 0.5).ceil() as i64, (max - 0.5).ceil() as i64 - 1);
        at.clamp(first, last.max(first))
    };
    [
        nearest(x, bbox.x_min, bbox.x_max),
        nearest(y, bbox.y_min, bbox.y_max),
    ]
}

/// The scores of the pointing game over a dataset. Blacklisted photos count too.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PointingScores {
    /// The number of photos with a class and an object.
    pub images: usize,
    /// The hit rate of each class, averaged over classes. The interval is that of as many photos.
    pub accuracy: Rate,
    /// What the photo's centre scores.
    pub centre: Rate,
    /// The number of difficult photos.
    pub images_difficult: usize,
    /// The accuracy on the difficult photos.
    pub accuracy_difficult: Option<Rate>,
    /// What the photo's centre scores on the difficult photos.
    pub centre_difficult: Option<Rate>,
}

/// The scores of the energy pointing game over a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct EnergyScores {
    /// The number of photos with boxes.
    pub images: usize,
    /// The mean share of a map's sum inside the true boxes.
    pub inside: Rate,
    /// What a constant map scores.
    pub constant_map: Rate,
}

impl PointingScores {
    /// The scores over all photos; `None` if there are none.
    #[must_use]
    pub fn from_outcomes(photos: &[PointingOutcome]) -> Option<Self> {
        let difficult: Vec<PointingOutcome> = photos
            .iter()
            .copied()
            .filter(|photo| photo.difficult)
            .collect();
        Some(Self {
            images: photos.len(),
            accuracy: mean_over_classes(photos, |photo| photo.hit)?,
            centre: mean_over_classes(photos, |photo| photo.centre_hit)?,
            images_difficult: difficult.len(),
            accuracy_difficult: mean_over_classes(&difficult, |photo| photo.hit),
            centre_difficult: mean_over_classes(&difficult, |photo| photo.centre_hit),
        })
    }
}

impl EnergyScores {
    /// The scores over all photos that have boxes; `None` if there are none.
    #[must_use]
    pub fn from_outcomes(photos: &[PointingOutcome]) -> Option<Self> {
        let shares: Vec<EnergyInside> = photos.iter().filter_map(|photo| photo.energy).collect();
        let mean_of = |value: fn(&EnergyInside) -> f64| {
            let values: Vec<_> = shares.iter().map(|energy| (1.0, value(energy))).collect();
            mean(&values)
        };
        Some(Self {
            images: shares.len(),
            inside: mean_of(|energy| energy.map)?,
            constant_map: mean_of(|energy| energy.constant_map)?,
        })
    }
}

/// The mean over classes of their hit rates: photos are weighted so that each class has the same
/// total weight.
fn mean_over_classes(
    photos: &[PointingOutcome],
    is_hit: fn(&PointingOutcome) -> bool,
) -> Option<Rate> {
    let mut counts: BTreeMap<usize, f64> = BTreeMap::new();
    for photo in photos {
        *counts.entry(photo.class).or_default() += 1.0;
    }
    let hits = photos
        .iter()
        .map(|photo| (1.0 / counts[&photo.class], is_hit(photo)));
    rate(hits)
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    const SIZE: Size = Size::new(100, 50);

    fn photo(bbox: BBox) -> Photo {
        Photo {
            size: Some(SIZE),
            class: Some(0),
            boxes: vec![bbox],
            ..Photo::default()
        }
    }

    /// The point (9, 12) is at a distance of 15 and is missed, (9, 11) is hit.
    #[test]
    fn fifteen_pixels_are_too_far() {
        for (y, expected) in [(12, false), (11, true)] {
            let mut object = Array2::from_elem(SIZE.shape(), false);
            object[[y, 9]] = true;
            let mask = TrueMask {
                ignore: object.mapv(|_| false),
                object,
            };
            let by_mask = is_near_object([0, 0], &Photo::default(), Some(&mask));
            assert_eq!(by_mask, expected);
            let one_pixel = photo(BBox::new(9.0, y as f64, 10.0, y as f64 + 1.0));
            assert_eq!(is_near_object([0, 0], &one_pixel, None), expected);
        }
    }

    #[test]
    fn maxima_and_sums() {
        let mut two_maxima = Array2::zeros((10, 10));
        two_maxima[[9, 9]] = 3.0;
        two_maxima[[0, 0]] = 1.0;
        let outcome = |map: &Array2<f64>, bbox| {
            PointingOutcome::new(map.view(), &photo(bbox), None).expect("an outcome")
        };
        let energy = |map, constant_map| Some(EnergyInside { map, constant_map });
        // The maximum is at (95, 47); the boxes' shares of the sum are 3/4 and 1/4.
        let right = outcome(&two_maxima, BBox::new(90., 45., 100., 50.));
        assert_eq!(
            (right.hit, right.centre_hit, right.energy),
            (true, false, energy(0.75, 0.01))
        );
        let wrong = outcome(&two_maxima, BBox::new(0., 0., 60., 50.));
        assert_eq!(
            (wrong.hit, wrong.centre_hit, wrong.energy),
            (false, true, energy(0.25, 0.6))
        );
        let zero = outcome(&Array2::zeros((10, 10)), BBox::whole(SIZE));
        assert_eq!(zero.energy, energy(0.0, 1.0));
        assert_eq!(
            PointingOutcome::new(two_maxima.view(), &Photo::default(), None),
            None
        );
    }

    #[test]
    fn classes_have_equal_weights() {
        let outcome = |class, hit: bool| PointingOutcome {
            hit,
            centre_hit: false,
            difficult: hit,
            energy: hit.then_some(EnergyInside {
                map: 0.5,
                constant_map: 0.1,
            }),
            class,
        };
        let photos = [
            outcome(0, true),
            outcome(0, false),
            outcome(0, false),
            outcome(0, false),
            outcome(3, true),
        ];
        let found = PointingScores::from_outcomes(&photos).expect("photos");
        assert!((found.accuracy.value - (0.25 + 1.0) / 2.0).abs() < 1e-12);
        assert_eq!(
            (
                found.images_difficult,
                found.accuracy_difficult.expect("two photos").value
            ),
            (2, 1.0)
        );
        let energy = EnergyScores::from_outcomes(&photos).expect("two have boxes");
        assert_eq!(
            (
                energy.images,
                energy.inside.value,
                energy.constant_map.value
            ),
            (2, 0.5, 0.1)
        );
        assert_eq!(PointingScores::from_outcomes(&[]), None);
        assert_eq!(EnergyScores::from_outcomes(&[]), None);
    }
}
