//! `localise score`

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, ValueEnum};

use super::exit::Exit;
use super::output::print;
use crate::dataset::{Dataset, Photo, Request};
use crate::fs::{OutputError, write_atomically};
use crate::path_text;
use crate::prediction::{Format, PredictionKind, Predictions, map_outcomes, mask_outcomes};
use crate::remedy::Refused;
use crate::report::{self, ScoredResult};
use crate::results::{FinishedRun, Summary};
use crate::score::Steps;

const EXAMPLES: &str = "Examples:
  localise score data/sample/boxes.csv --dataset sample  the true boxes against themselves
  localise score runs/A                                  the boxes of a run
  localise score runs/A runs/B                           one table, a row each
  localise score runs/A --write devkit=boxes.txt         also write them as a submission
  localise score runs/A/maps --dataset sample            the score maps of `run --write-maps`
  localise score runs/A --json                           every number, also for each class";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct ScoreArgs {
    /// Boxes, score maps or masks from any source: a file, a folder of maps or masks, or the folder
    /// of a run. The boxes of several results are scored in one short table.
    #[arg(required = true)]
    predictions: Vec<PathBuf>,
    /// The dataset to score against: a name (`localise list datasets`), folder or file [default:
    /// that of the run]
    #[arg(long, value_name = "NAME|PATH")]
    dataset: Option<PathBuf>,
    /// The folder of the dataset's files.
    #[arg(long, value_name = "DIR", env = "LOCALISE_DATA")]
    data_dir: Option<PathBuf>,
    /// The format of the predictions [default: by the name: .csv, .txt, .json, or a folder of .npy
    /// or .png files]
    #[arg(long, value_enum)]
    format: Option<PredictionKind>,
    /// The weights of the photos: a CSV file with the columns image_id and weight.
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Score only the photos named in this file, one per line, or only those in this folder.
    #[arg(long, value_name = "FILE|DIR")]
    images: Option<PathBuf>,
    /// The step between the thresholds of score maps: 0.001, the default of wsolevaluation's
    /// evaluator, or 0.01, the default of its command line.
    #[arg(long, value_name = "STEP", default_value = "0.001")]
    step: Steps,
    /// Leave out true boxes that are inverted or outside their photo, in place of an error.
    #[arg(long)]
    lenient_boxes: bool,
    /// Print one JSON object, which also has the numbers for each class; of several results, one
    /// on each line.
    #[arg(long)]
    json: bool,
    /// Also write the boxes in another format: rows, devkit, kaggle, kaggle-numbered or coco. A
    /// submission contains five guesses for each photo.
    #[arg(long, value_name = "FORMAT=FILE")]
    #[arg(value_parser = OsStringValueParser::new().try_map(format_and_path))]
    write: Vec<(Format, PathBuf)>,
}

/// The error for a value of `--write` that is not understood.
const FORMAT_AND_PATH: &str = "not of the form FORMAT=FILE, such as devkit=boxes.txt; formats are \
                               rows, devkit, kaggle, kaggle-numbered, coco";

fn format_and_path(value: OsString) -> Result<(Format, PathBuf), String> {
    let bytes = value.as_bytes();
    let equals = bytes.iter().position(|byte| *byte == b'=');
    let (format, path) = bytes.split_at(equals.ok_or(FORMAT_AND_PATH)?);
    let format = OsStr::from_bytes(format).to_str().ok_or(FORMAT_AND_PATH)?;
    let format = Format::from_str(format, false).map_err(|_| FORMAT_AND_PATH)?;
    Ok((format, OsStr::from_bytes(&path[1..]).into()))
}

/// Boxes, and the dataset to score them against.
#[derive(Debug)]
pub(super) struct BoxInput {
    pub(super) dataset: Dataset,
    pub(super) predictions: Predictions,
}

/// Opens the boxes in a file, or those in the folder of a run with the run's own dataset.
pub(super) fn open_boxes(
    path: &Path,
    dataset: Option<&Path>,
    data_dir: Option<&Path>,
    images: Option<&Path>,
) -> Result<BoxInput> {
    FinishedRun::ensure_finished(path)?;
    let (path, dataset) = boxes_and_dataset(path, dataset);
    let Some(dataset) = dataset else {
        bail!(Refused::with_advice(
            format!("{}: not the folder of a run", path.display()),
            "name its dataset with --dataset",
        ))
    };
    let PredictionKind::Boxes(format) = PredictionKind::from_path(&path)? else {
        bail!(Refused::with_advice(
            format!("{}: no boxes, but maps or masks", path.display()),
            "score them with `localise score`, one folder at a time",
        ))
    };
    let mut dataset = Dataset::open(&Request {
        dataset: Some(&dataset),
        data_dir,
        ..Request::default()
    })?;
    let predictions = read_boxes(&path, format, &mut dataset, images)?;
    for suspicion in dataset.suspicions.iter().chain(&predictions.suspicions) {
        tracing::warn!("{}: {suspicion}", path.display());
    }
    Ok(BoxInput {
        dataset,
        predictions,
    })
}

/// Reads boxes and selects those of the photos in `images`. The file may contain boxes for the whole
/// dataset, or only for these photos.
fn read_boxes(
    path: &Path,
    format: Format,
    dataset: &mut Dataset,
    images: Option<&Path>,
) -> Result<Predictions> {
    let for_all = Predictions::read(path, format, dataset);
    let Some(images) = images else {
        return Ok(for_all?);
    };
    let selected = dataset.select(images)?;
    match for_all {
        Ok(mut predictions) => {
            predictions.select(&selected);
            Ok(predictions)
        }
        Err(error) => Predictions::read(path, format, dataset).map_err(|_| error.into()),
    }
}

/// The file of boxes and the dataset to score them against: for the folder of a run, its boxes.csv
/// and, unless another dataset is named, the folder itself.
fn boxes_and_dataset(path: &Path, dataset: Option<&Path>) -> (PathBuf, Option<PathBuf>) {
    match FinishedRun::boxes_in(path) {
        Some(rows) => (rows, Some(dataset.unwrap_or(path).to_owned())),
        None => (path.to_owned(), dataset.map(Path::to_owned)),
    }
}

/// Refuses results that were not scored on the same photos against the same ground truth.
pub(super) fn ensure_same_truth(a: (&Path, &Dataset), b: (&Path, &Dataset)) -> Result<()> {
    if a.1.sha256() == b.1.sha256() {
        return Ok(());
    }
    let message = format!(
        "{} and {} were scored on different photos or against different ground truth: {}",
        a.0.display(),
        b.0.display(),
        difference_of_truth(a.1, b.1)
    );
    let advice = "compare results on the same photos; --dataset scores both against one dataset";
    bail!(Refused::with_advice(message, advice))
}

/// The first difference between two datasets.
fn difference_of_truth(first: &Dataset, second: &Dataset) -> String {
    let counts = |count: fn(&Dataset) -> usize, what: &str| {
        let counts = [count(first), count(second)];
        (counts[0] != counts[1]).then(|| format!("{} and {} {what}", counts[0], counts[1]))
    };
    let differing = |differs: fn(&Photo, &Photo) -> bool, what: &str| {
        let mut pairs = first.photos.iter().zip(&second.photos);
        let (photo, _) = pairs.find(|(a, b)| differs(a, b))?;
        Some(format!("{what}, first those of {}", photo.id))
    };
    counts(|dataset| dataset.photos.len(), "photos")
        .or_else(|| differing(|a, b| a.id != b.id, "other names"))
        .or_else(|| {
            let blacklisted = |dataset: &Dataset| {
                let photos = dataset.photos.iter();
                photos.filter(|photo| photo.blacklisted).count()
            };
            counts(blacklisted, "of the photos are blacklisted")
        })
        .or_else(|| differing(|a, b| a.class != b.class, "other classes"))
        .or_else(|| differing(|a, b| a.boxes != b.boxes, "other boxes"))
        .or_else(|| differing(|a, b| a.size != b.size, "other sizes"))
        .unwrap_or_else(|| "other weights".into())
}

impl ScoreArgs {
    pub(super) fn run(self) -> Result<Exit> {
        let several = self.predictions.len() > 1;
        if several && !self.write.is_empty() {
            let message = "--write writes the boxes of one result, but several are given";
            bail!(Refused::with_advice(message, "name one of them"));
        }
        let mut scored = Vec::new();
        let mut first: Option<Dataset> = None;
        for path in &self.predictions {
            let (dataset, summary) = self.score(path)?;
            if let Some(first) = &first {
                ensure_same_truth((&self.predictions[0], first), (path, &dataset))?;
            }
            first.get_or_insert(dataset);
            scored.push(ScoredResult {
                name: path_text::encode(path),
                summary: Summary {
                    cpu_ms_per_photo: FinishedRun::times_in(path).into_iter().flatten().collect(),
                    ..summary
                },
            });
        }
        let mut text = String::new();
        for ScoredResult { summary, .. } in &scored {
            if self.json {
                for warning in &summary.warnings {
                    tracing::warn!("{warning}");
                }
                text += &(serde_json::to_string(summary)? + "\n");
            } else if !several {
                text += &report::table(summary);
            }
        }
        if several && !self.json {
            text += &report::overview(&scored);
        }
        print(&text)?;
        Ok(if scored.iter().any(|result| result.summary.failed > 0) {
            Exit::SomeFailed
        } else {
            Exit::Done
        })
    }

    /// Opens the dataset that a result belongs to, and scores the result.
    fn score(&self, given: &Path) -> Result<(Dataset, Summary)> {
        let (path, truth) = match self.format {
            Some(PredictionKind::Maps | PredictionKind::Masks) => {
                (given.to_owned(), self.dataset.clone())
            }
            _ => boxes_and_dataset(given, self.dataset.as_deref()),
        };
        FinishedRun::ensure_finished(given)?;
        let Some(truth) = truth else {
            let path = path.display();
            bail!(Refused::with_advice(
                "--dataset is missing",
                format!(
                    "name the dataset that {path} belongs to (only the boxes of a run know theirs)"
                ),
            ))
        };
        let kind = self
            .format
            .map_or_else(|| PredictionKind::from_path(&path), Ok)?;
        let mut dataset = Dataset::open(&Request {
            dataset: Some(&truth),
            data_dir: self.data_dir.as_deref(),
            weights: self.weights.as_deref(),
            lenient: self.lenient_boxes,
            ..Request::default()
        })?;
        let summary = match kind {
            PredictionKind::Boxes(format) => {
                let mut predictions =
                    read_boxes(&path, format, &mut dataset, self.images.as_deref())?;
                predictions.note_missing(&dataset);
                self.write_formats(&predictions, &dataset)?;
                let mut summary = Summary::from_boxes(&dataset, &predictions);
                if truth == given {
                    FinishedRun::add_remarks(given, &mut summary);
                }
                summary
            }
            PredictionKind::Maps | PredictionKind::Masks => {
                self.score_pictures(&path, kind, &mut dataset)?
            }
        };
        Ok((dataset, summary))
    }

    /// Scores a folder of maps or masks.
    fn score_pictures(
        &self,
        folder: &Path,
        kind: PredictionKind,
        dataset: &mut Dataset,
    ) -> Result<Summary> {
        if self.predictions.len() > 1 {
            bail!(Refused::with_advice(
                format!("{}: no boxes, but maps or masks", folder.display()),
                "score maps and masks one folder at a time",
            ));
        }
        if !self.write.is_empty() {
            let message = "--write writes boxes, but these are maps or masks";
            bail!(Refused::with_advice(message, "leave it out"));
        }
        if let Some(images) = &self.images {
            dataset.select(images)?;
        }
        if kind == PredictionKind::Maps {
            let outcomes = map_outcomes(folder, dataset, self.step)?;
            return Ok(Summary::from_maps(dataset, &outcomes, self.step));
        }
        let outcomes = mask_outcomes(folder, dataset)?;
        Summary::from_masks(dataset, &outcomes).ok_or_else(|| {
            let message = format!("{} has no true masks", dataset.name);
            let advice = "name them in the dataset's description (`masks`, see data/README.md)";
            Refused::with_advice(message, advice).into()
        })
    }

    /// Writes the boxes in the formats of `--write`. No file is overwritten, and if one exists,
    /// none is written.
    fn write_formats(&self, predictions: &Predictions, dataset: &Dataset) -> Result<()> {
        let mut files = Vec::new();
        for (format, path) in &self.write {
            if path.is_file() {
                bail!(Refused::with_advice(
                    format!("--write {}: this file exists already", path.display()),
                    "remove it, or name another file",
                ));
            }
            files.push((path, predictions.encode(*format, dataset)?));
        }
        for (path, bytes) in files {
            // What exists is a pipe or a device: it is written to. A file must appear complete.
            if path.exists() {
                std::fs::write(path, bytes).map_err(OutputError::at(path))?;
            } else {
                write_atomically(path, &bytes)?;
            }
        }
        Ok(())
    }
}
