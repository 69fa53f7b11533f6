//! The file that describes a study.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Deserialize;

use crate::assets::STUDIES;

/// A study, as written in `pipelines/studies/*.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Study {
    /// What is compared, in one line.
    pub title: String,
    /// The dataset's name or path.
    pub dataset: PathBuf,
    /// A file in `data/` that lists photos; only these are scored.
    pub images: Option<PathBuf>,
    /// A file in `data/` that lists photos to choose values on. For each model, and for each row
    /// that varies values, only the combination that is most accurate on these photos is scored.
    /// Without this file, every combination is a row of its own.
    pub choose_on: Option<PathBuf>,
    /// The models' names or paths.
    pub models: Vec<PathBuf>,
    /// The row that the others are compared with, photo by photo.
    pub against: Option<String>,
    /// Grids of values that several rows can share, by name.
    #[serde(default, rename = "grid")]
    pub grids: BTreeMap<String, ParameterGrid>,
    /// The pipelines.
    #[serde(rename = "row")]
    pub rows: Vec<StudyRow>,
}

/// Values to try, by `table.key`.
pub type ParameterGrid = BTreeMap<String, Vec<toml::Value>>;

/// A pipeline of a study, or a grid of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StudyRow {
    /// The row's name in the table.
    pub name: String,
    /// The pipeline's name or path.
    pub pipeline: PathBuf,
    /// Changes to the pipeline, each `table.key=value`.
    #[serde(default)]
    pub set: Vec<String>,
    /// Values to try: every combination is a pipeline.
    #[serde(default)]
    pub vary: ParameterGrid,
    /// The name of one of the study's grids, whose values are tried too.
    pub grid: Option<String>,
    /// The names of the models that the row is for; all models where it is missing.
    pub models: Option<Vec<String>>,
}

impl Study {
    /// Reads a study by name (`pipelines/studies/NAME.toml`) or path.
    ///
    /// # Errors
    /// When the file cannot be read or parsed; the text names the file and the fault.
    pub fn load(name: &Path) -> Result<Self> {
        let (path, text) = STUDIES.read(name)?;
        Ok(STUDIES.parse(&text, &path.display().to_string())?)
    }
}
