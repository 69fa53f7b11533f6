//! Everything that a score map says: one look at each photo's map, then the numbers of all.

use ndarray::ArrayView2;
use serde::Serialize;

use super::{BoxHits, Histogram, MAP_SIZE, MaxBoxAcc, Pointed, Pointing, PxAp, Rate, Steps, in_map, rate};
use crate::dataset::{Photo, TrueMask};
use crate::geometry::BBox;

/// What a photo's map gave.
#[derive(Clone, Debug, PartialEq)]
pub struct MapOutcome {
    boxes: Option<BoxHits>,
    floors: Option<[bool; 2]>,
    pixels: Option<Histogram>,
    pointed: Option<Pointed>,
}

impl MapOutcome {
    /// Looks at a map of 224 x 224 with values in 0..=1.
    #[must_use]
    pub fn of(map: ArrayView2<'_, f64>, photo: &Photo, mask: Option<&TrueMask>, steps: Steps) -> Self {
        let size = photo.size.filter(|_| !photo.boxes.is_empty());
        let truth: Option<Vec<BBox>> = size.map(|size| photo.boxes.iter().map(|bbox| in_map(bbox, size)).collect());
        let right = |bbox: BBox, truth: &[BBox]| truth.iter().any(|truth| bbox.iou(truth) >= super::LEAST_IOU);
        Self {
            floors: truth.as_ref().map(|truth| {
                let centred = |side: f64| BBox::centred(MAP_SIZE, MAP_SIZE, side, true);
                [right(centred(std::f64::consts::FRAC_1_SQRT_2), truth), right(centred(1.0), truth)]
            }),
            boxes: truth.map(|truth| BoxHits::of(map, &truth, steps)),
            pixels: mask.map(|mask| Histogram::of(map, mask, steps)),
            pointed: Pointed::of(map, photo, mask),
        }
    }
}

/// The numbers of score maps over a dataset; each where its data allow it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MapScores {
    /// MaxBoxAcc, with its floors: `wsoleval`.
    pub wsoleval: Option<Boxes>,
    /// PxAP: `wsoleval`.
    pub pxap: Option<PxAp>,
    /// The pointing games: `pointing`, `ebpg`.
    pub pointing: Option<Pointing>,
}

/// MaxBoxAcc beside what constant boxes score in the same frame, by IoU 0.5.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Boxes {
    /// The numbers.
    #[serde(flatten)]
    pub scores: MaxBoxAcc,
    /// The centred box of half the map's area, edges rounded.
    pub centre_half_area: Option<Rate>,
    /// The whole map.
    pub whole_image: Option<Rate>,
}

impl MapScores {
    /// The numbers of all photos.
    #[must_use]
    pub fn of(photos: &[MapOutcome], steps: Steps) -> Self {
        let boxes: Vec<&BoxHits> = photos.iter().filter_map(|photo| photo.boxes.as_ref()).collect();
        let pixels: Vec<&Histogram> = photos.iter().filter_map(|photo| photo.pixels.as_ref()).collect();
        let pointed: Vec<Pointed> = photos.iter().filter_map(|photo| photo.pointed).collect();
        let floor = |i: usize| rate(photos.iter().filter_map(|photo| photo.floors).map(|hits| (1.0, hits[i])));
        let wsoleval = MaxBoxAcc::of(&boxes, steps);
        Self {
            wsoleval: wsoleval.map(|scores| Boxes { scores, centre_half_area: floor(0), whole_image: floor(1) }),
            pxap: PxAp::of(&pixels, steps),
            pointing: Pointing::of(&pointed),
        }
    }
}
