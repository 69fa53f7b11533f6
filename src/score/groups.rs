//! The numbers of a class, and of photos whose objects are of a like size.

use serde::Serialize;

use super::{GUESSES, IOU_THRESHOLD, Outcome, Rate, rate};

/// The numbers of some of the photos, each photo counting alike.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// What they have in common.
    pub name: String,
    /// The class that they have in common, where it is one.
    #[serde(skip)]
    pub class: Option<usize>,
    /// How many there are that count in localisation.
    pub images: usize,
    /// As in [`super::Metrics`].
    pub gt_known_accuracy: Option<Rate>,
    /// What the centred box of half the photo's area, its edges rounded, scores on them.
    pub centre_half_area_rounded: Option<f64>,
    /// As in [`super::Metrics`], without interval.
    pub mean_iou: Option<f64>,
    /// As in [`super::Metrics`], without interval.
    pub top1_localisation_error: Option<f64>,
    /// As in [`super::Metrics`], without interval.
    pub top5_localisation_error: Option<f64>,
}

impl Group {
    pub(super) fn of(
        name: String,
        class: Option<usize>,
        photos: &[&Outcome],
        known: bool,
        classes: bool,
    ) -> Self {
        let n = photos.len().max(1) as f64;
        let share =
            |is: &dyn Fn(&Outcome) -> bool| photos.iter().filter(|o| is(o)).count() as f64 / n;
        let hits = photos.iter().map(|o| (1.0, o.iou_at_least(IOU_THRESHOLD)));
        let floor: Option<Vec<bool>> = photos.iter().map(|o| o.centre).collect();
        Self {
            name,
            class,
            images: photos.len(),
            gt_known_accuracy: rate(hits).filter(|_| known),
            centre_half_area_rounded: floor
                .map(|hits| hits.iter().filter(|hit| **hit).count() as f64 / n),
            mean_iou: known.then(|| photos.iter().filter_map(|o| o.iou).sum::<f64>() / n),
            top1_localisation_error: classes.then(|| share(&|o| !o.hit_in_top(1))),
            top5_localisation_error: classes.then(|| share(&|o| !o.hit_in_top(GUESSES))),
        }
    }
}

/// The upper ends of the size groups.
pub(super) const SIZES: [f64; 4] = [0.10, 0.25, 0.50, 1.0];

/// The size group of a photo whose largest true box covers `share` of it.
#[must_use]
pub fn size_group(share: f64) -> usize {
    SIZES
        .iter()
        .position(|end| share <= *end)
        .unwrap_or(SIZES.len() - 1)
}

/// What the size groups are called.
#[must_use]
pub fn size_names() -> Vec<String> {
    let from = |i: usize| if i == 0 { 0.0 } else { SIZES[i - 1] };
    let name = |i: usize| {
        format!(
            "{:.0} to {:.0} % of the photo",
            from(i) * 100.0,
            SIZES[i] * 100.0
        )
    };
    (0..SIZES.len()).map(name).collect()
}
