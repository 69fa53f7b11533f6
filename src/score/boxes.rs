//! The numbers of boxes: the ILSVRC devkit's errors, and what the field reports beside them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::groups::{SIZES, size_group, size_names};
use super::{Floors, GUESSES, Group, Metrics, Outcome, floors};
use crate::dataset::Photo;

/// Everything that the boxes of a dataset's photos score.
#[derive(Clone, Debug, Serialize)]
pub struct BoxScores {
    /// The devkit's errors, where classes were guessed.
    #[serde(flatten)]
    pub errors: Option<Errors>,
    /// The metrics, every photo counting alike.
    pub metrics: Metrics,
    /// What boxes score that do not look.
    pub floors: Floors,
    /// The same by the photos' weights, where they have any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weighted: Option<Weighted>,
    /// By the share of the photo that its largest true box covers.
    pub by_size: Vec<Group>,
    /// By class; classes without photos are left out.
    pub by_class: Vec<Group>,
}

/// Metrics and floors by the photos' weights. The metrics stand at the top level, as in the
/// unweighted part.
#[derive(Clone, Debug, Serialize)]
pub struct Weighted {
    /// The metrics.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// What boxes score that do not look.
    pub floors: Floors,
}

/// The errors of the devkit's `eval_clsloc.m` for 1 to 5 guesses, as shares and as counts of
/// photos. Shares are `None` where there are no photos to take them of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Errors {
    /// Photos with a class: what classification errors are shares of.
    pub photos: usize,
    /// Photos that count in localisation.
    pub photos_localised: usize,
    /// Photos that would without the blacklist.
    pub photos_boxed: usize,
    /// Share of photos none of whose k guesses is right in class and box; the blacklisted ones are
    /// left out.
    pub localisation_error: Option<[f64; GUESSES]>,
    /// The same as a count.
    pub localisation_error_count: [usize; GUESSES],
    /// Share of photos none of whose k guesses has the right class.
    pub classification_error: Option<[f64; GUESSES]>,
    /// The same as a count.
    pub classification_error_count: [usize; GUESSES],
    /// Localisation error without the blacklist.
    pub localisation_error_no_blacklist: Option<[f64; GUESSES]>,
    /// The same as a count.
    pub localisation_error_no_blacklist_count: [usize; GUESSES],
}

impl Errors {
    /// The errors of all photos.
    #[must_use]
    pub fn of(outcomes: &[Outcome]) -> Self {
        let count = |counts: &dyn Fn(&Outcome) -> bool, wrong: &dyn Fn(&Outcome, usize) -> bool| {
            let total = outcomes.iter().filter(|o| counts(o)).count();
            let wrong: [usize; GUESSES] = std::array::from_fn(|k| {
                outcomes
                    .iter()
                    .filter(|o| counts(o) && wrong(o, k + 1))
                    .count()
            });
            (
                total,
                wrong,
                (total > 0).then(|| wrong.map(|n| n as f64 / total as f64)),
            )
        };
        let no_hit = |o: &Outcome, k: usize| !o.hit_in_top(k);
        let (photos, classes, classification_error) =
            count(&|o| o.class.is_some(), &|o, k| !o.class_in_top(k));
        let (photos_localised, boxes, localisation_error) = count(&|o| o.localised, &no_hit);
        let (photos_boxed, all, localisation_error_no_blacklist) = count(&|o| o.boxed, &no_hit);
        Self {
            photos,
            photos_localised,
            photos_boxed,
            localisation_error,
            localisation_error_count: boxes,
            classification_error,
            classification_error_count: classes,
            localisation_error_no_blacklist,
            localisation_error_no_blacklist_count: all,
        }
    }
}

impl BoxScores {
    /// Scores the outcomes of photos. `name` gives the name of a class; `classes` tells whether
    /// classes were guessed.
    #[must_use]
    pub fn of(
        photos: &[Photo],
        weighted: bool,
        outcomes: &[Outcome],
        classes: bool,
        name: impl Fn(usize) -> String,
    ) -> Self {
        let localised: Vec<&Outcome> = outcomes.iter().filter(|o| o.localised).collect();
        let known = localised.iter().all(|o| o.iou.is_some());
        let mut sizes: [Vec<&Outcome>; SIZES.len()] = Default::default();
        let mut by_class: BTreeMap<usize, Vec<&Outcome>> = BTreeMap::new();
        for outcome in &localised {
            if let Some(share) = outcome.largest {
                sizes[size_group(share)].push(outcome);
            }
            if let Some(class) = outcome.class {
                by_class.entry(class).or_default().push(outcome);
            }
        }
        let sizes = size_names()
            .into_iter()
            .zip(&sizes)
            .filter(|(_, group)| !group.is_empty());
        Self {
            errors: classes.then(|| Errors::of(outcomes)),
            metrics: Metrics::of(outcomes, classes, |_| 1.0),
            floors: floors(photos, |_| 1.0),
            weighted: weighted.then(|| Weighted {
                metrics: Metrics::of(outcomes, classes, |o| o.weight),
                floors: floors(photos, |photo| photo.weight),
            }),
            by_size: sizes
                .map(|(name, group)| Group::of(name, None, group, known, classes))
                .collect(),
            by_class: by_class
                .iter()
                .map(|(&class, group)| Group::of(name(class), Some(class), group, known, classes))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::metrics::tests::{outcome, value};
    use super::*;

    /// A right at guess 1, B at guess 3, C's class right at guess 1 without a good box, D
    /// blacklisted with its class right at guess 1.
    #[test]
    fn the_worked_example() {
        let photos = [
            outcome(0, 0.5, false),
            outcome(2, 0.9, false),
            outcome(0, 0.4999, false),
            outcome(0, 0.1, true),
        ];
        let m = Metrics::of(&photos, true, |o| o.weight);
        assert_eq!(value(m.top1_localisation_error), 2.0 / 3.0);
        assert_eq!(value(m.top5_localisation_error), 1.0 / 3.0);
        assert_eq!(value(m.top1_classification_error), 1.0 / 4.0);
        assert_eq!(value(m.top5_classification_error), 0.0);
        assert_eq!(value(m.gt_known_accuracy), 2.0 / 3.0);
        assert_eq!(value(m.box_given_top5), 2.0 / 3.0);
        let errors = Errors::of(&photos);
        assert_eq!((errors.photos, errors.photos_localised), (4, 3));
        assert_eq!(errors.localisation_error_count, [2, 2, 1, 1, 1]);
        assert_eq!(errors.classification_error_count, [1, 1, 0, 0, 0]);
        assert_eq!(
            errors.localisation_error_no_blacklist_count,
            [3, 3, 2, 2, 2]
        );
    }
}
