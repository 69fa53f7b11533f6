//! The summary: `summary.json` is this, and its schema.

use serde::Serialize;

use crate::score::{Floors, Metrics};

/// The numbers of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The version of this layout.
    pub schema: u32,
    /// Program and version.
    pub program: String,
    /// The metric profile.
    pub profile: String,
    /// The dataset.
    pub dataset: String,
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
    /// How many photos were run.
    pub images: usize,
    /// How many the dataset has.
    pub images_in_dataset: usize,
    /// How many of those run failed; they count as wrong.
    pub failed: usize,
    /// The metrics, every photo counting alike.
    pub metrics: Metrics,
    /// What boxes score that do not look.
    pub floors: Floors,
    /// The same by the photos' weights, where they have any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weighted: Option<Weighted>,
    /// Mean CPU milliseconds by stage; not written, since results must not depend on the machine (it is in the
    /// manifest).
    #[serde(skip)]
    pub cpu_ms_per_photo: Vec<(String, f64)>,
}

/// Metrics and floors by the photos' weights. The metrics stand at the top level, as in the unweighted part.
#[derive(Clone, Debug, Serialize)]
pub struct Weighted {
    /// The metrics.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// What boxes score that do not look.
    pub floors: Floors,
}
