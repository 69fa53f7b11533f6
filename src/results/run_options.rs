//! `run.toml`: the complete specification of a run.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::files;
use crate::classifier::Preset;
use crate::dataset::Jpeg;
use crate::localiser::Classes;
use crate::path_text;
use crate::pipeline::Pipeline;

/// The complete specification of a run: everything on which its numbers depend. The file `run.toml`
/// of a finished run holds it, and can be run again.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RunOptions {
    /// The dataset's name or path.
    #[serde(with = "path_text")]
    pub dataset: PathBuf,
    /// The folder in which its data are.
    #[serde(default, with = "path_text::optional")]
    pub data_dir: Option<PathBuf>,
    /// The model's name, description, ONNX file or folder.
    #[serde(with = "path_text")]
    pub model: PathBuf,
    /// The preset for a model without a description.
    pub like: Option<Preset>,
    /// Process at most this many photos, the first of a fixed shuffle.
    pub limit: Option<usize>,
    /// Process only the photos named in this file, or those in this folder.
    #[serde(default, with = "path_text::optional")]
    pub images: Option<PathBuf>,
    /// Weights to use in place of the dataset's.
    #[serde(default, with = "path_text::optional")]
    pub weights: Option<PathBuf>,
    /// Leave out invalid true boxes in place of refusing them.
    #[serde(default)]
    pub lenient_boxes: bool,
    /// Which classes get a box.
    pub classes: Classes,
    /// Mixed into the seed of every random choice.
    pub seed: u64,
    /// How damaged JPEGs are treated.
    #[serde(default)]
    pub jpeg: Jpeg,
    /// The pipeline's name.
    pub pipeline_name: String,
    /// The pipeline.
    pub pipeline: Pipeline,
}

impl RunOptions {
    /// The text of `run.toml`.
    ///
    /// # Errors
    /// When a value cannot be written as TOML. Paths can: see `src/path_text.rs`.
    pub fn to_text(&self) -> Result<String> {
        toml::to_string(self).context(files::RUN)
    }

    /// Parses the text of a `run.toml`.
    ///
    /// # Errors
    /// With line and column, when the text is not a run's specification.
    pub fn from_text(text: &str) -> Result<Self> {
        Ok(toml::from_str(text)?)
    }
}
