//! Labels: a few hundred photos through the model tell whether the dataset's labels are in the
//! order of its scores.

use rayon::prelude::*;

use super::{DoctorReport, input, model, spread};
use crate::classifier::{Classifier, Worker, ranking};
use crate::dataset::{Dataset, Photo};

/// Fewer photos than this say nothing.
const FEWEST: usize = 20;
/// Accuracy that is expected of a model whose own is not known.
const USUAL: f64 = 0.5;
/// So much less than expected may be the photos'.
const SLACK: f64 = 0.15;

/// Whether a guess is right if a true label is taken otherwise.
type Reading<'a> = &'a dyn Fn(usize, usize) -> bool;

pub(super) fn check(
    report: &mut DoctorReport,
    dataset: &Dataset,
    classifier: &Classifier,
    count: usize,
    asked: bool,
) {
    if let Err(error) = classifier
        .description
        .ensure_has_classes(&dataset.classes, &dataset.name)
    {
        let what = error.lines().next().unwrap_or_default();
        match asked {
            true => report.error(&error, ""),
            false => report.fact(
                "labels",
                format!("not checked: {what}; --model names a model for them"),
            ),
        }
        return;
    }
    let guesses = guesses(dataset, classifier, count);
    model::time(report, dataset, classifier);
    if guesses.len() < FEWEST {
        report.fact(
            "labels",
            format!(
                "not checked: {} photos with a class can be read, {FEWEST} are needed",
                guesses.len()
            ),
        );
        return;
    }
    let n = guesses.len() as f64;
    let accuracy = guesses
        .iter()
        .filter(|(truth, guess)| truth == guess)
        .count() as f64
        / n;
    let expected = classifier.description.accuracy.unwrap_or(USUAL);
    report.fact(
        "labels",
        format!(
            "top-1 {:.1} % of {} photos, {:.1} % expected",
            accuracy * 100.0,
            guesses.len(),
            expected * 100.0
        ),
    );
    if accuracy >= expected - SLACK - 2.0 * (expected * (1.0 - expected) / n).sqrt() {
        return;
    }
    report.finding(
        format!(
            "the model is right in {:.1} % of {} photos, and {:.1} % is expected",
            accuracy * 100.0,
            guesses.len(),
            expected * 100.0
        ),
        mistake(
            &guesses,
            dataset.ilsvrc_ids.as_deref(),
            (accuracy + 0.1).max(expected / 2.0),
        ),
    );
}

/// Which mistake in the labels would make more than a `share` of the guesses right.
fn mistake(guesses: &[(usize, usize)], ids: Option<&[usize]>, share: f64) -> &'static str {
    let as_id = |truth: usize, guess: usize| ids.is_some_and(|ids| ids[guess] == truth + 1);
    let readings: [(Reading<'_>, &str); 3] = [
        (
            &as_id,
            "the labels are ILSVRC IDs less 1, in the devkit's order; sort them by WordNet id",
        ),
        (
            &|truth, guess| truth == guess + 1,
            "the labels begin at 1; subtract 1",
        ),
        (
            &|truth, guess| truth + 1 == guess,
            "the labels are one too small, or the scores have a class for the background",
        ),
    ];
    let right = |reading: Reading<'_>| {
        guesses
            .iter()
            .filter(|&&(truth, guess)| reading(truth, guess))
            .count() as f64
    };
    let better = readings
        .iter()
        .find(|(reading, _)| right(reading) > share * guesses.len() as f64);
    better.map_or(
        "the labels are in another order than the scores, or the model's description is wrong (channels, mean, range)",
        |(_, help)| help,
    )
}

/// True class and the model's for some photos that have one and can be read.
fn guesses(dataset: &Dataset, classifier: &Classifier, count: usize) -> Vec<(usize, usize)> {
    let classed: Vec<_> = dataset
        .photos
        .iter()
        .filter(|photo| photo.class.is_some() && photo.path.is_file())
        .collect();
    let chosen: Vec<_> = spread(classed.len(), count).map(|i| classed[i]).collect();
    let guess = |worker: &mut Worker<'_>, photo: &&Photo| {
        let scores = worker.forward(input(photo, classifier)?.view()).ok()?;
        Some((photo.class?, *ranking(&scores).first()?))
    };
    chosen
        .par_iter()
        .map_init(|| classifier.worker(), guess)
        .flatten()
        .collect()
}
