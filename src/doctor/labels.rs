//! Labels: a few hundred photos run through the model show whether the dataset's labels are in the
//! order of its scores.

use rayon::prelude::*;

use super::model;
use super::report::{DoctorReport, Finding};
use super::sample::{network_input, spread};
use crate::classifier::{Classifier, Worker, ranking};
use crate::dataset::{Dataset, Photo};
use crate::storage;

/// The fewest photos from which anything can be concluded.
const MIN_PHOTOS: usize = 20;
/// The accuracy that is expected of a model whose own is not known.
const USUAL_ACCURACY: f64 = 0.5;
/// By how much the photos may reduce the accuracy.
const SLACK: f64 = 0.15;

/// The true class of a photo, and the model's.
struct LabelGuess {
    truth: usize,
    guess: usize,
}

/// A mistake in the labels, under which a guess would be correct.
type LabelMistake<'a> = &'a dyn Fn(&LabelGuess) -> bool;

/// Runs the model on up to `count` photos, evenly spread, and checks whether the labels are in the
/// order of its scores, and how long a gradient takes. If the caller asked for the model, it must
/// have the dataset's classes.
pub fn check_labels(
    report: &mut DoctorReport,
    dataset: &Dataset,
    classifier: &Classifier,
    count: usize,
    asked_for_model: bool,
) {
    let has_classes = classifier
        .description
        .ensure_has_classes(&dataset.classes, &dataset.name);
    if let Err(error) = has_classes {
        if asked_for_model {
            report
                .findings
                .push(Finding::new(error.to_string(), error.remedy));
        } else {
            let fact = format!("not checked: {error}; name a model that has these classes");
            report.add_fact("labels", fact);
        }
        return;
    }
    let guesses = guess_labels(dataset, classifier, count);
    model::time_gradients(report, dataset, classifier);
    let photos = guesses.len();
    if photos < MIN_PHOTOS {
        let fact = format!(
            "not checked: {photos} photos with a class can be read, {MIN_PHOTOS} are needed"
        );
        report.add_fact("labels", fact);
        return;
    }
    let n = photos as f64;
    let correct = guesses.iter().filter(|g| g.truth == g.guess).count();
    let accuracy = correct as f64 / n;
    let expected = classifier.description.accuracy.unwrap_or(USUAL_ACCURACY);
    let (percent, expected_percent) = (accuracy * 100.0, expected * 100.0);
    let fact = format!("top-1 {percent:.1} % of {photos} photos, {expected_percent:.1} % expected");
    report.add_fact("labels", fact);
    if accuracy >= expected - SLACK - 2.0 * (expected * (1.0 - expected) / n).sqrt() {
        return;
    }
    let what = format!(
        "the model is right in {percent:.1} % of {photos} photos, and {expected_percent:.1} % is \
         expected"
    );
    let share = (accuracy + 0.1).max(expected / 2.0);
    let advice = likely_mistake(&guesses, dataset.ilsvrc_ids.as_deref(), share);
    report.add_finding(what, advice);
}

/// What to do about the mistake in the labels under which more than a `share` of the guesses would
/// be correct.
fn likely_mistake(guesses: &[LabelGuess], ids: Option<&[usize]>, share: f64) -> &'static str {
    let label_is_id = |g: &LabelGuess| ids.is_some_and(|ids| ids[g.guess] == g.truth + 1);
    let mistakes: [(LabelMistake<'_>, &str); 3] = [
        (
            &label_is_id,
            "the labels are ILSVRC IDs less 1, in the devkit's order; sort them by WordNet id",
        ),
        (
            &|g| g.truth == g.guess + 1,
            "the labels begin at 1; subtract 1",
        ),
        (
            &|g| g.truth + 1 == g.guess,
            "the labels are one too small; or the scores begin with a background, and the model's \
             description needs `background = \"first\"` and a class list without it",
        ),
    ];
    for (is_correct, advice) in mistakes {
        let correct = guesses.iter().filter(|guess| is_correct(guess)).count();
        if correct as f64 > share * guesses.len() as f64 {
            return advice;
        }
    }
    "the labels are in another order than the scores, the model's description is wrong (channels, \
     mean, range), or these are not the photos that their names say; `localise doctor` with the \
     dataset `sample` checks the model alone"
}

/// The model's classes of up to `count` photos that have a class and can be read.
fn guess_labels(dataset: &Dataset, classifier: &Classifier, count: usize) -> Vec<LabelGuess> {
    let labelled: Vec<&Photo> = dataset
        .photos
        .iter()
        .filter(|photo| photo.class.is_some() && storage::is_file(&photo.path))
        .collect();
    let chosen: Vec<&Photo> = spread(labelled.len(), count).map(|i| labelled[i]).collect();
    let guess = |worker: &mut Worker<'_>, photo: &&Photo| {
        let input = network_input(photo, classifier)?;
        let scores = worker.forward(input.view()).ok()?;
        Some(LabelGuess {
            truth: photo.class?,
            guess: *ranking(&scores).first()?,
        })
    };
    chosen
        .par_iter()
        .map_init(|| classifier.worker(), guess)
        .flatten()
        .collect()
}
