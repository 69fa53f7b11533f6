//! The fingerprint of a run: everything that its results depend on, by content. Rows with different
//! fingerprints are never mixed.

use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::control::ExecutionOptions;
use crate::classifier::{self, ModelDescription, Provider};
use crate::dataset::{Dataset, Jpeg};
use crate::digest;
use crate::localiser::{Classes, find_head, member_models};
use crate::results::RunOptions;

/// What the results of a run depend on. The vector units of the processor are not included: they may
/// change the last bits, but a shard must be able to resume on another machine.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Fingerprint {
    /// This program and its version.
    pub program: String,
    /// The commit that it was built from.
    pub commit: String,
    /// ONNX Runtime's version and build.
    pub onnx_runtime: String,
    /// What networks were run on.
    pub provider: Provider,
    /// The model's name.
    pub model: String,
    /// The hash of the model's files.
    pub model_sha256: String,
    /// The hash of the model's description.
    pub description_sha256: String,
    /// The hash of the model's foreground head, where the pipeline has one.
    #[serde(default)]
    pub head_sha256: Option<String>,
    /// The other classifiers of the pipeline.
    #[serde(default)]
    pub members: Vec<MemberFingerprint>,
    /// The pipeline's name.
    pub pipeline_name: String,
    /// The hash of the pipeline with all its values.
    pub pipeline_sha256: String,
    /// The dataset's name.
    pub dataset: String,
    /// The hash of the ground truth: the photos' names, sizes, classes, boxes and weights.
    pub dataset_sha256: String,
    /// How many photos there are.
    pub images: usize,
    /// Which classes get a box.
    pub boxes_for: Classes,
    /// Mixed into every random seed.
    pub seed: u64,
    /// How damaged JPEGs are treated.
    pub jpeg: Jpeg,
    /// Whether maps are written.
    pub maps: bool,
    /// Whether masks are written.
    pub masks: bool,
}

/// What the results of a run depend on of one of several classifiers.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct MemberFingerprint {
    /// The model's name.
    pub model: String,
    /// The hash of the model's files.
    pub model_sha256: String,
    /// The hash of the model's description.
    pub description_sha256: String,
    /// The hash of its foreground head, where the pipeline has one.
    pub head_sha256: Option<String>,
}

/// One for each classifier of the pipeline, the first first.
fn member_fingerprints(
    options: &RunOptions,
    first: &ModelDescription,
) -> Result<Vec<MemberFingerprint>> {
    let mut fingerprints = Vec::new();
    for (pipeline, description) in member_models(&options.pipeline, first)? {
        let head = find_head(&pipeline, &description)?;
        fingerprints.push(MemberFingerprint {
            model: description.name.clone(),
            model_sha256: classifier::sha256(description.file()?)?,
            description_sha256: description.sha256(),
            head_sha256: head.map(|head| digest::sha256(head.to_text())),
        });
    }
    Ok(fingerprints)
}

impl Fingerprint {
    /// The fingerprint of a run on this machine.
    ///
    /// # Errors
    /// When ONNX Runtime or the model cannot be read.
    pub fn new(
        options: &RunOptions,
        execution: &ExecutionOptions,
        description: &ModelDescription,
        dataset: &Dataset,
    ) -> Result<Self> {
        let [first, members @ ..] = &member_fingerprints(options, description)?[..] else {
            unreachable!("a pipeline has a classifier")
        };
        Ok(Self {
            program: format!("localise {}", env!("CARGO_PKG_VERSION")),
            commit: env!("LOCALISE_COMMIT").into(),
            onnx_runtime: classifier::library_build()?,
            provider: classifier::provider(),
            model: first.model.clone(),
            model_sha256: first.model_sha256.clone(),
            description_sha256: first.description_sha256.clone(),
            head_sha256: first.head_sha256.clone(),
            members: members.to_vec(),
            pipeline_name: options.pipeline_name.clone(),
            pipeline_sha256: digest::sha256(options.pipeline.to_text()),
            dataset: dataset.name.clone(),
            dataset_sha256: dataset.sha256(),
            images: dataset.photos.len(),
            boxes_for: options.classes,
            seed: options.seed,
            jpeg: options.jpeg,
            maps: execution.maps,
            masks: execution.masks,
        })
    }

    /// The models' names, as in `googlenet + efficientnet-lite1`.
    pub(super) fn models(&self) -> String {
        let others = self.members.iter().map(|member| &member.model);
        let names: Vec<&str> = [&self.model]
            .into_iter()
            .chain(others)
            .map(String::as_str)
            .collect();
        names.join(" + ")
    }

    /// The first difference from the fingerprint `created` of the results in `place`; `None` if
    /// there is none.
    pub(super) fn difference(&self, created: &Self, place: &Path) -> Option<String> {
        let [ours, theirs] = [self, created].map(|side| match serde_json::to_value(side) {
            Ok(Value::Object(map)) => map,
            _ => unreachable!("a struct becomes an object"),
        });
        let differs = |(name, value): &(&String, &Value)| theirs.get(*name) != Some(value);
        // The number of photos says more than the hash of their truth.
        let count = ours.iter().filter(|(name, _)| *name == "images");
        let (name, this) = count.chain(&ours).find(differs)?;
        let (shown_name, place) = (name.replace('_', " "), place.display());
        let (that, this) = (shown(name, &theirs[name]), shown(name, this));
        Some(format!(
            "{place} was created with {shown_name} {that}, but this run uses {this}"
        ))
    }
}

/// A value as a message shows it; a hash is cut short.
fn shown(name: &str, value: &Value) -> String {
    match value.as_str() {
        Some(hash) if name.ends_with("sha256") => format!("{}...", hash.get(..12).unwrap_or(hash)),
        Some(text) => text.to_owned(),
        None => value.to_string(),
    }
}
