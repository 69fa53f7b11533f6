//! The boxes that a score map gives at each threshold, compared with the true ones.

use ndarray::ArrayView2;

use super::constants::IOU_THRESHOLDS;
use super::contours::{Contours, contours};
use super::map_frame::grey_levels;
use super::steps::Steps;
use crate::geometry::BBox;

/// The best IoUs, in 0..=1, of the boxes of a map at one threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BestIous {
    /// That of the box of the largest contour.
    pub largest: f64,
    /// That of the boxes of all contours.
    pub all: f64,
}

impl BestIous {
    fn new(found: &Contours, truth: &[BBox]) -> Self {
        let best = |boxes: &[BBox]| {
            let ious = boxes
                .iter()
                .flat_map(|bbox| truth.iter().map(|truth| bbox.iou(truth)));
            ious.fold(0.0, f64::max)
        };
        Self {
            largest: best(&[found.largest]),
            all: best(&found.boxes),
        }
    }
}

/// The best IoUs of a map's boxes at every threshold, in order. The map's values are in 0..=1;
/// `truth` is in the map's frame, see [`to_map_frame`](super::to_map_frame).
#[must_use]
pub fn best_ious(map: ArrayView2<'_, f64>, truth: &[BBox], steps: Steps) -> Vec<BestIous> {
    let levels = grey_levels(map);
    let max = f64::from(levels.iter().copied().max().unwrap_or(0));
    let mut found: Vec<BestIous> = Vec::with_capacity(steps.count());
    let mut last_cutoff = None;
    for n in 0..steps.count() {
        let cutoff = (steps.threshold(n) * max) as u8;
        // Several thresholds share a grey level.
        let ious = match found.last() {
            Some(&last) if last_cutoff == Some(cutoff) => last,
            _ => BestIous::new(&contours(levels.view(), cutoff), truth),
        };
        last_cutoff = Some(cutoff);
        found.push(ious);
    }
    found
}

/// At which thresholds the boxes of a map are correct.
#[derive(Clone, Debug, PartialEq)]
pub struct BoxHits {
    /// One byte per threshold. Bits 0 to 2 are for the largest contour at IoU 0.3, 0.5 and 0.7,
    /// bits 3 to 5 for all contours.
    pub(super) bits: Vec<u8>,
}

/// Which boxes of a map are compared with the true ones.
#[derive(Clone, Copy, Debug)]
pub(super) enum ContourChoice {
    Largest,
    All,
}

impl BoxHits {
    /// The hits of a map and true boxes as for [`best_ious`].
    #[must_use]
    pub fn new(map: ArrayView2<'_, f64>, truth: &[BBox], steps: Steps) -> Self {
        let bits = |iou: f64| -> u8 {
            let hits = IOU_THRESHOLDS.iter().enumerate();
            hits.map(|(i, threshold)| u8::from(iou >= *threshold) << i)
                .sum()
        };
        let ious = best_ious(map, truth, steps);
        Self {
            bits: ious
                .into_iter()
                .map(|ious| bits(ious.largest) | bits(ious.all) << IOU_THRESHOLDS.len())
                .collect(),
        }
    }

    /// Whether a box is correct at threshold `n` by the IoU with this index in [`IOU_THRESHOLDS`].
    pub(super) fn is_hit(&self, n: usize, choice: ContourChoice, iou: usize) -> bool {
        let bit = match choice {
            ContourChoice::Largest => iou,
            ContourChoice::All => IOU_THRESHOLDS.len() + iou,
        };
        self.bits[n] >> bit & 1 == 1
    }
}
