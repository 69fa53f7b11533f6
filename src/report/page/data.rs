//! What a page shows, before it becomes HTML.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::dataset::Dataset;
use crate::prediction::Predictions;
use crate::report::comparison::Comparison;
use crate::results::{Failure, Picture, Summary};
use crate::score::Outcome;

/// What a page shows.
#[derive(Clone, Debug)]
pub(super) struct Page<'a> {
    /// The photos that are listed, with their ground truth.
    pub(super) dataset: Cow<'a, Dataset>,
    /// The runs, one or several.
    pub(super) runs: Vec<PageRun<'a>>,
    /// Each run but the first, compared with the first.
    pub(super) comparisons: Vec<Comparison>,
    /// Groups of photos that are worth a look.
    pub(super) choices: Vec<Choice>,
    /// What there is to know of the page.
    pub(super) notes: Vec<String>,
}

/// A run on a page.
#[derive(Clone, Debug)]
pub(super) struct PageRun<'a> {
    /// The run's name.
    pub(super) name: String,
    /// The title of its pipeline.
    pub(super) title: &'a str,
    /// How it makes its saliency maps, if it does.
    pub(super) saliency: Option<String>,
    /// Its numbers.
    pub(super) summary: &'a Summary,
    /// Its boxes.
    pub(super) predictions: Cow<'a, Predictions>,
    /// The outcome of each photo.
    pub(super) outcomes: Vec<Outcome>,
    /// The degenerate cases by the photo's place.
    pub(super) flags: BTreeMap<usize, &'static str>,
    /// The reasons why photos failed, by place.
    pub(super) messages: BTreeMap<usize, &'a str>,
    /// The failures in full.
    pub(super) failures: &'a [Failure],
    /// The command that repeats the run.
    pub(super) command: String,
    /// The command that shows one of its photos, without the photo.
    pub(super) show: String,
    /// What the run was made from.
    pub(super) manifest: &'a serde_json::Value,
    /// Pictures by the photo's place.
    pub(super) pictures: BTreeMap<usize, Picture>,
}

/// Photos that have something in common.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Choice {
    /// The group's name, in one word.
    pub(super) name: &'static str,
    /// What the photos have in common.
    pub(super) title: String,
    /// Their places in the dataset.
    pub(super) photos: Vec<usize>,
}
