//! The summary: `summary.json` and `localise score --json` are this, and its schema.

use serde::{Deserialize, Serialize};

use crate::dataset::{Dataset, Suspicion};
use crate::prediction::Predictions;
use crate::score::{BoxScores, MapOutcome, MapScores, MaskOutcome, MaskScores, Steps};
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
                .collect(),
            warnings: dataset
                .suspicions
                .iter()
                .chain(&predictions.suspicions)
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

/// The notes of numbers that do not weight photos.
fn without_weights(dataset: &Dataset) -> Vec<String> {
    let weights = dataset
        .weighted
        .then(|| "every photo counts alike here: weights are for boxes".to_owned());
    dataset.notes.iter().cloned().chain(weights).collect()
}
