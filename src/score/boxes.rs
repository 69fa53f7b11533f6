//! The scores of boxes: the errors of the ILSVRC devkit, and the metrics that the field reports.

use std::collections::BTreeMap;

use serde::Serialize;

use super::constants::MAX_GUESSES;
use super::floors::{Floors, floors};
use super::groups::{GroupMetrics, GroupScores, size_group, size_names};
use super::metrics::Metrics;
use super::outcome::Outcome;
use crate::dataset::Dataset;

/// The scores of the boxes of a dataset's photos.
#[derive(Clone, Debug, Serialize)]
pub struct BoxScores {
    /// The devkit's errors, if classes were guessed.
    #[serde(flatten)]
    pub errors: Option<ErrorRates>,
    /// The metrics; every photo has the same weight.
    pub metrics: Metrics,
    /// What constant boxes score.
    pub floors: Floors,
    /// Metrics and floors with the photos weighted, if the dataset has weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weighted: Option<WeightedScores>,
    /// The scores by the share of the photo that its largest true box covers.
    pub by_size: Vec<GroupScores>,
    /// The scores by class. Classes without photos are left out.
    pub by_class: Vec<GroupScores>,
}

/// Metrics and floors with the photos weighted. In JSON the metrics are at the top level.
#[derive(Clone, Debug, Serialize)]
pub struct WeightedScores {
    /// The metrics.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// What constant boxes score.
    pub floors: Floors,
}

impl BoxScores {
    /// Scores the outcomes of a dataset's photos, in the dataset's order. `classes_guessed`: the
    /// predictions name classes, so the devkit's errors can be computed.
    #[must_use]
    pub fn new(dataset: &Dataset, outcomes: &[Outcome], classes_guessed: bool) -> Self {
        let localised: Vec<&Outcome> = outcomes
            .iter()
            .filter(|outcome| outcome.counts_in_localisation)
            .collect();
        let wanted = GroupMetrics {
            gt_known: localised.iter().all(|outcome| outcome.iou.is_some()),
            classes: classes_guessed,
        };
        Self {
            errors: classes_guessed.then(|| ErrorRates::from_outcomes(outcomes)),
            metrics: Metrics::new(outcomes, classes_guessed, |_| 1.0),
            floors: floors(&dataset.photos, |_| 1.0),
            weighted: dataset.weighted.then(|| WeightedScores {
                metrics: Metrics::new(outcomes, classes_guessed, |outcome| outcome.weight),
                floors: floors(&dataset.photos, |photo| photo.weight),
            }),
            by_size: scores_by_size(&localised, wanted),
            by_class: scores_by_class(dataset, &localised, wanted),
        }
    }
}

fn scores_by_size(localised: &[&Outcome], wanted: GroupMetrics) -> Vec<GroupScores> {
    let names = size_names();
    let mut groups = vec![Vec::new(); names.len()];
    for &outcome in localised {
        if let Some(share) = outcome.largest_box_share {
            groups[size_group(share)].push(outcome);
        }
    }
    names
        .into_iter()
        .zip(&groups)
        .filter(|(_, outcomes)| !outcomes.is_empty())
        .map(|(name, outcomes)| GroupScores::new(name, None, outcomes, wanted))
        .collect()
}

fn scores_by_class(
    dataset: &Dataset,
    localised: &[&Outcome],
    wanted: GroupMetrics,
) -> Vec<GroupScores> {
    let mut groups: BTreeMap<usize, Vec<&Outcome>> = BTreeMap::new();
    for &outcome in localised {
        if let Some(class) = outcome.class {
            groups.entry(class).or_default().push(outcome);
        }
    }
    let name = |class: usize| {
        let (key, title) = (dataset.classes.key(class), dataset.classes.title(class));
        format!("{key} {title}")
    };
    groups
        .into_iter()
        .map(|(class, outcomes)| GroupScores::new(name(class), Some(class), &outcomes, wanted))
        .collect()
}

/// The errors of the devkit's `eval_clsloc.m` for 1 to 5 guesses, as shares and as counts of
/// photos. A share is `None` if there are no photos to divide by.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ErrorRates {
    /// The number of photos with a class: the denominator of the classification error.
    pub photos: usize,
    /// The number of photos that count in localisation.
    pub photos_localised: usize,
    /// The number of photos that would count in localisation without the blacklist.
    pub photos_boxed: usize,
    /// The share of photos for which none of the first k guesses is correct in class and box.
    /// Blacklisted photos are left out.
    pub localisation_error: Option<[f64; MAX_GUESSES]>,
    /// The same as a count.
    pub localisation_error_count: [usize; MAX_GUESSES],
    /// The share of photos for which none of the first k guesses has the true class.
    pub classification_error: Option<[f64; MAX_GUESSES]>,
    /// The same as a count.
    pub classification_error_count: [usize; MAX_GUESSES],
    /// The localisation error without the blacklist.
    pub localisation_error_no_blacklist: Option<[f64; MAX_GUESSES]>,
    /// The same as a count.
    pub localisation_error_no_blacklist_count: [usize; MAX_GUESSES],
}

impl ErrorRates {
    /// The errors over all photos.
    #[must_use]
    pub fn from_outcomes(outcomes: &[Outcome]) -> Self {
        let classification = ErrorCount::new(
            outcomes.iter().filter(|outcome| outcome.class.is_some()),
            |outcome, k| !outcome.class_in_top(k),
        );
        let localisation = ErrorCount::new(
            outcomes
                .iter()
                .filter(|outcome| outcome.counts_in_localisation),
            |outcome, k| !outcome.hit_in_top(k),
        );
        let no_blacklist = ErrorCount::new(
            outcomes.iter().filter(|outcome| outcome.has_boxes),
            |outcome, k| !outcome.hit_in_top(k),
        );
        Self {
            photos: classification.photos,
            photos_localised: localisation.photos,
            photos_boxed: no_blacklist.photos,
            localisation_error: localisation.shares(),
            localisation_error_count: localisation.wrong,
            classification_error: classification.shares(),
            classification_error_count: classification.wrong,
            localisation_error_no_blacklist: no_blacklist.shares(),
            localisation_error_no_blacklist_count: no_blacklist.wrong,
        }
    }
}

/// How many of some photos are wrong.
#[derive(Default)]
struct ErrorCount {
    photos: usize,
    /// The number of photos that are wrong with the first 1 to 5 guesses.
    wrong: [usize; MAX_GUESSES],
}

impl ErrorCount {
    /// Counts photos. `is_wrong` tells whether a photo is wrong with its first k guesses.
    fn new<'a>(
        outcomes: impl Iterator<Item = &'a Outcome>,
        is_wrong: impl Fn(&Outcome, usize) -> bool,
    ) -> Self {
        let mut count = Self::default();
        for outcome in outcomes {
            count.photos += 1;
            for (k, wrong) in (1..).zip(&mut count.wrong) {
                *wrong += usize::from(is_wrong(outcome, k));
            }
        }
        count
    }

    fn shares(&self) -> Option<[f64; MAX_GUESSES]> {
        (self.photos > 0).then(|| self.wrong.map(|wrong| wrong as f64 / self.photos as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{outcome, value};
    use super::*;

    /// The first photo is correct at guess 1 and the second at guess 3. The third has its class at
    /// guess 1 without a good box. The fourth is blacklisted and has its class at guess 1.
    #[test]
    fn the_worked_example() {
        let photos = [
            outcome(0, 0.5, false),
            outcome(2, 0.9, false),
            outcome(0, 0.4999, false),
            outcome(0, 0.1, true),
        ];
        let metrics = Metrics::new(&photos, true, |outcome| outcome.weight);
        assert_eq!(value(metrics.top1_localisation_error), 2.0 / 3.0);
        assert_eq!(value(metrics.top5_localisation_error), 1.0 / 3.0);
        assert_eq!(value(metrics.top1_classification_error), 1.0 / 4.0);
        assert_eq!(value(metrics.top5_classification_error), 0.0);
        assert_eq!(value(metrics.gt_known_accuracy), 2.0 / 3.0);
        assert_eq!(value(metrics.box_given_top5), 2.0 / 3.0);
        let errors = ErrorRates::from_outcomes(&photos);
        assert_eq!((errors.photos, errors.photos_localised), (4, 3));
        assert_eq!(errors.localisation_error_count, [2, 2, 1, 1, 1]);
        assert_eq!(errors.classification_error_count, [1, 1, 0, 0, 0]);
        assert_eq!(
            errors.localisation_error_no_blacklist_count,
            [3, 3, 2, 2, 2]
        );
    }
}
