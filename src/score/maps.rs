//! All scores of score maps. Each photo's map is evaluated once, and the scores of a dataset are
//! computed from these outcomes.

use ndarray::ArrayView2;
use serde::Serialize;

use super::best_ious::BoxHits;
use super::constants::{HALF_AREA, IOU_THRESHOLDS};
use super::interval::{Rate, rate};
use super::map_frame::{MAP_SIZE, to_map_frame};
use super::max_box_acc::MaxBoxAcc;
use super::pointing::{EnergyScores, PointingOutcome, PointingScores};
use super::pxap::{Histogram, PxAp};
use super::steps::Steps;
use crate::dataset::{Photo, TrueMask};
use crate::geometry::{BBox, Size};

/// The outcome of one photo's score map.
#[derive(Clone, Debug, PartialEq)]
pub struct MapOutcome {
    boxes: Option<BoxOutcome>,
    pixels: Option<Histogram>,
    pointing: Option<PointingOutcome>,
}

/// What the boxes of a map, and constant boxes in its frame, score on one photo.
#[derive(Clone, Debug, PartialEq)]
struct BoxOutcome {
    hits: BoxHits,
    /// Whether the centred box of half the map's area, with its edges rounded to whole pixels, is
    /// correct at IoU 0.3, 0.5 and 0.7.
    centre_half_area: [bool; 3],
    /// The same for the whole map.
    whole_image: [bool; 3],
}

/// A photo's true mask at the two sizes that are needed; `None` where it is not known.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrueMasks<'a> {
    /// At the size of the map.
    pub map_size: Option<&'a TrueMask>,
    /// At the size of the photo.
    pub photo_size: Option<&'a TrueMask>,
}

impl MapOutcome {
    /// Evaluates a map of 224 x 224 with values in 0..=1.
    ///
    /// # Panics
    /// If the mask at the size of the map has another size than the map.
    #[must_use]
    pub fn new(
        map: ArrayView2<'_, f64>,
        photo: &Photo,
        masks: TrueMasks<'_>,
        steps: Steps,
    ) -> Self {
        let size = photo.size.filter(|_| !photo.boxes.is_empty());
        Self {
            boxes: size.map(|size| {
                let boxes = photo.boxes.iter();
                let truth: Vec<BBox> = boxes.map(|bbox| to_map_frame(bbox, size)).collect();
                BoxOutcome::new(map, &truth, steps)
            }),
            pixels: masks.map_size.map(|mask| Histogram::new(map, mask, steps)),
            pointing: PointingOutcome::new(map, photo, masks.photo_size),
        }
    }
}

impl BoxOutcome {
    /// `truth` is in the frame of the map.
    fn new(map: ArrayView2<'_, f64>, truth: &[BBox], steps: Steps) -> Self {
        let centred_box_hits = |side: f64| {
            let bbox = BBox::centred(Size::square(MAP_SIZE as u32), side, true);
            IOU_THRESHOLDS.map(|iou| truth.iter().any(|truth| bbox.iou(truth) >= iou))
        };
        Self {
            hits: BoxHits::new(map, truth, steps),
            centre_half_area: centred_box_hits(HALF_AREA),
            whole_image: centred_box_hits(1.0),
        }
    }
}

/// The scores of the score maps of a dataset; each is `None` if the dataset does not allow it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MapScores {
    /// MaxBoxAcc and its floors: `wsoleval`.
    pub wsoleval: Option<MapBoxScores>,
    /// PxAP: `wsoleval`.
    pub pxap: Option<PxAp>,
    /// The pointing game: `pointing`.
    pub pointing: Option<PointingScores>,
    /// The energy pointing game: `ebpg`.
    pub ebpg: Option<EnergyScores>,
}

/// MaxBoxAcc, and what constant boxes score in the same frame.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MapBoxScores {
    /// The scores of the maps.
    #[serde(flatten)]
    pub scores: MaxBoxAcc,
    /// The centred box of half the map's area, with its edges rounded to whole pixels.
    pub centre_half_area: ConstantBoxScores,
    /// The whole map.
    pub whole_image: ConstantBoxScores,
}

/// What a constant box scores in the frame of the maps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ConstantBoxScores {
    /// The share of photos with IoU ≥ 0.3, 0.5 and 0.7.
    pub accuracy: [Option<Rate>; 3],
    /// The mean of the three.
    pub mean: f64,
}

impl ConstantBoxScores {
    fn new(photos: &[&BoxOutcome], hits: fn(&BoxOutcome) -> [bool; 3]) -> Self {
        let accuracy =
            [0, 1, 2].map(|iou| rate(photos.iter().map(|photo| (1.0, hits(photo)[iou]))));
        let values = accuracy.iter().flatten().map(|rate| rate.value);
        Self {
            accuracy,
            mean: values.sum::<f64>() / 3.0,
        }
    }
}

impl MapScores {
    /// The scores over all photos.
    ///
    /// # Panics
    /// If an outcome was computed with other `steps`.
    #[must_use]
    pub fn from_outcomes(photos: &[MapOutcome], steps: Steps) -> Self {
        let boxes: Vec<&BoxOutcome> = photos
            .iter()
            .filter_map(|photo| photo.boxes.as_ref())
            .collect();
        let hits: Vec<&BoxHits> = boxes.iter().map(|photo| &photo.hits).collect();
        let pixels: Vec<&Histogram> = photos
            .iter()
            .filter_map(|photo| photo.pixels.as_ref())
            .collect();
        let pointing: Vec<PointingOutcome> =
            photos.iter().filter_map(|photo| photo.pointing).collect();
        Self {
            wsoleval: MaxBoxAcc::from_hits(&hits, steps).map(|scores| MapBoxScores {
                scores,
                centre_half_area: ConstantBoxScores::new(&boxes, |photo| photo.centre_half_area),
                whole_image: ConstantBoxScores::new(&boxes, |photo| photo.whole_image),
            }),
            pxap: PxAp::from_histograms(&pixels, steps),
            pointing: PointingScores::from_outcomes(&pointing),
            ebpg: EnergyScores::from_outcomes(&pointing),
        }
    }
}
