//! What the submissions of the ILSVRC devkit and of Kaggle have in common: up to five guesses per
//! photo, each `LABEL xmin ymin xmax ymax` with inclusive corners.

use super::predictions::Predictions;
use crate::dataset::{Dataset, DatasetError};
use crate::geometry::BBox;
use crate::remedy::Remedy;
use crate::score::{Guess, Label, MAX_GUESSES, Predicted};

/// The number of words of a guess.
pub(super) const GUESS_WORDS: usize = 5;

/// The indices of the photos in the order of a submission: sorted by name.
pub(super) fn photos_by_name(dataset: &Dataset) -> Vec<usize> {
    let mut order: Vec<usize> = (0..dataset.photos.len()).collect();
    order.sort_by(|&a, &b| dataset.photos[a].id.cmp(&dataset.photos[b].id));
    order
}

/// The guesses of the photo at this index that a submission has: the first five.
pub(super) fn first_guesses(predictions: &Predictions, photo: usize) -> Vec<&Guess> {
    let guesses = &predictions.photos[photo].guesses;
    (0..MAX_GUESSES)
        .map_while(|rank| guesses.iter().find(|guess| guess.rank == Some(rank)))
        .collect()
}

/// Checks that every photo that has guesses has those of the first ranks, each with a class.
pub(super) fn ensure_classes(predictions: &Predictions) -> Result<(), DatasetError> {
    let lacking = predictions
        .photos
        .iter()
        .filter(|photo| lacks_classes(photo));
    match lacking.count() {
        0 => Ok(()),
        n => Err(DatasetError::new(format!(
            "a submission needs the five most probable classes of each photo in order, but \
             {n} photos lack some of them"
        ))
        .or_remedy(Remedy::PredictedClasses)),
    }
}

fn lacks_classes(photo: &Predicted) -> bool {
    if photo.guesses.is_empty() {
        return false;
    }
    let ranks: Vec<usize> = photo
        .guesses
        .iter()
        .filter_map(|guess| guess.rank)
        .filter(|rank| *rank < MAX_GUESSES)
        .collect();
    let has_unclassified = photo
        .guesses
        .iter()
        .any(|guess| guess.label == Label::Truth);
    has_unclassified || ranks.is_empty() || !ranks.iter().copied().eq(0..ranks.len())
}

/// The first guesses of the photo at this index as text. `label` names a class. A guess without a
/// class of the dataset has the label 0, and one without a box has a box of one pixel.
pub(super) fn guesses_text(
    predictions: &Predictions,
    photo: usize,
    label: impl Fn(usize) -> String,
) -> String {
    let guess_text = |guess: &Guess| {
        let class = guess.class().map_or_else(|| "0".into(), &label);
        let BBox {
            x_min,
            y_min,
            x_max,
            y_max,
        } = guess.bbox.unwrap_or(BBox::new(0.0, 0.0, 1.0, 1.0));
        format!("{class} {x_min} {y_min} {} {}", x_max - 1.0, y_max - 1.0)
    };
    let guesses = first_guesses(predictions, photo);
    let texts: Vec<String> = guesses.into_iter().map(guess_text).collect();
    texts.join(" ")
}
