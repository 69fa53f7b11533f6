//! The metrics that the field reports for boxes and classes.

use serde::Serialize;

use super::constants::{IOU_THRESHOLDS, MAX_GUESSES};
use super::corloc::{ClassSample, corloc_with_interval};
use super::interval::{Rate, mean, rate};
use super::outcome::Outcome;

/// The metrics of boxes and classes. A metric is `None` if the data do not allow it: there are no
/// photos, no classes were guessed, or a photo lacks a box for its true class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Metrics {
    /// The share of photos whose box for the true class is correct: GT-known Loc.
    pub gt_known_accuracy: Option<Rate>,
    /// The same with IoU ≥ 0.3 in place of 0.5.
    pub gt_known_accuracy_iou_30: Option<Rate>,
    /// The same with IoU ≥ 0.7.
    pub gt_known_accuracy_iou_70: Option<Rate>,
    /// The mean over photos of the IoU of the box for the true class with the best true box.
    pub mean_iou: Option<Rate>,
    /// The GT-known accuracy of each class, averaged over classes: CorLoc.
    pub corloc: Option<Rate>,
    /// The share of photos whose first guess is wrong in class or box.
    pub top1_localisation_error: Option<Rate>,
    /// The share of photos for which none of five guesses is correct in class and box.
    pub top5_localisation_error: Option<Rate>,
    /// The share of photos whose first guess has the wrong class.
    pub top1_classification_error: Option<Rate>,
    /// The share of photos for which none of five guesses has the true class.
    pub top5_classification_error: Option<Rate>,
    /// Of the photos whose class is among the five guesses, the share for which a box of that class
    /// is correct.
    pub box_given_top5: Option<Rate>,
}

impl Metrics {
    /// The metrics of photos with these weights. `classes_guessed`: the predictions name classes.
    #[must_use]
    pub fn new(
        outcomes: &[Outcome],
        classes_guessed: bool,
        weight: impl Fn(&Outcome) -> f64,
    ) -> Self {
        let mut metrics = Self::default();
        let localised: Vec<&Outcome> = outcomes
            .iter()
            .filter(|outcome| outcome.counts_in_localisation)
            .collect();
        if localised.iter().all(|outcome| outcome.iou.is_some()) {
            metrics.set_gt_known(&localised, &weight);
        }
        if classes_guessed {
            metrics.set_localisation_errors(&localised, &weight);
            metrics.set_classification_errors(outcomes, &weight);
        }
        metrics
    }

    /// Sets the metrics for which the true class is known.
    fn set_gt_known(&mut self, localised: &[&Outcome], weight: &impl Fn(&Outcome) -> f64) {
        [
            self.gt_known_accuracy_iou_30,
            self.gt_known_accuracy,
            self.gt_known_accuracy_iou_70,
        ] = IOU_THRESHOLDS.map(|iou| {
            let hits = localised
                .iter()
                .map(|outcome| (weight(outcome), outcome.iou_at_least(iou)));
            rate(hits)
        });
        let ious: Vec<(f64, f64)> = localised
            .iter()
            .map(|outcome| (weight(outcome), outcome.iou.unwrap_or(0.0)))
            .collect();
        self.mean_iou = mean(&ious);
        let samples: Option<Vec<ClassSample>> = localised
            .iter()
            .map(|outcome| ClassSample::new(outcome, weight(outcome)))
            .collect();
        self.corloc = samples.and_then(|samples| corloc_with_interval(&samples));
    }

    fn set_localisation_errors(
        &mut self,
        localised: &[&Outcome],
        weight: &impl Fn(&Outcome) -> f64,
    ) {
        let error = |k: usize| {
            let wrong = localised
                .iter()
                .map(|outcome| (weight(outcome), !outcome.hit_in_top(k)));
            rate(wrong)
        };
        self.top1_localisation_error = error(1);
        self.top5_localisation_error = error(MAX_GUESSES);
        let hits = localised
            .iter()
            .filter(|outcome| outcome.class_in_top(MAX_GUESSES))
            .map(|outcome| (weight(outcome), outcome.hit_in_top(MAX_GUESSES)));
        self.box_given_top5 = rate(hits);
    }

    fn set_classification_errors(
        &mut self,
        outcomes: &[Outcome],
        weight: &impl Fn(&Outcome) -> f64,
    ) {
        let error = |k: usize| {
            let wrong = outcomes
                .iter()
                .filter(|outcome| outcome.class.is_some())
                .map(|outcome| (weight(outcome), !outcome.class_in_top(k)));
            rate(wrong)
        };
        self.top1_classification_error = error(1);
        self.top5_classification_error = error(MAX_GUESSES);
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{outcome, value};
    use super::*;

    #[test]
    fn a_failed_photo_is_wrong_in_everything() {
        let failed = Outcome {
            class_rank: None,
            hit_rank: None,
            iou: Some(0.0),
            ..outcome(0, 0.0, false)
        };
        let metrics = Metrics::new(&[failed, outcome(0, 1.0, false)], true, |o| o.weight);
        for rate in [
            metrics.gt_known_accuracy,
            metrics.top1_localisation_error,
            metrics.top5_classification_error,
        ] {
            assert_eq!(value(rate), 0.5);
        }
        assert_eq!(value(metrics.box_given_top5), 1.0);
    }

    #[test]
    fn photos_are_weighted() {
        let photos = [
            Outcome {
                weight: 3.0,
                ..outcome(0, 1.0, false)
            },
            outcome(9, 0.0, false),
        ];
        let weighted = Metrics::new(&photos, true, |o| o.weight);
        assert_eq!(value(weighted.gt_known_accuracy), 0.75);
        let unweighted = Metrics::new(&photos, true, |_| 1.0);
        assert_eq!(value(unweighted.mean_iou), 0.5);
    }

    /// If the five guesses do not include the true class, the box for it is not known.
    #[test]
    fn a_photo_without_a_box_for_its_class_has_no_gt_known_metrics() {
        let photos = [
            Outcome {
                class_rank: None,
                hit_rank: None,
                iou: None,
                ..outcome(0, 0.0, false)
            },
            outcome(0, 1.0, false),
        ];
        let metrics = Metrics::new(&photos, true, |_| 1.0);
        assert_eq!(
            (metrics.gt_known_accuracy, metrics.mean_iou, metrics.corloc),
            (None, None, None)
        );
        assert_eq!(value(metrics.top1_localisation_error), 0.5);
        assert_eq!(Metrics::new(&photos, false, |_| 1.0), Metrics::default());
    }

    /// Three of four photos of one class are correct, and the only photo of another class. The mean
    /// over photos is 4/5, the mean over classes 7/8.
    #[test]
    fn corloc_is_a_mean_over_classes() {
        let mut photos = vec![outcome(0, 1.0, false); 3];
        photos.push(outcome(0, 0.0, false));
        photos.push(Outcome {
            class: Some(5),
            ..outcome(0, 1.0, false)
        });
        let metrics = Metrics::new(&photos, true, |_| 1.0);
        assert_eq!(
            (value(metrics.corloc), value(metrics.gt_known_accuracy)),
            (7.0 / 8.0, 4.0 / 5.0)
        );
    }
}
