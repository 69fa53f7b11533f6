//! `localise score`

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use rayon::prelude::*;

use super::{Outcome, print};
use crate::dataset::{self, Dataset, Photo, Request};
use crate::prediction::{self, Format, Predictions};
use crate::report::{self, Summary};
use crate::run::{OutputError, publish};
use crate::score::{MAP_SIZE, MapOutcome, MapScores, MaskScores, Overlap, Steps};

const EXAMPLES: &str = "Examples:
  localise score data/sample/boxes.csv --dataset sample  the true boxes against themselves
  localise score runs/A                                  a run's boxes, against its own truth
  localise score runs/A --write devkit=boxes.txt         the same as a submission
  localise score runs/A/maps --dataset sample            score maps: run --write-maps
  localise score runs/A --json                           every number, by class too";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
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
    /// The step between the thresholds of score maps: 0.001, as wsolevaluation's evaluator has it, or 0.01, as its
    /// command line.
    #[arg(long, value_name = "STEP", default_value = "0.001")]
    step: Steps,
    /// Leave out true boxes that are inside out or outside their photo, in place of an error.
    #[arg(long)]
    lenient_boxes: bool,
    /// Print one JSON object, by class too.
    #[arg(long)]
    json: bool,
    /// Write the boxes in another format too: rows, devkit, kaggle, kaggle-numbered or coco. A submission holds five
    /// guesses a photo.
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
    /// Kaggle's submission, classes as WordNet ids, or numbers where these are no ids.
    Kaggle,
    /// Kaggle's submission, classes as numbers from 1 on.
    KaggleNumbered,
    /// COCO's results.
    Coco,
    /// A folder of wsolevaluation's score maps, ID.npy.
    WsolevalNpy,
    /// A folder of masks, ID.png.
    Masks,
}

fn written(text: &str) -> Result<(Format, PathBuf), String> {
    let wanted =
        "FORMAT=FILE is wanted, such as devkit=boxes.txt; formats are rows, devkit, kaggle, kaggle-numbered, coco";
    let (format, path) = text.split_once('=').ok_or(wanted)?;
    Ok((Format::from_str(format, false).map_err(|_| wanted)?, path.into()))
}

/// Boxes and the truth that they speak of.
#[derive(Debug)]
pub(super) struct Boxes {
    pub(super) dataset: Dataset,
    pub(super) predictions: Predictions,
}

/// Opens the boxes in a file, or those of a run's folder with what they were scored against.
pub(super) fn open_boxes(path: &Path, dataset: Option<&Path>, data_dir: Option<&Path>) -> Result<Boxes> {
    let (path, dataset) = of_run(path, dataset);
    let Some(dataset) = dataset else { bail!("{}: it is no run\nhelp: name its truth with --dataset", path.display()) };
    let Some(format) = format_of(kind_of(&path)?) else {
        bail!(
            "{}: it holds no boxes\nhelp: maps and masks are scored one by one, with `localise score`",
            path.display()
        )
    };
    let dataset = Dataset::open(&Request { dataset: Some(&dataset), data_dir, ..Request::default() })?;
    let predictions = Predictions::read(&path, format, &dataset)?;
    Ok(Boxes { dataset, predictions })
}

/// The rows of a run's folder, and what they were scored against, its folder, unless another truth is named.
fn of_run(path: &Path, dataset: Option<&Path>) -> (PathBuf, Option<PathBuf>) {
    let rows = path.join("boxes.csv");
    match rows.is_file() && path.join("truth.csv").is_file() {
        true => (rows, Some(dataset.unwrap_or(path).to_owned())),
        false => (path.to_owned(), dataset.map(Path::to_owned)),
    }
}

impl Score {
    pub(super) fn run(self) -> Result<Outcome> {
        let (path, dataset) = match self.format {
            Some(Kind::WsolevalNpy | Kind::Masks) => (self.predictions.clone(), self.dataset.clone()),
            _ => of_run(&self.predictions, self.dataset.as_deref()),
        };
        let Some(name) = dataset.as_deref() else {
            bail!(
                "--dataset is missing\nhelp: name the truth that {} speaks of (a run keeps that of its boxes alone)",
                path.display()
            )
        };
        let kind = self.format.map_or_else(|| kind_of(&path), Ok)?;
        let mut dataset = Dataset::open(&Request {
            dataset: Some(name),
            data_dir: self.data_dir.as_deref(),
            weights: self.weights.as_deref(),
            lenient: self.lenient_boxes,
            ..Request::default()
        })?;
        let summary = match format_of(kind) {
            Some(format) => {
                let mut predictions = self.read(&path, format, &mut dataset)?;
                predictions.note_missing();
                self.write(&predictions, &dataset)?;
                Summary::of_boxes(&dataset, &predictions)
            }
            None if !self.write.is_empty() => {
                bail!("--write writes boxes, and these are none\nhelp: leave it out, or score boxes")
            }
            None => {
                self.images.as_ref().map(|images| dataset.select(images)).transpose()?;
                if kind == Kind::Masks { masks(&path, &dataset)? } else { maps(&path, &dataset, self.step)? }
            }
        };
        let text = if self.json { serde_json::to_string(&summary)? + "\n" } else { report::table(&summary) };
        print(&text)?;
        Ok(if summary.failed > 0 { Outcome::SomeFailed } else { Outcome::Done })
    }

    /// Reads boxes and picks those of --images: a file speaks of the whole dataset, or else of the picked photos alone.
    fn read(&self, path: &Path, format: Format, dataset: &mut Dataset) -> Result<Predictions> {
        let whole = Predictions::read(path, format, dataset);
        let Some(images) = &self.images else { return Ok(whole?) };
        let places = dataset.select(images)?;
        match whole {
            Ok(mut predictions) => {
                predictions.select(&places);
                Ok(predictions)
            }
            Err(error) => Predictions::read(path, format, dataset).map_err(|_| error.into()),
        }
    }

    /// Writes the other formats; all or none, and no file is overwritten.
    fn write(&self, predictions: &Predictions, dataset: &Dataset) -> Result<()> {
        let mut files = Vec::new();
        for (format, path) in &self.write {
            if path.is_file() {
                bail!("--write {}: it is there already\nhelp: remove it, or name another file", path.display());
            }
            files.push((path, predictions.write(*format, dataset)?));
        }
        for (path, bytes) in files {
            // A pipe is written to; a file is published whole.
            match path.exists() {
                true => std::fs::write(path, bytes).map_err(OutputError::at(path))?,
                false => publish(path, &bytes)?,
            }
        }
        Ok(())
    }
}

fn format_of(kind: Kind) -> Option<Format> {
    match kind {
        Kind::Rows => Some(Format::Rows),
        Kind::Devkit => Some(Format::Devkit),
        Kind::Kaggle => Some(Format::Kaggle),
        Kind::KaggleNumbered => Some(Format::KaggleNumbered),
        Kind::Coco => Some(Format::Coco),
        Kind::WsolevalNpy | Kind::Masks => None,
    }
}

/// What a file or folder is, by its name; of a table, by its columns.
fn kind_of(path: &Path) -> Result<Kind> {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    Ok(match extension {
        _ if !path.exists() => bail!(
            "{}: there is no such file or folder\nhelp: name boxes, maps, masks, or the folder of a run: runs/A",
            path.display()
        ),
        _ if path.is_dir() && holds(path, "npy") => Kind::WsolevalNpy,
        _ if path.is_dir() && holds(path, "png") => Kind::Masks,
        "csv" if begins_with(path, "PredictionString") => Kind::Kaggle,
        "csv" => Kind::Rows,
        "json" => Kind::Coco,
        "txt" => Kind::Devkit,
        _ => bail!("{}: what it holds cannot be told from its name\nhelp: say it with --format", path.display()),
    })
}

/// Whether a word stands in the first kilobytes of a file.
fn begins_with(path: &Path, word: &str) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(1 << 16).read_to_end(&mut start));
    read.is_ok() && start.windows(word.len()).any(|window| window == word.as_bytes())
}

/// Whether a folder, or one in it, holds a file with this extension.
fn holds(folder: &Path, extension: &str) -> bool {
    let mut entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.any(|path| path.extension().is_some_and(|e| e == extension) || path.is_dir() && holds(&path, extension))
}

fn maps(folder: &Path, dataset: &Dataset, steps: Steps) -> Result<Summary> {
    let outcomes = each(dataset, |photo| {
        let map = prediction::read_map(folder, &photo.id)?;
        let mask = |size| photo.mask.as_ref().map(|mask| mask.read(size)).transpose();
        let in_map_size = mask([MAP_SIZE as u32; 2])?;
        let in_photo_size = photo.size.map_or(Ok(None), mask)?;
        Ok(MapOutcome::of(map.view(), photo, [in_map_size.as_ref(), in_photo_size.as_ref()], steps))
    })?;
    Ok(Summary {
        maps: Some(MapScores::of(&outcomes, steps)),
        notes: notes(dataset),
        ..Summary::of(dataset, "wsoleval")
    })
}

fn masks(folder: &Path, dataset: &Dataset) -> Result<Summary> {
    let overlaps = each(dataset, |photo| {
        let (Some(truth), Some(size)) = (&photo.mask, photo.size) else { return Ok(None) };
        Ok(Overlap::of(&prediction::read_mask(folder, &photo.id, size)?, &truth.read(size)?))
    })?;
    let overlaps: Vec<Overlap> = overlaps.into_iter().flatten().collect();
    let Some(scores) = MaskScores::of(&overlaps) else {
        bail!("{} has no true masks\nhelp: a description names them (`masks`), data/README.md", dataset.name)
    };
    Ok(Summary { masks: Some(scores), notes: notes(dataset), ..Summary::of(dataset, "masks") })
}

fn notes(dataset: &Dataset) -> Vec<String> {
    let weights = dataset.weighted.then(|| "every photo counts alike here: weights are for boxes".to_owned());
    dataset.notes.iter().cloned().chain(weights).collect()
}

/// What `look` says of each photo, in their order. All faults are listed, up to twenty.
fn each<T: Send>(
    dataset: &Dataset,
    look: impl Fn(&Photo) -> Result<T, String> + Send + Sync,
) -> Result<Vec<T>, dataset::Error> {
    let look = |photo: &Photo| look(photo).map_err(|fault| format!("{}: {fault}", photo.id));
    let found: Vec<Result<T, String>> = dataset.photos.par_iter().map(look).collect();
    let mut faults = dataset::Faults::default();
    let mut kept = Vec::new();
    for result in found {
        match result {
            Ok(value) => kept.push(value),
            Err(fault) => faults.add(fault),
        }
    }
    faults.into_result_with("every photo needs a file of its name; --images scores only some photos")?;
    Ok(kept)
}
