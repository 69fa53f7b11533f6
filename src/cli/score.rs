//! `localise score`

use std::path::{Path, PathBuf};

use anyhow::{Error, Result, anyhow, bail};
use clap::{Args, ValueEnum};

use super::{Exit, print};
use crate::dataset::{Dataset, Request};
use crate::prediction::{Format, PredictionKind, Predictions, map_outcomes, mask_overlaps};
use crate::fs::{OutputError, write_atomically};
use crate::report;
use crate::results::Summary;
use crate::results::FinishedRun;
use crate::score::Steps;

const EXAMPLES: &str = "Examples:
  localise score data/sample/boxes.csv --dataset sample  the true boxes against themselves
  localise score runs/A                                  a run's boxes, against its own truth
  localise score runs/A --write devkit=boxes.txt         the same as a submission
  localise score runs/A/maps --dataset sample            score maps: run --write-maps
  localise score runs/A --json                           every number, by class too";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct ScoreArgs {
    /// BoxInput, score maps or masks, anyone's: a file, a folder of maps or masks, or the folder of a
    /// run.
    predictions: PathBuf,
    /// The truth: a dataset's name (`localise list datasets`), folder or file [default: what a run
    /// was scored against]
    #[arg(long, value_name = "NAME|PATH")]
    dataset: Option<PathBuf>,
    /// Where the dataset's files lie.
    #[arg(long, value_name = "DIR", env = "LOCALISE_DATA")]
    data_dir: Option<PathBuf>,
    /// What the predictions are [default: what the name says: .csv, .txt, .json, a folder of .npy
    /// or .png]
    #[arg(long, value_enum)]
    format: Option<PredictionKind>,
    /// Weights of the photos, a CSV with the columns image_id and weight.
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Only the photos named in this file, one a line.
    #[arg(long, value_name = "FILE")]
    images: Option<PathBuf>,
    /// The step between the thresholds of score maps: 0.001, as wsolevaluation's evaluator has it,
    /// or 0.01, as its command line.
    #[arg(long, value_name = "STEP", default_value = "0.001")]
    step: Steps,
    /// Leave out true boxes that are inside out or outside their photo, in place of an error.
    #[arg(long)]
    lenient_boxes: bool,
    /// Print one JSON object, by class too.
    #[arg(long)]
    json: bool,
    /// Write the boxes in another format too: rows, devkit, kaggle, kaggle-numbered or coco. A
    /// submission holds five guesses a photo.
    #[arg(long, value_name = "FORMAT=FILE", value_parser = written)]
    write: Vec<(Format, PathBuf)>,
}

fn written(text: &str) -> Result<(Format, PathBuf), String> {
    let wanted = "FORMAT=FILE is wanted, such as devkit=boxes.txt; formats are rows, devkit, kaggle, kaggle-numbered, coco";
    let (format, path) = text.split_once('=').ok_or(wanted)?;
    Ok((
        Format::from_str(format, false).map_err(|_| wanted)?,
        path.into(),
    ))
}

/// BoxInput and the truth that they speak of.
#[derive(Debug)]
pub(super) struct BoxInput {
    pub(super) dataset: Dataset,
    pub(super) predictions: Predictions,
}

/// Opens the boxes in a file, or those of a run's folder with what they were scored against.
pub(super) fn open_boxes(
    path: &Path,
    dataset: Option<&Path>,
    data_dir: Option<&Path>,
) -> Result<BoxInput> {
    let (path, dataset) = of_run(path, dataset);
    let Some(dataset) = dataset else {
        bail!(
            "{}: it is no run\nhelp: name its truth with --dataset",
            path.display()
        )
    };
    let PredictionKind::Boxes(format) = PredictionKind::of(&path).map_err(Error::msg)? else {
        bail!(
            "{}: it holds no boxes\nhelp: maps and masks are scored one by one, with `localise score`",
            path.display()
        )
    };
    let dataset = Dataset::open(&Request {
        dataset: Some(&dataset),
        data_dir,
        ..Request::default()
    })?;
    let predictions = Predictions::read(&path, format, &dataset)?;
    Ok(BoxInput {
        dataset,
        predictions,
    })
}

/// The rows of a run's folder, and what they were scored against, its folder, unless another truth
/// is named.
fn of_run(path: &Path, dataset: Option<&Path>) -> (PathBuf, Option<PathBuf>) {
    match FinishedRun::boxes_in(path) {
        Some(rows) => (rows, Some(dataset.unwrap_or(path).to_owned())),
        None => (path.to_owned(), dataset.map(Path::to_owned)),
    }
}

impl ScoreArgs {
    pub(super) fn run(self) -> Result<Exit> {
        let (path, dataset) = match self.format {
            Some(PredictionKind::Maps | PredictionKind::Masks) => (self.predictions.clone(), self.dataset.clone()),
            _ => of_run(&self.predictions, self.dataset.as_deref()),
        };
        let Some(name) = dataset.as_deref() else {
            bail!(
                "--dataset is missing\nhelp: name the truth that {} speaks of (a run keeps that of its boxes alone)",
                path.display()
            )
        };
        let kind = self
            .format
            .map_or_else(|| PredictionKind::of(&path), Ok)
            .map_err(Error::msg)?;
        let mut dataset = Dataset::open(&Request {
            dataset: Some(name),
            data_dir: self.data_dir.as_deref(),
            weights: self.weights.as_deref(),
            lenient: self.lenient_boxes,
            ..Request::default()
        })?;
        let summary = match kind {
            PredictionKind::Boxes(format) => {
                let mut predictions = self.read(&path, format, &mut dataset)?;
                predictions.note_missing();
                self.write(&predictions, &dataset)?;
                Summary::from_boxes(&dataset, &predictions)
            }
            PredictionKind::Maps | PredictionKind::Masks => self.summary_of_pictures(&path, kind, &mut dataset)?,
        };
        let text = if self.json {
            serde_json::to_string(&summary)? + "\n"
        } else {
            report::table(&summary)
        };
        print(&text)?;
        Ok(if summary.failed > 0 {
            Exit::SomeFailed
        } else {
            Exit::Done
        })
    }

    /// Scores a folder of maps or masks.
    fn summary_of_pictures(
        &self,
        folder: &Path,
        kind: PredictionKind,
        dataset: &mut Dataset,
    ) -> Result<Summary> {
        if !self.write.is_empty() {
            bail!("--write writes boxes, and these are none\nhelp: leave it out, or score boxes");
        }
        self.images
            .as_ref()
            .map(|images| dataset.select(images))
            .transpose()?;
        if kind == PredictionKind::Maps {
            return Ok(Summary::from_maps(
                dataset,
                &map_outcomes(folder, dataset, self.step)?,
                self.step,
            ));
        }
        Summary::from_masks(dataset, &mask_overlaps(folder, dataset)?).ok_or_else(|| {
            anyhow!(
                "{} has no true masks\nhelp: a description names them (`masks`), data/README.md",
                dataset.name
            )
        })
    }

    /// Reads boxes and picks those of --images: a file speaks of the whole dataset, or else of the
    /// picked photos alone.
    fn read(&self, path: &Path, format: Format, dataset: &mut Dataset) -> Result<Predictions> {
        let whole = Predictions::read(path, format, dataset);
        let Some(images) = &self.images else {
            return Ok(whole?);
        };
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
                bail!(
                    "--write {}: it is there already\nhelp: remove it, or name another file",
                    path.display()
                );
            }
            files.push((path, predictions.write(*format, dataset)?));
        }
        for (path, bytes) in files {
            // A pipe is written to; a file is published whole.
            match path.exists() {
                true => std::fs::write(path, bytes).map_err(OutputError::at(path))?,
                false => write_atomically(path, &bytes)?,
            }
        }
        Ok(())
    }
}
