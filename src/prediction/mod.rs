//! Predictions, anyone's: one file a format, reader and writer together.
//!
//! In: a file or folder, and the dataset that it speaks of. Out: what was said of each photo, in
//! the dataset's order, in the one inner convention for boxes. Whether it is right is for
//! [`crate::score`] to say. A photo of which nothing is said has failed; a photo that the dataset
//! does not have is a fault.
//!
//! ```
//! use localise::dataset::{Dataset, Request};
//! use localise::prediction::{Format, Predictions};
//!
//! let dataset = Dataset::open(&Request { dataset: Some("sample".as_ref()), ..Request::default() })?;
//! # let folder = tempfile::tempdir()?;
//! # let file = folder.path().join("rows.csv");
//! // The true box of the coffee, and the upper half of that of the fig.
//! std::fs::write(&file, "image_id,x_min,y_min,x_max,y_max\ncoffee,172,17,411,308\nfig,420,246,717,382\n")?;
//! let boxes = Predictions::read(&file, Format::Rows, &dataset)?;
//! let found = dataset.photos.iter().zip(boxes.outcomes(&dataset)).map(|(photo, o)| (photo.id.as_str(), o.iou));
//! let expected = [("chelsea", Some(0.0)), ("coffee", Some(1.0)), ("rocket", Some(0.0)), ("fig", Some(0.5))];
//! assert_eq!(found.take(4).collect::<Vec<_>>(), expected);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod coco;
mod devkit;
mod kaggle;
mod kind;
mod map;
mod mask;
mod rows;

use std::path::{Path, PathBuf};

pub use kind::PredictionKind;
pub use map::{map_name, outcomes as map_outcomes, read as read_map, write as write_map};
pub use mask::{overlaps as mask_overlaps, read as read_mask, write as write_mask};
use rayon::prelude::*;

use crate::dataset::{Dataset, DatasetError, Faults, Photo};
use crate::geometry::BBox;
use crate::remedy::Remedy;
use crate::score::{Guess, Label, Outcome, Predicted};

/// A format of boxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A table with a row a box: the boxes.csv of a run, or image_id,x_min,y_min,x_max,y_max and
    /// perhaps class_index, rank.
    Rows,
    /// The ILSVRC development kit's submission.
    Devkit,
    /// Kaggle's submission, classes as WordNet ids, or numbers where these are no ids.
    Kaggle,
    /// Kaggle's submission, classes as numbers from 1 on.
    KaggleNumbered,
    /// COCO's results.
    Coco,
}

/// What was said of every photo of a dataset.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Predictions {
    /// In the order of the dataset's photos.
    pub photos: Vec<Predicted>,
    /// Whether classes were guessed. Otherwise there are only boxes for the true class.
    pub classes: bool,
    /// What the reader mended, for the user to know.
    pub notes: Vec<String>,
}

impl Predictions {
    /// Reads a file.
    ///
    /// # Errors
    /// All faults found, each with file and line: unknown photos, what is no number, NaN.
    pub fn read(path: &Path, format: Format, dataset: &Dataset) -> Result<Self, DatasetError> {
        let read = match format {
            Format::Rows => rows::read(path, dataset),
            Format::Devkit => devkit::read(path, dataset),
            Format::Kaggle => kaggle::read(path, dataset, false),
            Format::KaggleNumbered => kaggle::read(path, dataset, true),
            Format::Coco => coco::read(path, dataset),
        };
        read.map_err(|error| {
            error
                .or_remedy(Remedy::FixOrPredictionFormat)
        })
    }

    /// The predictions as the bytes of a file. The first five guesses of a photo count.
    ///
    /// # Errors
    /// What the format needs and the predictions or the dataset do not have.
    pub fn write(&self, format: Format, dataset: &Dataset) -> Result<Vec<u8>, DatasetError> {
        match format {
            Format::Rows => Ok(rows::write(self, dataset)),
            Format::Devkit => devkit::write(self, dataset),
            Format::Kaggle => kaggle::write(self, dataset, false),
            Format::KaggleNumbered => kaggle::write(self, dataset, true),
            Format::Coco => coco::write(self, dataset),
        }
    }

    /// Each photo's guesses against its truth.
    #[must_use]
    pub fn outcomes(&self, dataset: &Dataset) -> Vec<Outcome> {
        dataset
            .photos
            .iter()
            .zip(&self.photos)
            .map(|(photo, predicted)| Outcome::of(photo, predicted))
            .collect()
    }

    /// Keeps what was said of the photos at these places.
    pub fn select(&mut self, places: &[usize]) {
        self.photos = places.iter().map(|&i| self.photos[i].clone()).collect();
    }

    /// Nothing was said of any photo yet: what is still missing at the end has failed.
    fn nothing(dataset: &Dataset) -> Self {
        let missing = Predicted {
            guesses: vec![],
            failed: true,
        };
        Self {
            photos: vec![missing; dataset.photos.len()],
            classes: false,
            notes: vec![],
        }
    }

    fn add(&mut self, photo: usize, guess: Guess) {
        self.photos[photo].failed = false;
        self.photos[photo].guesses.push(guess);
    }

    /// Notes the photos of which nothing was said.
    pub fn note_missing(&mut self) {
        let missing = self.photos.iter().filter(|photo| photo.failed).count();
        if missing > 0 {
            self.notes.push(format!(
                "{missing} of {} photos have no guess; they count as wrong",
                self.photos.len()
            ));
        }
    }

    /// The guesses of a photo that a submission holds: the first five.
    fn first_five(&self, photo: usize) -> Vec<&Guess> {
        let ranked = |rank: usize| {
            self.photos[photo]
                .guesses
                .iter()
                .find(|guess| guess.rank == Some(rank))
        };
        (0..5).map_while(ranked).collect()
    }

    /// A submission says what five classes are in each photo, from the first on.
    fn need_classes(&self) -> Result<(), DatasetError> {
        let lacking = |photo: &&Predicted| {
            let ranks: Vec<usize> = photo
                .guesses
                .iter()
                .filter_map(|guess| guess.rank)
                .filter(|rank| *rank < 5)
                .collect();
            let classless = photo
                .guesses
                .iter()
                .any(|guess| guess.label == Label::Truth);
            !photo.guesses.is_empty()
                && (classless || ranks.is_empty() || !ranks.iter().copied().eq(0..ranks.len()))
        };
        match self.photos.iter().filter(lacking).count() {
            0 => Ok(()),
            n => Err(DatasetError::new(format!(
                "a submission needs the five most probable classes of each photo in order, but \
                 {n} photos lack some of them"
            ))
            .or_remedy(Remedy::PredictedClasses)),
        }
    }
}

/// A guess as a submission writes it: label and inclusive corners; label 0 and one pixel where it
/// has no class or no box.
fn shown(guess: &Guess, label: &dyn Fn(usize) -> String) -> String {
    let label = match guess.label {
        Label::Class(class) => label(class),
        _ => "0".into(),
    };
    let BBox {
        x_min,
        y_min,
        x_max,
        y_max,
    } = guess.bbox.unwrap_or(BBox::new(0.0, 0.0, 1.0, 1.0));
    format!("{label} {x_min} {y_min} {} {}", x_max - 1.0, y_max - 1.0)
}

/// The fault of a photo that the dataset does not have, with an example of one that it has.
fn unknown(dataset: &Dataset, id: &str) -> String {
    let example = dataset.photos.first().map_or(String::new(), |photo| {
        format!("; its photos are called like {}", photo.id)
    });
    format!("{} has no photo called {id}{example}", dataset.name)
}

/// What `look` finds in the file of each photo, in their order. All faults are listed, up to
/// twenty.
fn of_each<T: Send>(
    dataset: &Dataset,
    look: impl Fn(&Photo) -> Result<T, String> + Send + Sync,
) -> Result<Vec<T>, DatasetError> {
    let look = |photo: &Photo| look(photo).map_err(|fault| format!("{}: {fault}", photo.id));
    let found: Vec<Result<T, String>> = dataset.photos.par_iter().map(look).collect();
    let mut faults = Faults::default();
    let mut kept = Vec::new();
    for result in found {
        match result {
            Ok(value) => kept.push(value),
            Err(fault) => faults.add(fault),
        }
    }
    faults.into_result().map_err(|error| error.or_remedy(Remedy::SelectPhotos))?;
    Ok(kept)
}

/// A file of a folder for a photo: `FOLDER/ID.EXTENSION`.
fn file_of(folder: &Path, id: &str, extension: &str) -> PathBuf {
    folder.join(id).with_added_extension(extension)
}

/// A coordinate as text. NaN is refused, infinity is not: such a box never hits.
fn coordinate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if !value.is_nan() => Ok(value),
        Ok(_) => Err(format!(
            "'{text}' is not a number (the devkit would count it as a hit)"
        )),
        Err(_) => Err(format!("'{text}' is no number")),
    }
}
