//! The order of the guesses of each photo in a table: by rank, by score, or by row.

use super::predictions::Predictions;
use crate::dataset::{Dataset, Faults, Suspicion};
use crate::score::{Guess, Label};

/// A row as a guess whose rank is the one that is written.
pub(super) struct RowGuess {
    /// File and line.
    pub(super) place: String,
    /// The index of the photo.
    pub(super) photo: usize,
    pub(super) guess: Guess,
}

/// The guesses of all photos, each photo's best first. Rows that contradict each other are faults.
pub(super) fn ordered(
    mut rows: Vec<RowGuess>,
    dataset: &Dataset,
    faults: &mut Faults,
) -> Predictions {
    let mut predictions = Predictions::empty(dataset);
    let is_ranked = rows.iter().any(|row| row.guess.rank.is_some());
    let is_scored = rows.iter().any(|row| row.guess.confidence.is_some());
    if is_scored && !is_ranked {
        for row in rows.iter().filter(|row| row.guess.confidence.is_none()) {
            faults.add(format!(
                "{}: no score, although other rows have one",
                row.place
            ));
        }
        let score = |row: &RowGuess| row.guess.confidence.unwrap_or(f64::NEG_INFINITY);
        rows.sort_by(|a, b| score(b).total_cmp(&score(a)));
    }
    let mut repeated = Vec::new();
    for RowGuess {
        place,
        photo,
        mut guess,
    } in rows
    {
        let before = &predictions.photos[photo].guesses;
        if !is_ranked && guess.label != Label::Truth {
            guess.rank = Some(before.len());
        }
        let has_rank = |other: &Guess| guess.rank.is_some() && other.rank == guess.rank;
        if before.iter().any(has_rank) {
            let id = &dataset.photos[photo].id;
            faults.add(format!("{place}: a second guess of the same rank for {id}"));
        }
        let is_same = |other: &Guess| (other.label, other.bbox) == (guess.label, guess.bbox);
        if before.iter().any(is_same) {
            repeated.push(place);
        }
        predictions.add(photo, guess);
    }
    for photo in &mut predictions.photos {
        photo
            .guesses
            .sort_by_key(|guess| guess.rank.unwrap_or(usize::MAX));
    }
    if let Some(first) = repeated.first() {
        let what = format!(
            "{} rows repeat a guess; the first is {first}",
            repeated.len()
        );
        let advice = "check that no photo is in the table twice";
        predictions.suspicions.push(Suspicion::new(what, advice));
    }
    if !is_ranked {
        state_order(&mut predictions, is_scored);
    }
    predictions
}

/// Says what orders the guesses of photos that have several.
fn state_order(predictions: &mut Predictions, is_scored: bool) {
    let photos = predictions.photos.iter();
    let several = photos.filter(|photo| photo.guesses.len() > 1).count();
    if several == 0 {
        return;
    }
    if is_scored {
        predictions
            .notes
            .push("the guesses of a photo are ordered by falling score".into());
    } else {
        let what = format!(
            "{several} photos have several rows, and there are neither ranks nor scores: the \
             first row of a photo is its best guess"
        );
        let advice = "add a column `rank` (from 1) or `score`, or leave one row for each photo";
        predictions.suspicions.push(Suspicion::new(what, advice));
    }
}
