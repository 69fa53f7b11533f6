//! A finished run, read back from its folder: all that a report shows.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Failure, Row, RunOptions, files};
use crate::dataset::{Dataset, Photo, Request};
use crate::digest::sha256;
use crate::prediction::Predictions;
use crate::report::{Experiment, Summary};
use crate::score::Predicted;
use crate::segment::Flag;

/// A run whose results lie in a folder.
#[derive(Debug)]
pub struct Finished {
    /// The folder.
    pub folder: PathBuf,
    /// What was run.
    pub options: RunOptions,
    /// What it was scored against. The photos' paths are those of the machine that ran it.
    pub dataset: Dataset,
    /// What was found.
    pub predictions: Predictions,
    /// Of each photo, what its row for the true class says besides.
    pub remarks: Vec<Remark>,
    /// The photos that failed.
    pub failures: Vec<Failure>,
    /// The numbers.
    pub summary: Summary,
    /// `manifest.json`.
    pub manifest: Value,
    /// The hash of `boxes.csv`: what was found, and nothing else.
    pub boxes_sha256: String,
}

/// What the row of a photo's true class says besides its box.
#[derive(Clone, Debug, Default)]
pub struct Remark {
    /// The degenerate case.
    pub flag: Option<Flag>,
    /// Why the photo failed.
    pub message: Option<String>,
}

impl Finished {
    /// Reads the results in a folder.
    ///
    /// # Errors
    /// With the file, when one is missing or damaged.
    pub fn open(folder: &Path) -> Result<Self> {
        if !folder.join(files::SUMMARY).is_file() {
            bail!(
                "{}: no finished run lies here\nhelp: name the folder of a run; the same `localise run`, or `localise merge` \
                 where it has shards, finishes one",
                folder.display()
            );
        }
        let mut dataset = Dataset::open(&Request {
            dataset: Some(folder),
            ..Request::default()
        })?;
        let in_folder = |name: &str| folder.join(name);
        let (boxes, bytes) = (in_folder(files::BOXES), read(&in_folder(files::BOXES))?);
        let (predictions, remarks) =
            rows(&bytes, &dataset).with_context(|| boxes.display().to_string())?;
        let Head {
            images_in_dataset,
            experiment,
        } = json(&in_folder(files::SUMMARY))?;
        dataset.whole = images_in_dataset;
        let manifest: Value = json(&in_folder(files::MANIFEST))?;
        let mut times: Vec<_> = times(&manifest).into_iter().flatten().collect();
        times.sort_by_key(|(stage, _)| STAGES.iter().position(|known| known == stage));
        let summary = Summary {
            run: Some(experiment),
            cpu_ms_per_photo: times,
            ..Summary::of_boxes(&dataset, &predictions)
        };
        let failures = match fs::read_to_string(in_folder(files::FAILURES)) {
            Ok(text) => text
                .lines()
                .map(serde_json::from_str)
                .collect::<Result<_, _>>()
                .context(files::FAILURES)?,
            Err(_) => vec![],
        };
        let run = String::from_utf8(read(&in_folder(files::RUN))?)?;
        let options = RunOptions::from_text(&run)
            .with_context(|| in_folder(files::RUN).display().to_string())?;
        // Where the folder lies, whatever leads there: a link such as `last-good` leads elsewhere
        // tomorrow.
        let folder = fs::canonicalize(folder).with_context(|| folder.display().to_string())?;
        let boxes_sha256 = sha256(&bytes);
        Ok(Self {
            folder,
            options,
            dataset,
            predictions,
            remarks,
            failures,
            summary,
            manifest,
            boxes_sha256,
        })
    }

    /// Looks for the photos below another folder: of each path as many of the first folders are
    /// left out as lead to a file there. Where none of the first photos lies there, but one where
    /// it lay, nothing changes.
    ///
    /// # Errors
    /// Where they lie nowhere.
    pub fn look_below(&mut self, folder: &Path) -> Result<()> {
        let below =
            |path: &Path, n: usize| folder.join(path.components().skip(n).collect::<PathBuf>());
        let photos = || self.dataset.photos.iter().take(100);
        let skipped = |photo: &Photo| {
            (1..photo.path.components().count()).find(|&n| below(&photo.path, n).is_file())
        };
        let Some(skipped) = photos().find_map(skipped) else {
            let example = photos()
                .next()
                .map_or(String::new(), |photo| photo.path.display().to_string());
            ensure!(
                photos().any(|photo| photo.path.is_file()),
                "--data-dir: none of the photos of {} lies below {}\nhelp: they were read from places like {example}",
                self.folder.display(),
                folder.display()
            );
            return Ok(());
        };
        self.dataset
            .photos
            .iter_mut()
            .for_each(|photo| photo.path = below(&photo.path, skipped));
        Ok(())
    }

    /// The rows of a run in this folder, where one's results lie here: they are scored against the
    /// truth beside them.
    pub(crate) fn boxes_in(folder: &Path) -> Option<PathBuf> {
        let boxes = folder.join(files::BOXES);
        (boxes.is_file() && folder.join(files::TRUTH).is_file()).then_some(boxes)
    }

    /// Mean CPU milliseconds a photo by stage, of a run in this folder; `None` where there is none.
    pub(crate) fn times_in(folder: &Path) -> Option<BTreeMap<String, f64>> {
        times(&json(&folder.join(files::MANIFEST)).ok()?)
    }

    /// The folder's name.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.folder.file_name().unwrap_or(self.folder.as_os_str());
        name.to_string_lossy().into_owned()
    }
}

/// The stages in the order of the method; a manifest has them by name.
const STAGES: [&str; 10] = [
    "decode",
    "view",
    "network",
    "energy",
    "saliency",
    "threshold",
    "seeds",
    "colours",
    "cut",
    "component",
];

/// What a summary says that its rows do not.
#[derive(Deserialize)]
struct Head {
    images_in_dataset: usize,
    #[serde(flatten)]
    experiment: Experiment,
}

/// The times of the stages, by name.
fn times(manifest: &Value) -> Option<BTreeMap<String, f64>> {
    let times = manifest["cpu_ms_per_photo"].as_object()?;
    Some(
        times
            .iter()
            .filter_map(|(stage, ms)| Some((stage.clone(), ms.as_f64()?)))
            .collect(),
    )
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| path.display().to_string())
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    serde_json::from_slice(&read(path)?).with_context(|| path.display().to_string())
}

/// The rows of `boxes.csv` by photo, in the dataset's order.
fn rows(bytes: &[u8], dataset: &Dataset) -> Result<(Predictions, Vec<Remark>)> {
    let places = dataset.places();
    let mut photos = vec![
        Predicted {
            guesses: vec![],
            failed: true
        };
        dataset.photos.len()
    ];
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
    photos
        .iter_mut()
        .for_each(|photo| photo.guesses.sort_by_key(|guess| guess.rank));
    let classes = dataset.profile.guesses_classes();
    Ok((
        Predictions {
            photos,
            classes,
            notes: vec![],
        },
        remarks,
    ))
}
