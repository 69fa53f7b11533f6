//! The formats of boxes.

use std::path::Path;

use super::predictions::Predictions;
use super::{coco, devkit, kaggle, rows};
use crate::dataset::{Dataset, DatasetError};
use crate::remedy::Remedy;

/// A format of boxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A table with a row for each box: the `boxes.csv` of a run, or
    /// `image_id,x_min,y_min,x_max,y_max` and optionally `class_index`, `rank`.
    Rows,
    /// The submission of the ILSVRC development kit.
    Devkit,
    /// Kaggle's submission. Classes are WordNet ids, or numbers if the dataset has no such ids.
    Kaggle,
    /// Kaggle's submission. Classes are numbers from 1.
    KaggleNumbered,
    /// COCO's results.
    Coco,
}

impl Predictions {
    /// Reads a file.
    ///
    /// # Errors
    /// [`DatasetError`] with all faults, each with file and line: unknown photos, and coordinates
    /// that are not numbers.
    pub fn read(path: &Path, format: Format, dataset: &Dataset) -> Result<Self, DatasetError> {
        let predictions = match format {
            Format::Rows => rows::read(path, dataset),
            Format::Devkit => devkit::read(path, dataset),
            Format::Kaggle => kaggle::read(path, dataset, kaggle::Labels::Keys),
            Format::KaggleNumbered => kaggle::read(path, dataset, kaggle::Labels::Numbers),
            Format::Coco => coco::read(path, dataset),
        };
        predictions.map_err(|error| error.or_remedy(Remedy::FixOrPredictionFormat))
    }

    /// The predictions as the bytes of a file. A submission has the first five guesses of a photo.
    ///
    /// # Errors
    /// [`DatasetError`] if the predictions or the dataset lack what the format needs.
    pub fn encode(&self, format: Format, dataset: &Dataset) -> Result<Vec<u8>, DatasetError> {
        match format {
            Format::Rows => Ok(rows::encode(self, dataset)),
            Format::Devkit => devkit::encode(self, dataset),
            Format::Kaggle => kaggle::encode(self, dataset, kaggle::Labels::Keys),
            Format::KaggleNumbered => kaggle::encode(self, dataset, kaggle::Labels::Numbers),
            Format::Coco => coco::encode(self, dataset),
        }
    }
}
