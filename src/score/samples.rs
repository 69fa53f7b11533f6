//! Outcomes for the tests of this module.

use super::constants::IOU_THRESHOLD;
use super::interval::Rate;
use super::outcome::Outcome;

/// The outcome of a photo of class 0 whose class is guessed at this rank, with a box of this IoU.
pub(super) fn outcome(rank: usize, iou: f64, blacklisted: bool) -> Outcome {
    Outcome {
        weight: 1.0,
        class: Some(0),
        counts_in_localisation: !blacklisted,
        has_boxes: true,
        class_rank: Some(rank),
        hit_rank: (iou >= IOU_THRESHOLD).then_some(rank),
        iou: Some(iou),
        largest_box_share: Some(0.2),
        centre_box_is_correct: Some(false),
    }
}

/// The value of a rate that is known.
pub(super) fn value(rate: Option<Rate>) -> f64 {
    rate.expect("a rate").value
}
