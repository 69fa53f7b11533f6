//! The scores of groups of photos: those of one class, or with objects of a similar size.

use serde::Serialize;

use super::constants::{IOU_THRESHOLD, MAX_GUESSES};
use super::interval::{Rate, rate};
use super::outcome::Outcome;

/// The scores of a group of photos; every photo has the same weight.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupScores {
    /// What the photos have in common.
    pub name: String,
    /// The class that the photos have in common, if that is what groups them.
    #[serde(skip)]
    pub class: Option<usize>,
    /// The number of photos of the group that count in localisation.
    pub images: usize,
    /// As in [`Metrics`](super::Metrics).
    pub gt_known_accuracy: Option<Rate>,
    /// The share of photos for which the centred box of half the photo's area, with its edges
    /// rounded to whole pixels, is correct.
    pub centre_half_area_rounded: Option<f64>,
    /// As in [`Metrics`](super::Metrics), without interval.
    pub mean_iou: Option<f64>,
    /// As in [`Metrics`](super::Metrics), without interval.
    pub top1_localisation_error: Option<f64>,
    /// As in [`Metrics`](super::Metrics), without interval.
    pub top5_localisation_error: Option<f64>,
}

/// Which metrics the predictions allow.
#[derive(Clone, Copy, Debug)]
pub(super) struct GroupMetrics {
    /// Whether every photo has a box for its true class, as GT-known accuracy and mean IoU need.
    pub(super) gt_known: bool,
    /// Whether classes were guessed, as the localisation errors need.
    pub(super) classes: bool,
}

impl GroupScores {
    /// The scores of photos that count in localisation.
    pub(super) fn new(
        name: String,
        class: Option<usize>,
        outcomes: &[&Outcome],
        metrics: GroupMetrics,
    ) -> Self {
        let n = outcomes.len() as f64;
        let has_photos = !outcomes.is_empty();
        let weighted_hits = outcomes
            .iter()
            .map(|outcome| (1.0, outcome.iou_at_least(IOU_THRESHOLD)));
        let ious = || {
            outcomes
                .iter()
                .filter_map(|outcome| outcome.iou)
                .sum::<f64>()
        };
        let centre_hits: Option<Vec<bool>> = outcomes
            .iter()
            .map(|outcome| outcome.centre_box_is_correct)
            .collect();
        let localisation_error = |k: usize| {
            let wrong = outcomes.iter().filter(|outcome| !outcome.hit_in_top(k));
            (metrics.classes && has_photos).then(|| wrong.count() as f64 / n)
        };
        Self {
            name,
            class,
            images: outcomes.len(),
            gt_known_accuracy: rate(weighted_hits).filter(|_| metrics.gt_known),
            centre_half_area_rounded: centre_hits
                .filter(|_| has_photos)
                .map(|hits| hits.iter().filter(|hit| **hit).count() as f64 / n),
            mean_iou: (metrics.gt_known && has_photos).then(|| ious() / n),
            top1_localisation_error: localisation_error(1),
            top5_localisation_error: localisation_error(MAX_GUESSES),
        }
    }
}

/// The upper ends of the size groups, as shares of the photo.
const SIZE_ENDS: [f64; 4] = [0.10, 0.25, 0.50, 1.0];

/// The index in [`size_names`] of the size group of a photo, whose largest true box covers `share`
/// of it, in 0..=1.
#[must_use]
pub fn size_group(share: f64) -> usize {
    SIZE_ENDS
        .iter()
        .position(|end| share <= *end)
        .unwrap_or(SIZE_ENDS.len() - 1)
}

/// The names of the size groups, from the smallest objects to the largest.
#[must_use]
pub fn size_names() -> Vec<String> {
    let starts = [0.0].into_iter().chain(SIZE_ENDS);
    starts
        .zip(SIZE_ENDS)
        .map(|(start, end)| {
            let [start, end] = [start, end].map(|share: f64| share * 100.0);
            format!("{start:.0} to {end:.0} % of the photo")
        })
        .collect()
}
