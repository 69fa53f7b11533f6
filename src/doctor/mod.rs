//! Checks before a long run: the library, a dataset's files, its boxes and labels, a model. What is
//! wrong, and what to do.
//!
//! In: a [`Request`], a [`ModelDescription`]. Out: a [`DoctorReport`] of facts and findings, which the
//! functions of this room fill one after the other. Nothing here changes anything. A dataset that
//! cannot be read at all is a finding too, and so are boxes that a run would refuse: they are read
//! leniently, and what they look like tells what is wrong with all of them.

mod boxes;
mod labels;
mod lists;
mod model;
mod photos;

pub use model::library;

use ndarray::Array3;

use crate::classifier::{Classifier, ModelDescription, pixels};
use crate::dataset::{self, Dataset, Jpeg, Photo, Request};
use crate::saliency::{Filter, View, ViewOptions};

/// Something wrong, and the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was seen, where.
    pub what: String,
    /// What to do.
    pub help: String,
}

/// What was looked at, and what was found.
#[derive(Clone, Debug, Default)]
pub struct DoctorReport {
    /// What is so: name and value.
    pub facts: Vec<(&'static str, String)>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

impl DoctorReport {
    fn fact(&mut self, name: &'static str, value: impl Into<String>) {
        self.facts.push((name, value.into()));
    }

    /// An error as a finding; `help` where it brings none.
    fn error(&mut self, error: &str, help: &str) {
        let (what, help) = error.split_once("\nhelp: ").unwrap_or((error, help));
        self.finding(what.trim_end(), help.trim());
    }

    fn finding(&mut self, what: impl Into<String>, help: impl Into<String>) {
        self.findings.push(Finding {
            what: what.into(),
            help: help.into(),
        });
    }
}

/// Checks a dataset's truth and its photos. `decoded` photos, evenly spread, are decoded whole; of
/// the others the header is read. `None` where the truth cannot be read.
pub fn dataset(report: &mut DoctorReport, request: &Request<'_>, decoded: usize) -> Option<Dataset> {
    let dataset = match Dataset::open(&Request {
        lenient: true,
        ..*request
    }) {
        Ok(dataset) => dataset,
        Err(error) => {
            let faults = error.faults.iter().filter(|fault| !fault.starts_with("help: "));
            faults.for_each(|fault| {
                report.error(fault, "fix the file; data/README.md describes the format")
            });
            return None;
        }
    };
    lists::check(report, &dataset);
    boxes::check(report, &dataset);
    photos::check(report, &dataset, decoded);
    Some(dataset)
}

/// Loads a model: is it there, can it be differentiated, does it fit its description. `None` where
/// it cannot be used.
pub fn model(report: &mut DoctorReport, description: ModelDescription) -> Option<Classifier> {
    model::check(report, description)
}

/// Runs the model on up to `count` photos, evenly spread: are the labels in the order of its
/// scores, and how long will a gradient take. A model that was `asked` for must have the dataset's
/// classes.
pub fn labels(
    report: &mut DoctorReport,
    dataset: &Dataset,
    classifier: &Classifier,
    count: usize,
    asked: bool,
) {
    labels::check(report, dataset, classifier, count, asked);
}

/// A photo as the network takes it, warped to its size; `None` where it cannot be read.
fn input(photo: &Photo, classifier: &Classifier) -> Option<Array3<f32>> {
    let picture = dataset::read(&photo.path, Jpeg::Strict).ok()?;
    let size = classifier.description.size;
    let view = View::new(&picture, &ViewOptions::warp(Filter::Bilinear), size, size).ok()?;
    Some(pixels(&view.frame))
}

/// Up to `count` places, evenly spread over `all`.
fn spread(all: usize, count: usize) -> impl Iterator<Item = usize> {
    let count = count.min(all);
    (0..count).map(move |i| i * all / count)
}

/// The first few of some names, for a message.
fn first(names: &[&str]) -> String {
    let shown = names.iter().take(3).copied().collect::<Vec<_>>().join(", ");
    if names.len() > 3 {
        format!("{shown}, ...")
    } else {
        shown
    }
}
