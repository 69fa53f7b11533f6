//! `localise score`

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use rayon::prelude::*;

use super::{Outcome, print};
use crate::dataset::{self, Dataset, Photo, Request, TrueMask};
use crate::prediction::{self, Format, Predictions};
use crate::report::{self, Summary};
use crate::run::OutputError;
use crate::score::{self, MapOutcome, MapScores, MaskScores, Overlap, Steps};

#[derive(Args, Debug)]
pub(super) struct Score {
    /// Boxes, score maps or masks, anyone's: a file, a folder of maps or masks, or the folder of a run.
    predictions: PathBuf,
    /// The truth: a dataset's name (`localise list datasets`), folder or file [default: what a run was scored against]
    #[arg(long, value_name = "NAME|PATH")]
    dataset: Option<PathBuf>,
    /// Where the dataset's files lie.
    #[arg(long, value_name = "DIR", env = "LOCALISE_DATA")]
    data_dir: Option<PathBuf>,
    /// What the predictions are [default: what the name says: .csv, .txt, .json, a folder of .npy or .png]
    #[arg(long, value_enum)]
    format: Option<Kind>,
    /// Weights of the photos, a CSV with the columns image_id and weight.
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Only the photos named in this file, one a line.
    #[arg(long, value_name = "FILE")]
    images: Option<PathBuf>,
    /// The step between the thresholds of score maps.
    #[arg(long, value_enum, default_value = "0.001")]
    step: Step,
    /// Leave out true boxes that are inside out or outside their photo, in place of an error.
    #[arg(long)]
    lenient_boxes: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// Write the boxes in another format too.
    #[arg(long, value_name = "FORMAT=FILE", value_parser = written)]
    write: Vec<(Format, PathBuf)>,
}

/// A kind of predictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A table with a row a box: the boxes.csv of a run, or image_id,x_min,y_min,x_max,y_max and perhaps class_index, rank.
    Rows,
    /// The ILSVRC development kit's submission.
    Devkit,
    /// Kaggle's submission, classes as WordNet ids or numbers.
    Kaggle,
    /// COCO's results.
    Coco,
    /// A folder of wsolevaluation's score maps, ID.npy.
    WsolevalNpy,
    /// A folder of masks, ID.png.
    Masks,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Step {
    /// As wsolevaluation's evaluator, by default.
    #[value(name = "0.001")]
    Thousand,
    /// As its command line, by default.
    #[value(name = "0.01")]
    Hundred,
}

fn written(text: &str) -> Result<(Format, PathBuf), String> {
    let (format, path) = text.split_once('=').ok_or("FORMAT=FILE is wanted, such as devkit=boxes.txt")?;
    Ok((Format::from_str(format, false)?, path.into()))
}

/// Boxes and the truth that they speak of.
#[derive(Debug)]
pub(super) struct Boxes {
    pub(super) dataset: Dataset,
    pub(super) predictions: Predictions,
}

impl Boxes {
    pub(super) fn outcomes(&self) -> Vec<score::Outcome> {
        let pairs = self.dataset.photos.iter().zip(&self.predictions.photos);
        pairs.map(|(photo, predicted)| score::Outcome::of(photo, predicted)).collect()
    }
}

/// Opens the boxes in a file, or those of a run's folder with what they were scored against.
pub(super) fn open_boxes(path: &Path, dataset: Option<&Path>, data_dir: Option<&Path>) -> Result<Boxes> {
    let (path, dataset) = of_run(path, dataset);
    let Some(dataset) = dataset else { bail!("{}: it is no run; name its truth with --dataset", path.display()) };
    let Some(format) = format_of(kind_of(&path)?) else { bail!("{}: it holds no boxes", path.display()) };
    let dataset = Dataset::open(&Request { dataset: Some(&dataset), data_dir, ..Request::default() })?;
    let predictions = Predictions::read(&path, format, &dataset)?;
    Ok(Boxes { dataset, predictions })
}

/// The rows of a run's folder, and what they were scored against, its folder, unless another truth is named.
fn of_run(path: &Path, dataset: Option<&Path>) -> (PathBuf, Option<PathBuf>) {
    let rows = path.join("boxes.csv");
    match rows.is_file() {
        true => (rows, Some(dataset.unwrap_or(path).to_owned())),
        false => (path.to_owned(), dataset.map(Path::to_owned)),
    }
}

impl Score {
    pub(super) fn run(self) -> Result<Outcome> {
        let (path, dataset) = match self.format {
            None => of_run(&self.predictions, self.dataset.as_deref()),
            Some(_) => (self.predictions.clone(), self.dataset.clone()),
        };
        let Some(name) = dataset.as_deref() else {
            bail!("--dataset is missing\nhelp: name the truth that {} speaks of", path.display())
        };
        let kind = self.format.map_or_else(|| kind_of(&path), Ok)?;
        let dataset = Dataset::open(&Request {
            dataset: Some(name),
            data_dir: self.data_dir.as_deref(),
            weights: self.weights.as_deref(),
            images: self.images.as_deref(),
            classes: None,
            lenient: self.lenient_boxes,
        })?;
        let summary = match format_of(kind) {
            Some(format) => {
                let predictions = Predictions::read(&path, format, &dataset)?;
                for (format, path) in &self.write {
                    std::fs::write(path, predictions.write(*format, &dataset)?).map_err(OutputError::at(path))?;
                }
                Summary::of_boxes(&dataset, &predictions)
            }
            None if !self.write.is_empty() => bail!("--write writes boxes, and these are none"),
            None if kind == Kind::Masks => masks(&path, &dataset)?,
            None => maps(&path, &dataset, self.steps())?,
        };
        let text = if self.json { serde_json::to_string(&summary)? + "\n" } else { report::table(&summary) };
        print(&text)?;
        Ok(Outcome::Done)
    }

    fn steps(&self) -> Steps {
        match self.step {
            Step::Thousand => Steps::Thousand,
            Step::Hundred => Steps::Hundred,
        }
    }
}

fn format_of(kind: Kind) -> Option<Format> {
    match kind {
        Kind::Rows => Some(Format::Rows),
        Kind::Devkit => Some(Format::Devkit),
        Kind::Kaggle => Some(Format::Kaggle),
        Kind::Coco => Some(Format::Coco),
        Kind::WsolevalNpy | Kind::Masks => None,
    }
}

/// What a file or folder is, by its name and its first line.
fn kind_of(path: &Path) -> Result<Kind> {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    Ok(match extension {
        _ if path.is_dir() && holds(path, "npy") => Kind::WsolevalNpy,
        _ if path.is_dir() && holds(path, "png") => Kind::Masks,
        "csv" if std::fs::read_to_string(path).is_ok_and(|text| text.contains("PredictionString")) => Kind::Kaggle,
        "csv" => Kind::Rows,
        "json" => Kind::Coco,
        "txt" => Kind::Devkit,
        _ => bail!("{}: what it holds cannot be told from its name\nhelp: say it with --format", path.display()),
    })
}

/// Whether a folder, or one in it, holds a file with this extension.
fn holds(folder: &Path, extension: &str) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries
        .into_iter()
        .any(|path| path.extension().is_some_and(|e| e == extension) || path.is_dir() && holds(&path, extension))
}

/// The true mask of a photo, where it has one.
fn true_mask(photo: &Photo) -> Result<Option<TrueMask>, String> {
    let (Some(mask), Some(size)) = (&photo.mask, photo.size) else { return Ok(None) };
    mask.read(size).map(Some).map_err(|fault| format!("{}: {fault}", photo.id))
}

fn maps(folder: &Path, dataset: &Dataset, steps: Steps) -> Result<Summary> {
    let outcomes = each(dataset, |photo| {
        let map = prediction::read_map(folder, &photo.id)?;
        Ok(Some(MapOutcome::of(map.view(), photo, true_mask(photo)?.as_ref(), steps)))
    })?;
    Ok(Summary {
        maps: Some(MapScores::of(&outcomes, steps)),
        notes: dataset.notes.clone(),
        ..Summary::of(dataset, "wsoleval")
    })
}

fn masks(folder: &Path, dataset: &Dataset) -> Result<Summary> {
    let overlaps = each(dataset, |photo| {
        let (Some(truth), Some(size)) = (true_mask(photo)?, photo.size) else { return Ok(None) };
        Ok(Some(Overlap::of(&prediction::read_mask(folder, &photo.id, size)?, &truth)))
    })?;
    let Some(scores) = MaskScores::of(&overlaps) else { bail!("{} has no true masks", dataset.name) };
    Ok(Summary { masks: Some(scores), notes: dataset.notes.clone(), ..Summary::of(dataset, "masks") })
}

/// What `look` says of each photo, in their order. All faults are listed, up to twenty.
fn each<T: Send>(
    dataset: &Dataset,
    look: impl Fn(&Photo) -> Result<Option<T>, String> + Send + Sync,
) -> Result<Vec<T>, dataset::Error> {
    let found: Vec<Result<Option<T>, String>> = dataset.photos.par_iter().map(look).collect();
    let mut faults = dataset::Faults::default();
    let mut kept = Vec::new();
    for result in found {
        match result {
            Ok(value) => kept.extend(value),
            Err(fault) => faults.add(fault),
        }
    }
    faults.into_result()?;
    Ok(kept)
}
