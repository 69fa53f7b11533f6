//! The summary: `summary.json` and `localise score --json` are this, and its schema.

use serde::{Deserialize, Serialize};

use crate::dataset::{Dataset, Suspicion};
use crate::prediction::Predictions;
use crate::score::{
    BoxScores, MapOutcome, MapScores, MaskOutcome, MaskScores, Outcome, Predicted, Steps,
};
use crate::stage::Stage;

/// The numbers of a run, or of predictions from any source.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The version of this layout.
    pub schema: u32,
    /// Program and version.
    pub program: String,
    /// The metric profile; `maps` and `masks` name their own.
    pub profile: String,
    /// The dataset.
    pub dataset: String,
    /// What was run, where it was run by this program.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub run: Option<Experiment>,
    /// How many photos were scored.
    pub images: usize,
    /// How many the dataset has.
    pub images_in_dataset: usize,
    /// How many of those scored failed or are missing; they count as wrong.
    pub failed: usize,
    /// What there is to know of how the numbers came about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What was read as it is written although it probably means something else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What boxes score.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub boxes: Option<BoxScores>,
    /// What score maps score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maps: Option<MapScores>,
    /// What masks score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub masks: Option<MaskScores>,
    /// Mean CPU milliseconds by stage; not written, since results must not depend on the machine
    /// (it is in the manifest).
    #[serde(skip)]
    pub cpu_ms_per_photo: Vec<(Stage, f64)>,
}

/// What was run.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Experiment {
    /// The pipeline.
    pub pipeline: String,
    /// Where the pipeline's numbers were chosen.
    pub tuned_on: String,
    /// The model.
    pub model: String,
    /// The model file's hash.
    pub model_sha256: String,
    /// How photos were shown to the classifier.
    pub crops: String,
}

impl Summary {
    /// A summary of a dataset, without numbers.
    #[must_use]
    pub fn new(dataset: &Dataset, profile: &str) -> Self {
        Self {
            schema: 1,
            program: format!("localise {}", env!("CARGO_PKG_VERSION")),
            profile: profile.into(),
            dataset: dataset.name.clone(),
            run: None,
            images: dataset.photos.len(),
            images_in_dataset: dataset.total_photos,
            failed: 0,
            notes: vec![],
            warnings: dataset
                .suspicions
                .iter()
                .map(Suspicion::to_string)
                .collect(),
            boxes: None,
            maps: None,
            masks: None,
            cpu_ms_per_photo: vec![],
        }
    }

    /// The summary of boxes.
    #[must_use]
    pub fn from_boxes(dataset: &Dataset, predictions: &Predictions) -> Self {
        let outcomes = predictions.outcomes(dataset);
        let boxes = BoxScores::new(dataset, &outcomes, predictions.classes);
        let unknown = outcomes
            .iter()
            .filter(|outcome| outcome.counts_in_localisation && outcome.iou.is_none())
            .count();
        let reason = (unknown > 0).then(|| {
            format!(
                "{unknown} photos have no box for their true class: accuracy with the true class \
                 known, CorLoc and mean IoU are unknown"
            )
        });
        let without_truth = outcomes
            .iter()
            .all(|outcome| !outcome.has_boxes)
            .then(|| "no photo has a true box: localisation is not scored".to_owned());
        let guesses_by_chance = guesses_by_chance(&outcomes, predictions);
        Self {
            failed: predictions
                .photos
                .iter()
                .filter(|photo| photo.failed)
                .count(),
            notes: dataset
                .notes
                .iter()
                .chain(&predictions.notes)
                .cloned()
                .chain(reason)
                .chain(without_truth)
                .collect(),
            warnings: dataset
                .suspicions
                .iter()
                .chain(&predictions.suspicions)
                .chain(&guesses_by_chance)
                .map(Suspicion::to_string)
                .collect(),
            boxes: Some(boxes),
            ..Self::new(dataset, dataset.profile.name())
        }
    }

    /// The summary of score maps.
    #[must_use]
    pub fn from_maps(dataset: &Dataset, outcomes: &[MapOutcome], steps: Steps) -> Self {
        Self {
            maps: Some(MapScores::from_outcomes(outcomes, steps)),
            notes: without_weights(dataset),
            ..Self::new(dataset, "wsoleval")
        }
    }

    /// The summary of masks; `None` where no photo has a true one.
    #[must_use]
    pub fn from_masks(dataset: &Dataset, outcomes: &[MaskOutcome]) -> Option<Self> {
        let masks = Some(MaskScores::from_outcomes(outcomes)?);
        Some(Self {
            masks,
            notes: without_weights(dataset),
            ..Self::new(dataset, "masks")
        })
    }
}

/// Labels are suspected of being in another order than the guesses where less than this share of the
/// first guesses is right, ...
const SUSPICIOUS_ACCURACY: f64 = 0.1;
/// ... of this many or more.
const MIN_GUESSES: usize = 20;

/// First guesses that are nearly all wrong, as if the labels were in another order than the classes.
/// Photos without a guess do not count.
fn guesses_by_chance(outcomes: &[Outcome], predictions: &Predictions) -> Option<Suspicion> {
    let guessed = |photo: &Predicted| photo.guesses.iter().any(|guess| guess.rank.is_some());
    let photos = outcomes.iter().zip(&predictions.photos);
    let photos = photos.filter(|(outcome, photo)| outcome.class.is_some() && guessed(photo));
    let right: Vec<bool> = photos.map(|(outcome, _)| outcome.class_in_top(1)).collect();
    let (count, all) = (right.iter().filter(|right| **right).count(), right.len());
    let is_low = (count as f64) < SUSPICIOUS_ACCURACY * all as f64;
    (predictions.classes && all >= MIN_GUESSES && is_low).then(|| {
        let what = format!("only {count} of {all} first guesses have the true class");
        let advice = "are the true classes in the order of the guessed ones, and are these the \
                      photos that their names say? `localise doctor` checks a dataset with a model";
        Suspicion::new(what, advice)
    })
}

/// The notes of numbers that do not weight photos.
fn without_weights(dataset: &Dataset) -> Vec<String> {
    let weights = dataset
        .weighted
        .then(|| "every photo counts alike here: weights are for boxes".to_owned());
    dataset.notes.iter().cloned().chain(weights).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Photo;
    use crate::prediction::Predictions;
    use crate::score::{Guess, Label};

    /// A summary of photos of class 0, of which so many are guessed.
    fn summary(photos: usize, right: usize) -> Summary {
        let photo = Photo {
            class: Some(0),
            ..Photo::default()
        };
        let dataset = Dataset {
            photos: vec![photo; photos],
            ..Dataset::default()
        };
        let guess = |i: usize| Predicted {
            guesses: vec![Guess {
                label: Label::Class(usize::from(i >= right)),
                rank: Some(0),
                bbox: None,
                confidence: None,
            }],
            failed: false,
        };
        let predictions = Predictions {
            photos: (0..photos).map(guess).collect(),
            classes: true,
            ..Predictions::default()
        };
        Summary::from_boxes(&dataset, &predictions)
    }

    #[test]
    fn labels_in_another_order_are_suspicious() {
        let warnings = summary(200, 1).warnings;
        assert!(
            warnings[0].starts_with("only 1 of 200 first guesses"),
            "{warnings:?}"
        );
        for (photos, right) in [(19, 0), (200, 20)] {
            assert!(summary(photos, right).warnings.is_empty());
        }
    }
}
