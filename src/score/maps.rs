//! Everything that a score map says: one look at each photo's map, then the numbers of all.

use ndarray::ArrayView2;
use serde::Serialize;

use super::max_box_acc::IOUS;
use super::{
    BoxHits, EnergyShare, HALF_AREA, Histogram, MAP_SIZE, MaxBoxAcc, Pointed, Pointing, PxAp, Rate,
    Steps, in_map, rate,
};
use crate::dataset::{Photo, TrueMask};
use crate::geometry::{BBox, Size};

/// What a photo's map gave.
#[derive(Clone, Debug, PartialEq)]
pub struct MapOutcome {
    boxes: Option<BoxHits>,
    /// Of the centred box of half the map's area and of the whole map: right at IoU 0.3, 0.5, 0.7.
    floors: Option<[[bool; 3]; 2]>,
    pixels: Option<Histogram>,
    pointed: Option<Pointed>,
}

impl MapOutcome {
    /// Looks at a map of 224 x 224 with values in 0..=1. The photo's mask is given at the size of
    /// the map, and at that of the photo, where they are known.
    #[must_use]
    pub fn of(
        map: ArrayView2<'_, f64>,
        photo: &Photo,
        masks: [Option<&TrueMask>; 2],
        steps: Steps,
    ) -> Self {
        let [in_map_size, in_photo_size] = masks;
        let size = photo.size.filter(|_| !photo.boxes.is_empty());
        let truth: Option<Vec<BBox>> =
            size.map(|size| photo.boxes.iter().map(|bbox| in_map(bbox, size)).collect());
        let right = |bbox: BBox, truth: &[BBox]| {
            IOUS.map(|least| truth.iter().any(|truth| bbox.iou(truth) >= least))
        };
        Self {
            floors: truth.as_ref().map(|truth| {
                let centred = |side: f64| BBox::centred(Size::square(MAP_SIZE as u32), side, true);
                [right(centred(HALF_AREA), truth), right(centred(1.0), truth)]
            }),
            boxes: truth.map(|truth| BoxHits::of(map, &truth, steps)),
            pixels: in_map_size.map(|mask| Histogram::of(map, mask, steps)),
            pointed: Pointed::of(map, photo, in_photo_size),
        }
    }
}

/// The numbers of score maps over a dataset; each where its data allow it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MapScores {
    /// MaxBoxAcc, with its floors: `wsoleval`.
    pub wsoleval: Option<MapBoxScores>,
    /// PxAP: `wsoleval`.
    pub pxap: Option<PxAp>,
    /// The pointing game: `pointing`.
    pub pointing: Option<Pointing>,
    /// The energy pointing game: `ebpg`.
    pub ebpg: Option<EnergyShare>,
}

/// MaxBoxAcc beside what constant boxes score in the same frame.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MapBoxScores {
    /// The numbers.
    #[serde(flatten)]
    pub scores: MaxBoxAcc,
    /// The centred box of half the map's area, edges rounded.
    pub centre_half_area: ConstantMap,
    /// The whole map.
    pub whole_image: ConstantMap,
}

/// What a constant box scores in the frame of the maps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ConstantMap {
    /// IoU ≥ 0.3, 0.5, 0.7.
    pub accuracy: [Option<Rate>; 3],
    /// The mean of the three.
    pub mean: f64,
}

impl MapScores {
    /// The numbers of all photos.
    #[must_use]
    pub fn of(photos: &[MapOutcome], steps: Steps) -> Self {
        let boxes: Vec<&BoxHits> = photos
            .iter()
            .filter_map(|photo| photo.boxes.as_ref())
            .collect();
        let pixels: Vec<&Histogram> = photos
            .iter()
            .filter_map(|photo| photo.pixels.as_ref())
            .collect();
        let pointed: Vec<Pointed> = photos.iter().filter_map(|photo| photo.pointed).collect();
        let floor = |i: usize| {
            let hits = || photos.iter().filter_map(|photo| photo.floors);
            let accuracy = [0, 1, 2].map(|k| rate(hits().map(|hits| (1.0, hits[i][k]))));
            ConstantMap {
                accuracy,
                mean: accuracy
                    .iter()
                    .flatten()
                    .map(|rate| rate.value)
                    .sum::<f64>()
                    / 3.0,
            }
        };
        let wsoleval = MaxBoxAcc::of(&boxes, steps);
        Self {
            wsoleval: wsoleval.map(|scores| MapBoxScores {
                scores,
                centre_half_area: floor(0),
                whole_image: floor(1),
            }),
            pxap: PxAp::of(&pixels, steps),
            pointing: Pointing::of(&pointed),
            ebpg: EnergyShare::of(&pointed),
        }
    }
}
