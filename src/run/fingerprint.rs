//! The fingerprint: all that a run's results depend on, by content. Rows of two fingerprints never
//! come together.

use std::path::Path;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Carrying, Classes, RunOptions};
use crate::classifier::{self, Description, Provider};
use crate::dataset::{Dataset, Jpeg};
use crate::digest;

/// What the results of a run depend on. The vector units of a processor are not in it: they may
/// change last bits, and a shard that moves to another machine must go on.
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
    /// Of the model's files.
    pub model_sha256: String,
    /// Of what the model's description says.
    pub description_sha256: String,
    /// What the pipeline is called.
    pub pipeline_name: String,
    /// Of the pipeline with all its values.
    pub pipeline_sha256: String,
    /// The dataset's name.
    pub dataset: String,
    /// Of the truth: the photos' names, sizes, classes, boxes, weights.
    pub dataset_sha256: String,
    /// How many photos there are.
    pub images: usize,
    /// Which classes get a box.
    pub boxes_for: Classes,
    /// What every seed is mixed with.
    pub seed: u64,
    /// How damaged JPEGs are taken.
    pub jpeg: Jpeg,
    /// Whether maps are written.
    pub maps: bool,
    /// Whether masks are written.
    pub masks: bool,
}

impl Fingerprint {
    /// The fingerprint of a run on this machine.
    ///
    /// # Errors
    /// When ONNX Runtime or the model cannot be read.
    pub fn of(
        options: &RunOptions,
        carrying: &Carrying,
        description: &Description,
        dataset: &Dataset,
    ) -> Result<Self> {
        Ok(Self {
            program: format!("localise {}", env!("CARGO_PKG_VERSION")),
            commit: env!("LOCALISE_COMMIT").into(),
            onnx_runtime: classifier::version()?,
            provider: classifier::provider(),
            model: description.name.clone(),
            model_sha256: classifier::sha256(description.file()?)?,
            description_sha256: description.sha256(),
            pipeline_name: options.pipeline_name.clone(),
            pipeline_sha256: digest::sha256(options.pipeline.to_text()),
            dataset: dataset.name.clone(),
            dataset_sha256: dataset.sha256(),
            images: dataset.photos.len(),
            boxes_for: options.classes,
            seed: options.seed,
            jpeg: options.jpeg,
            maps: carrying.maps,
            masks: carrying.masks,
        })
    }

    /// Refuses to go on with, or to put together, what `made` made in `place`.
    pub(super) fn must_be(&self, made: &Self, place: &Path, help: &str) -> Result<()> {
        let [ours, theirs] = [self, made].map(|side| match serde_json::to_value(side) {
            Ok(Value::Object(map)) => map,
            _ => unreachable!("a struct"),
        });
        let Some((name, this)) = ours
            .iter()
            .find(|(name, value)| theirs.get(*name) != Some(value))
        else {
            return Ok(());
        };
        let (name_shown, place) = (name.replace('_', " "), place.display());
        let (made, this) = (shown(name, &theirs[name]), shown(name, this));
        bail!("{place} was made with {name_shown} {made}, this is {this}; {help}")
    }
}

/// A value; of a hash the beginning.
fn shown(name: &str, value: &Value) -> String {
    match value.as_str() {
        Some(hash) if name.ends_with("sha256") => format!("{}...", hash.get(..12).unwrap_or(hash)),
        Some(text) => text.to_owned(),
        None => value.to_string(),
    }
}
