//! What is predicted of every photo of a dataset.

use crate::dataset::{Dataset, Suspicion};
use crate::score::{Guess, Outcome, Predicted};

/// The number of photos that a note names.
const MAX_NAMED: usize = 5;

/// What is predicted of every photo of a dataset.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Predictions {
    /// The predictions, in the order of the dataset's photos.
    pub photos: Vec<Predicted>,
    /// Whether classes were guessed. If not, there are only boxes for the true class.
    pub classes: bool,
    /// What the reader fixed or left out, for the user to know.
    pub notes: Vec<String>,
    /// What was read as it is written although it probably means something else.
    pub suspicions: Vec<Suspicion>,
}

impl Predictions {
    /// No predictions yet. Photos to which none is added have failed.
    pub(super) fn empty(dataset: &Dataset) -> Self {
        Self {
            photos: vec![Predicted::failure(); dataset.photos.len()],
            classes: false,
            notes: Vec::new(),
            suspicions: Vec::new(),
        }
    }

    /// Adds a guess to the photo at this index.
    pub(super) fn add(&mut self, photo: usize, guess: Guess) {
        self.photos[photo].failed = false;
        self.photos[photo].guesses.push(guess);
    }

    /// Compares the guesses of each photo with its ground truth.
    #[must_use]
    pub fn outcomes(&self, dataset: &Dataset) -> Vec<Outcome> {
        dataset
            .photos
            .iter()
            .zip(&self.photos)
            .map(|(photo, predicted)| Outcome::new(photo, predicted))
            .collect()
    }

    /// Keeps the predictions of the photos at these indices, in this order.
    pub fn select(&mut self, indices: &[usize]) {
        self.photos = indices.iter().map(|&i| self.photos[i].clone()).collect();
    }

    /// Adds a note that counts and names the photos that have no prediction, if there are any.
    pub fn note_missing(&mut self, dataset: &Dataset) {
        let missing: Vec<&str> = self
            .photos
            .iter()
            .zip(&dataset.photos)
            .filter(|(predicted, _)| predicted.failed)
            .map(|(_, photo)| photo.id.as_str())
            .collect();
        if !missing.is_empty() {
            let (count, total) = (missing.len(), self.photos.len());
            let named = missing[..count.min(MAX_NAMED)].join(", ");
            let more = if count > MAX_NAMED { ", ..." } else { "" };
            self.notes.push(format!(
                "{count} of {total} photos have no prediction ({named}{more}); they count as wrong"
            ));
        }
    }
}
