//! The pointing game and the energy pointing game.
//!
//! Pointing (Zhang et al. 2016, with TorchRay's rules): a map hits where a pixel of the object lies
//! strictly nearer than 15 pixels to its maximum, at the photo's own size; accuracy is taken per
//! class, then averaged. The maximum is that of the map as it is, the first of equals, and the
//! centre of its pixel is brought into the photo; nothing is resized. The difficult part are photos
//! whose boxes cover less than a quarter of them and in which other classes are annotated. Energy
//! (Wang et al. 2020): the share of a map's sum that lies inside the true boxes.

use std::collections::BTreeMap;

use ndarray::ArrayView2;
use serde::Serialize;

use super::{Rate, mean, rate};
use crate::dataset::{Photo, TrueMask};
use crate::geometry::BBox;

/// How near a hit must be, pixels.
const TOLERANCE: i64 = 15;
/// Photos whose boxes cover less than this share may be difficult.
const SMALL: f64 = 0.25;

/// What a map's maximum and sum say of a photo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pointed {
    /// Whether the maximum hits.
    pub hit: bool,
    /// Whether the centre of the photo does: the floor.
    pub centre: bool,
    /// Whether the photo belongs to the difficult part.
    pub difficult: bool,
    /// The share of the map's sum inside the true boxes, in 0..=1, 0 for a map of zeros; and the
    /// share that a constant map has there: the floor. `None` where there are no boxes.
    pub energy: Option<[f64; 2]>,
    /// The photo's class.
    pub class: usize,
}

impl Pointed {
    /// Looks at the map of a photo; `None` where its size, class or object is not known.
    #[must_use]
    pub fn of(map: ArrayView2<'_, f64>, photo: &Photo, mask: Option<&TrueMask>) -> Option<Self> {
        let (size, class) = (photo.size?, photo.class?);
        if photo.boxes.is_empty() && mask.is_none() {
            return None;
        }
        let (rows, columns) = map.dim();
        let (w, h) = (f64::from(size.width), f64::from(size.height));
        // The centre of a map's pixel in the photo.
        let place = |y: usize, x: usize| {
            [
                (x as f64 + 0.5) * w / columns as f64,
                (y as f64 + 0.5) * h / rows as f64,
            ]
        };
        let (mut peak, mut most, mut sum, mut within, mut area) =
            ([0.0; 2], f64::NEG_INFINITY, 0.0, 0.0, 0.0);
        for ((y, x), &value) in map.indexed_iter() {
            let point = place(y, x);
            if value > most {
                (peak, most) = (point, value);
            }
            sum += value;
            if photo
                .boxes
                .iter()
                .any(|bbox| bbox.holds(point[0], point[1]))
            {
                within += value;
                area += 1.0;
            }
        }
        let hit = |[x, y]: [f64; 2]| near([x.floor() as i64, y.floor() as i64], photo, mask);
        let energy = [
            if sum > 0.0 { within / sum } else { 0.0 },
            area / (rows * columns) as f64,
        ];
        Some(Self {
            hit: hit(peak),
            centre: hit([w / 2.0, h / 2.0]),
            difficult: photo.distractors
                && photo.boxes.iter().map(BBox::area).sum::<f64>() < SMALL * w * h,
            energy: (!photo.boxes.is_empty()).then_some(energy),
            class,
        })
    }
}

/// Whether a pixel of the object lies nearer than the tolerance: of its mask, or of its boxes, the
/// difficult ones too.
fn near(point: [i64; 2], photo: &Photo, mask: Option<&TrueMask>) -> bool {
    let hits = |[x, y]: [i64; 2]| (x - point[0]).pow(2) + (y - point[1]).pow(2) < TOLERANCE.pow(2);
    if let Some(mask) = mask {
        let (height, width) = mask.object.dim();
        let around =
            |at: i64, end: usize| (at - TOLERANCE).max(0)..(at + TOLERANCE).min(end as i64);
        return around(point[1], height).any(|y| {
            around(point[0], width).any(|x| mask.object[[y as usize, x as usize]] && hits([x, y]))
        });
    }
    photo.boxes.iter().chain(&photo.difficult).any(|bbox| {
        // The first and last pixel whose centre lies in the box.
        let nearest = |at: i64, min: f64, max: f64| {
            let (first, last) = ((min - 0.5).ceil() as i64, (max - 0.5).ceil() as i64 - 1);
            at.clamp(first, last.max(first))
        };
        hits([
            nearest(point[0], bbox.x_min, bbox.x_max),
            nearest(point[1], bbox.y_min, bbox.y_max),
        ])
    })
}

/// The pointing game's numbers over a dataset; blacklisted photos play too.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Pointing {
    /// How many photos have a class and an object.
    pub images: usize,
    /// Hits per class, averaged over classes; the interval is that of as many photos.
    pub accuracy: Rate,
    /// What pointing at the photo's centre scores.
    pub centre: Rate,
    /// How many photos are difficult.
    pub images_difficult: usize,
    /// The accuracy on these.
    pub accuracy_difficult: Option<Rate>,
    /// What pointing at the photo's centre scores on these.
    pub centre_difficult: Option<Rate>,
}

/// The energy pointing game's numbers over a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct EnergyShare {
    /// How many photos have boxes.
    pub images: usize,
    /// The mean share of a map's sum inside the true boxes.
    pub inside: Rate,
    /// What a constant map scores.
    pub constant_map: Rate,
}

impl Pointing {
    /// The numbers of all photos; `None` without any.
    #[must_use]
    pub fn of(photos: &[Pointed]) -> Option<Self> {
        let difficult: Vec<_> = photos
            .iter()
            .copied()
            .filter(|photo| photo.difficult)
            .collect();
        Some(Self {
            images: photos.len(),
            accuracy: by_class(photos, |photo| photo.hit)?,
            centre: by_class(photos, |photo| photo.centre)?,
            images_difficult: difficult.len(),
            accuracy_difficult: by_class(&difficult, |photo| photo.hit),
            centre_difficult: by_class(&difficult, |photo| photo.centre),
        })
    }
}

impl EnergyShare {
    /// The numbers of all photos that have boxes; `None` without any.
    #[must_use]
    pub fn of(photos: &[Pointed]) -> Option<Self> {
        let shares: Vec<[f64; 2]> = photos.iter().filter_map(|photo| photo.energy).collect();
        let of = |which: usize| {
            mean(
                &shares
                    .iter()
                    .map(|shares| (1.0, shares[which]))
                    .collect::<Vec<_>>(),
            )
        };
        Some(Self {
            images: shares.len(),
            inside: of(0)?,
            constant_map: of(1)?,
        })
    }
}

/// The mean over classes of their hit rates: photos weighted so that classes weigh the same.
fn by_class(photos: &[Pointed], hit: impl Fn(&Pointed) -> bool) -> Option<Rate> {
    let mut counts: BTreeMap<usize, f64> = BTreeMap::new();
    photos
        .iter()
        .for_each(|photo| *counts.entry(photo.class).or_default() += 1.0);
    rate(
        photos
            .iter()
            .map(|photo| (1.0 / counts[&photo.class], hit(photo))),
    )
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    fn photo(bbox: BBox) -> Photo {
        Photo {
            size: Some([100, 50]),
            class: Some(0),
            boxes: vec![bbox],
            ..Photo::default()
        }
    }

    /// The point (9, 12) lies at a distance of 15 and is missed, (9, 11) is hit.
    #[test]
    fn fifteen_pixels_are_too_far() {
        for (y, expected) in [(12, false), (11, true)] {
            let mut object = Array2::from_elem((50, 100), false);
            object[[y, 9]] = true;
            let mask = TrueMask {
                ignore: object.mapv(|_| false),
                object,
            };
            assert_eq!(near([0, 0], &Photo::default(), Some(&mask)), expected);
            let one_pixel = photo(BBox::new(9.0, y as f64, 10.0, y as f64 + 1.0));
            assert_eq!(near([0, 0], &one_pixel, None), expected);
        }
    }

    #[test]
    fn maxima_and_sums() {
        let mut map = Array2::zeros((10, 10));
        map[[9, 9]] = 3.0;
        map[[0, 0]] = 1.0;
        let pointed = |bbox| Pointed::of(map.view(), &photo(bbox), None).expect("it is known");
        // The maximum lies at (95, 47); the boxes' shares of the sum are 3/4 and 1/4.
        let right = pointed(BBox::new(90., 45., 100., 50.));
        assert_eq!(
            (right.hit, right.centre, right.energy),
            (true, false, Some([0.75, 0.01]))
        );
        let wrong = pointed(BBox::new(0., 0., 60., 50.));
        assert_eq!(
            (wrong.hit, wrong.centre, wrong.energy),
            (false, true, Some([0.25, 0.6]))
        );
        let zero = Pointed::of(
            Array2::zeros((10, 10)).view(),
            &photo(BBox::whole(100, 50)),
            None,
        )
        .expect("known");
        assert_eq!(zero.energy, Some([0.0, 1.0]));
        assert_eq!(Pointed::of(map.view(), &Photo::default(), None), None);
    }

    #[test]
    fn classes_weigh_the_same() {
        let of = |class, hit| Pointed {
            hit,
            centre: false,
            difficult: hit,
            energy: hit.then_some([0.5, 0.1]),
            class,
        };
        let photos = [
            of(0, true),
            of(0, false),
            of(0, false),
            of(0, false),
            of(3, true),
        ];
        let found = Pointing::of(&photos).expect("photos");
        assert!((found.accuracy.value - (0.25 + 1.0) / 2.0).abs() < 1e-12);
        assert_eq!(
            (
                found.images_difficult,
                found.accuracy_difficult.expect("some").value
            ),
            (2, 1.0)
        );
        let energy = EnergyShare::of(&photos).expect("two have boxes");
        assert_eq!(
            (
                energy.images,
                energy.inside.value,
                energy.constant_map.value
            ),
            (2, 0.5, 0.1)
        );
        assert_eq!((Pointing::of(&[]), EnergyShare::of(&[])), (None, None));
    }
}
