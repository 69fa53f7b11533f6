//! A page as one HTML file that needs nothing else.
//!
//! The program puts data into the page, and the page's script shows them. There are three blocks of
//! JSON: the summary, the rows (as columns, since there may be fifty thousand), and pictures of a few
//! chosen photos.

use std::collections::BTreeMap;

use serde::Serialize;

use super::data::Page;
use super::{rows, summary};
use crate::report::colours;
use crate::report::table::table;
use crate::results::{Layers, Picture};

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
pub(super) fn html(page: &Page<'_>) -> serde_json::Result<String> {
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
        (
            "/* style */",
            format!(":root {{ {} }}\n{STYLE}", colours::style()),
        ),
        ("/* script */", SCRIPT.to_owned()),
        ("<!-- plain -->", escaped(&plain.join("\n"))),
        ("<!-- summary -->", json(&summary::summary(page))?),
        ("<!-- rows -->", json(&rows::rows(page))?),
        ("<!-- pictures -->", json(&pictures(page))?),
    ]))
}

/// The page with its placeholders replaced.
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
