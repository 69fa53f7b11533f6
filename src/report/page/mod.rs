//! `report.html`: runs over the same photos as one file that needs nothing else.
//!
//! The program puts data into the page, and the page's script shows them. There are three blocks of
//! JSON: the summary, the rows (columns, since there may be fifty thousand), and pictures of a few
//! chosen photos.

mod choices;
mod rows;
mod summary;

use std::collections::BTreeMap;

pub use choices::{Choice, choices};
use serde::Serialize;

use super::{Comparison, Layers, Picture, Summary, table};
use crate::dataset::Dataset;
use crate::prediction::Predictions;
use crate::score::Outcome;

/// What a page shows.
#[derive(Clone, Debug)]
pub struct Page<'a> {
    /// The photos, with their truth.
    pub dataset: &'a Dataset,
    /// The runs, one or several.
    pub runs: Vec<PageRun<'a>>,
    /// Each run but the first, compared with it.
    pub comparisons: Vec<Comparison>,
    /// Photos that are worth a look.
    pub choices: Vec<Choice>,
}

/// A run on a page.
#[derive(Clone, Debug)]
pub struct PageRun<'a> {
    /// What it is called.
    pub name: String,
    /// What its pipeline is, for people.
    pub title: &'a str,
    /// Its numbers.
    pub summary: &'a Summary,
    /// What was found.
    pub predictions: &'a Predictions,
    /// Each photo's outcome.
    pub outcomes: Vec<Outcome>,
    /// The degenerate cases: a photo's place and what it was.
    pub flags: BTreeMap<usize, &'static str>,
    /// The photos that failed: place and reason.
    pub messages: BTreeMap<usize, &'a str>,
    /// The failures in full.
    pub failures: Vec<PageFailure<'a>>,
    /// The command that runs it again.
    pub command: String,
    /// The command that shows one of its photos, but for the photo.
    pub show: String,
    /// What it was made from.
    pub manifest: &'a serde_json::Value,
    /// Pictures by the photo's place.
    pub pictures: BTreeMap<usize, Picture>,
}

/// A photo that failed.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PageFailure<'a> {
    /// The photo.
    pub id: &'a str,
    /// Its file.
    pub path: &'a str,
    /// What kind of failure it was, in one word.
    pub kind: &'a str,
    /// What went wrong.
    pub reason: &'a str,
}

/// A photo and its layers in each run.
#[derive(Serialize)]
struct Pictures<'a> {
    photo: &'a str,
    runs: Vec<Option<&'a Layers>>,
}

const HTML: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
/// One script, in this order.
const SCRIPT: &str = concat!(
    include_str!("build.js"),
    include_str!("data.js"),
    include_str!("chart.js"),
    include_str!("table.js"),
    include_str!("viewer.js"),
    include_str!("page.js"),
);

/// The page as HTML.
///
/// # Errors
/// When a number cannot be written as JSON.
pub fn page(page: &Page<'_>) -> serde_json::Result<String> {
    let plain: Vec<String> = page
        .runs
        .iter()
        .map(|run| format!("{}\n{}", run.name, table(run.summary)))
        .collect();
    let title = page
        .runs
        .iter()
        .map(|run| run.name.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    Ok(filled(&[
        ("<!-- title -->", escaped(&title)),
        ("/* style */", STYLE.to_owned()),
        ("/* script */", SCRIPT.to_owned()),
        ("<!-- plain -->", escaped(&plain.join("\n"))),
        ("<!-- summary -->", json(&summary::summary(page))?),
        ("<!-- rows -->", json(&rows::rows(page))?),
        ("<!-- pictures -->", json(&pictures(page))?),
    ]))
}

/// The page with its holes filled, in the order in which they stand there.
fn filled(holes: &[(&str, String)]) -> String {
    let mut places: Vec<_> = holes
        .iter()
        .map(|(hole, text)| (HTML.find(hole).expect("a hole"), hole, text))
        .collect();
    places.sort_unstable_by_key(|place| place.0);
    let (mut page, mut end) = (String::new(), 0);
    for (start, hole, text) in places {
        page += &HTML[end..start];
        page += text;
        end = start + hole.len();
    }
    page + &HTML[end..]
}

/// JSON in which nothing can end the element around it.
fn json(value: &impl Serialize) -> serde_json::Result<String> {
    Ok(serde_json::to_string(value)?.replace('<', "\\u003c"))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn pictures<'a>(page: &'a Page<'_>) -> BTreeMap<usize, Pictures<'a>> {
    let mut pictures = BTreeMap::new();
    for (i, run) in page.runs.iter().enumerate() {
        for (&place, Picture { photo, layers }) in &run.pictures {
            let new = || Pictures {
                photo,
                runs: vec![None; page.runs.len()],
            };
            pictures.entry(place).or_insert_with(new).runs[i] = layers.as_ref();
        }
    }
    pictures
}
