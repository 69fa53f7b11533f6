//! A finished run, read back from its folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::failures::Failure;
use super::files;
use super::row::Row;
use super::run_options::RunOptions;
use super::summary::{Experiment, Summary};
use crate::dataset::{Dataset, Photo, Request};
use crate::digest::sha256;
use crate::path_text;
use crate::prediction::Predictions;
use crate::remedy::Refused;
use crate::score::Predicted;
use crate::segment::Flag;
use crate::stage::Stage;
use crate::storage;

/// A run with its results in a folder.
#[derive(Debug)]
pub struct FinishedRun {
    /// The folder.
    pub folder: PathBuf,
    /// The run's specification.
    pub options: RunOptions,
    /// What the run was scored against. The photos' paths are those on the machine that ran it.
    pub dataset: Dataset,
    /// The boxes that were found.
    pub predictions: Predictions,
    /// For each photo, what its row for the true class says besides its box.
    pub remarks: Vec<Remark>,
    /// The photos that failed.
    pub failures: Vec<Failure>,
    /// The numbers.
    pub summary: Summary,
    /// The content of `manifest.json`.
    pub manifest: Value,
    /// The SHA-256 of `boxes.csv`.
    pub boxes_sha256: String,
}

/// What the row of a photo's true class says besides its box.
#[derive(Clone, Debug, Default)]
pub struct Remark {
    /// The degenerate case, if any.
    pub flag: Option<Flag>,
    /// Why the photo failed, if it did.
    pub message: Option<String>,
}

impl FinishedRun {
    /// Reads the results in a folder.
    ///
    /// # Errors
    /// Naming the file, when one is missing or damaged.
    pub fn open(folder: &Path) -> Result<Self> {
        if !folder.join(files::SUMMARY).is_file() {
            return Err(unfinished(folder).into());
        }
        let in_folder = |name: &str| folder.join(name);
        let mut dataset = Dataset::open(&Request {
            dataset: Some(folder),
            ..Request::default()
        })?;
        let bytes = read(&in_folder(files::BOXES))?;
        let (predictions, remarks) = read_rows(&bytes, &dataset)
            .with_context(|| in_folder(files::BOXES).display().to_string())?;
        let head: SummaryHead = read_json(&in_folder(files::SUMMARY))?;
        dataset.total_photos = head.images_in_dataset;
        let manifest: Value = read_json(&in_folder(files::MANIFEST))?;
        let summary = Summary {
            run: Some(head.experiment),
            notes: head.notes,
            warnings: head.warnings,
            cpu_ms_per_photo: times(&manifest).unwrap_or_default().into_iter().collect(),
            ..Summary::from_boxes(&dataset, &predictions)
        };
        let run = String::from_utf8(read(&in_folder(files::RUN))?)?;
        let options = RunOptions::from_text(&run)
            .with_context(|| in_folder(files::RUN).display().to_string())?;
        Ok(Self {
            // The folder itself and not what leads to it: a link such as `last-good` leads
            // elsewhere tomorrow.
            folder: fs::canonicalize(folder).with_context(|| folder.display().to_string())?,
            failures: read_failures(&in_folder(files::FAILURES))?,
            boxes_sha256: sha256(&bytes),
            options,
            dataset,
            predictions,
            remarks,
            summary,
            manifest,
        })
    }

    /// Looks for the photos below another folder: from each path as many leading folders are
    /// dropped as lead to a file there. Nothing changes where the first photos are not found there
    /// but still are where the run read them.
    ///
    /// # Errors
    /// When they are found in neither place.
    pub fn relocate_photos(&mut self, folder: &Path) -> Result<()> {
        let below =
            |path: &Path, n: usize| folder.join(path.components().skip(n).collect::<PathBuf>());
        let dropped = |photo: &Photo| {
            let all = photo.path.components().count();
            (1..all).find(|&n| storage::is_file(&below(&photo.path, n)))
        };
        let first = || self.dataset.photos.iter().take(100);
        if let Some(n) = first().find_map(dropped) {
            for photo in &mut self.dataset.photos {
                photo.path = below(&photo.path, n);
            }
            return Ok(());
        }
        let example = first().next().map(|photo| photo.path.display().to_string());
        if first().any(|photo| storage::is_file(&photo.path)) {
            return Ok(());
        }
        let (folder, run) = (folder.display(), self.folder.display());
        let example = example.unwrap_or_default();
        bail!(Refused::with_advice(
            format!("{folder}: none of the photos of {run} is below this folder"),
            format!("the run read them from paths such as {example}"),
        ))
    }

    /// The rows of the run in this folder, if there is one: they can be scored against the truth
    /// beside them.
    #[must_use]
    pub fn boxes_in(folder: &Path) -> Option<PathBuf> {
        let boxes = folder.join(files::BOXES);
        (boxes.is_file() && folder.join(files::TRUTH).is_file()).then_some(boxes)
    }

    /// Checks that this is not the folder of a run that has no results yet.
    ///
    /// # Errors
    /// [`Refused`] if it has journals, but no summary.
    pub fn ensure_finished(folder: &Path) -> Result<(), Refused> {
        let has = |name: &str| folder.join(name).is_file();
        let is_begun = || {
            let files = fs::read_dir(folder).into_iter().flatten().flatten();
            let names = files.map(|file| file.file_name());
            let mut names = names.map(|name| name.to_string_lossy().into_owned());
            names.any(|name| name.starts_with("shard-"))
        };
        if !has(files::SUMMARY) && !has(files::BOXES) && is_begun() {
            return Err(unfinished(folder));
        }
        Ok(())
    }

    /// Adds to the scores of a run what its own summary says: its notes and warnings, and how many
    /// photos the dataset has. Nothing is added where there is none.
    pub fn add_remarks(folder: &Path, summary: &mut Summary) {
        let Ok(head) = read_json::<SummaryHead>(&folder.join(files::SUMMARY)) else {
            return;
        };
        summary.images_in_dataset = head.images_in_dataset;
        let added = |own: &mut Vec<String>, said: Vec<String>| {
            own.retain(|remark| !said.contains(remark));
            own.splice(..0, said);
        };
        added(&mut summary.notes, head.notes);
        added(&mut summary.warnings, head.warnings);
    }

    /// Mean CPU milliseconds for each photo, by stage, of the run in this folder, if there is one.
    #[must_use]
    pub fn times_in(folder: &Path) -> Option<BTreeMap<Stage, f64>> {
        times(&read_json(&folder.join(files::MANIFEST)).ok()?)
    }

    /// The folder's name.
    #[must_use]
    pub fn name(&self) -> String {
        path_text::encode(self.folder.file_name().unwrap_or(self.folder.as_os_str()))
    }
}

fn unfinished(folder: &Path) -> Refused {
    Refused::with_advice(
        format!("{}: this folder holds no finished run", folder.display()),
        "name the folder of a run; the same `localise run` finishes it, or `localise merge` where it \
         has shards",
    )
}

/// What a summary says and the rows do not.
#[derive(Deserialize)]
struct SummaryHead {
    images_in_dataset: usize,
    #[serde(default)]
    notes: Vec<String>,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(flatten)]
    experiment: Experiment,
}

/// The times in a manifest, in the order of the stages.
fn times(manifest: &Value) -> Option<BTreeMap<Stage, f64>> {
    let mut times = BTreeMap::new();
    for stage in Stage::ALL {
        if let Some(ms) = manifest.get("cpu_ms_per_photo")?.get(stage.name()) {
            times.insert(stage, ms.as_f64()?);
        }
    }
    Some(times)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| path.display().to_string())
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    serde_json::from_slice(&read(path)?).with_context(|| path.display().to_string())
}

/// The failures of a run; its folder has no such file where no photo failed.
fn read_failures(path: &Path) -> Result<Vec<Failure>> {
    let Ok(text) = fs::read_to_string(path) else {
        return Ok(vec![]);
    };
    let failures: serde_json::Result<_> = text.lines().map(serde_json::from_str).collect();
    failures.with_context(|| path.display().to_string())
}

/// The rows of `boxes.csv` by photo, in the dataset's order.
fn read_rows(bytes: &[u8], dataset: &Dataset) -> Result<(Predictions, Vec<Remark>)> {
    let places = dataset.photo_index();
    let missing = Predicted {
        guesses: vec![],
        failed: true,
    };
    let mut photos = vec![missing; dataset.photos.len()];
    let mut remarks = vec![Remark::default(); photos.len()];
    for row in csv::Reader::from_reader(bytes).deserialize() {
        let row: Row = row?;
        let Some(place) = places.get(&row.image_id) else {
            bail!("{} has no photo called {}", files::TRUTH, row.image_id)
        };
        photos[place].guesses.extend(row.guess());
        photos[place].failed = photos[place].guesses.is_empty();
        if row.class_index == dataset.photos[place].class {
            remarks[place] = Remark {
                flag: row.flag,
                message: row.message,
            };
        }
    }
    for photo in &mut photos {
        photo.guesses.sort_by_key(|guess| guess.rank);
        photo.guesses.shrink_to_fit();
    }
    let predictions = Predictions {
        photos,
        classes: dataset.profile.guesses_classes(),
        ..Predictions::default()
    };
    Ok((predictions, remarks))
}
