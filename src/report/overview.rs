//! Several results in one table, a row each, below the floors of their photos.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::short_table::judged;
use super::table::heading;
use crate::results::Summary;
use crate::score::{BoxMetric, BoxScores, Floor, FloorValue, METRICS, Rate};

/// The metrics that are shown, and the titles of their columns.
const COLUMNS: [(&str, &str); 4] = [
    ("gt_known_accuracy", "IoU >= 0.5"),
    ("gt_known_accuracy_iou_70", "IoU >= 0.7"),
    ("mean_iou", "mean IoU"),
    ("top5_localisation_error", "top-5 error"),
];

/// The scores of a result's boxes, and what the result is called.
#[derive(Debug)]
pub struct ScoredResult {
    /// The name, such as the folder of a run.
    pub name: String,
    /// The scores.
    pub summary: Summary,
}

/// One table of results that were scored on the same photos: the floors, and a row for each result,
/// in per cent. The accuracy by which a method is judged has its 95 % interval. Where photos have
/// weights, the numbers are the weighted ones. The mean CPU time of a photo is shown where it is
/// known. Results without scores of boxes have no row.
#[must_use]
pub fn overview(results: &[ScoredResult]) -> String {
    let scored: Vec<(&ScoredResult, &BoxScores)> = results
        .iter()
        .filter_map(|result| Some((result, result.summary.boxes.as_ref()?)))
        .collect();
    let Some((first, boxes)) = scored.first() else {
        return String::new();
    };
    let floors = judged(boxes).1;
    let mut rows = vec![
        title_row(boxes.weighted.is_some()),
        floor_row(
            "floor: centred box of half the area",
            &floors.centre_half_area_rounded,
        ),
        floor_row("floor: the whole photo", &floors.whole_image),
    ];
    let result_rows = scored
        .iter()
        .map(|(result, scores)| result_row(result, scores));
    rows.extend(result_rows);
    let without_run = Summary {
        run: None,
        ..first.summary.clone()
    };
    let (heading, rows) = (heading(&without_run), aligned(&rows));
    format!("{heading}\n{rows}{}", remarks(results))
}

/// How the metrics of the columns are read from the scores of boxes.
fn columns() -> impl Iterator<Item = &'static BoxMetric> {
    COLUMNS.iter().filter_map(|(name, _)| {
        let metric = METRICS.iter().find(|metric| metric.name == *name)?;
        metric.boxes.as_ref()
    })
}

fn title_row(weighted: bool) -> Vec<String> {
    let first = if weighted {
        "per cent, weighted"
    } else {
        "per cent"
    };
    let titles = COLUMNS.iter().map(|(_, title)| *title);
    [first]
        .into_iter()
        .chain(titles)
        .chain(["CPU ms"])
        .map(str::to_owned)
        .collect()
}

fn floor_row(name: &str, floor: &Floor) -> Vec<String> {
    let cell = |metric: &BoxMetric| {
        Some(match (metric.floor?)(floor)? {
            FloorValue::Rate(rate) => rate_cell(metric, rate),
            FloorValue::Mean(value) => percent(value),
        })
    };
    let cells = columns().map(|metric| cell(metric).unwrap_or_default());
    [name.to_owned()].into_iter().chain(cells).collect()
}

fn result_row(result: &ScoredResult, boxes: &BoxScores) -> Vec<String> {
    let cell = |metric: &BoxMetric| {
        let rate = (metric.value)(judged(boxes).0);
        rate.map_or("-".into(), |rate| rate_cell(metric, rate))
    };
    let times = &result.summary.cpu_ms_per_photo;
    let total: f64 = times.iter().map(|(_, ms)| ms).sum();
    let time = (!times.is_empty()).then(|| format!("{total:.0}"));
    let cells = columns().map(cell).chain(time);
    [result.name.clone()].into_iter().chain(cells).collect()
}

/// The rows as lines, with columns as wide as their widest cell.
fn aligned(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let _ = write!(line, " {cell:<0$}  ", width(column));
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// How many photos failed, and all notes and warnings, each once.
fn remarks(results: &[ScoredResult]) -> String {
    let mut seen = BTreeSet::new();
    let mut text = String::new();
    for ScoredResult { name, summary } in results {
        let (failed, images) = (summary.failed, summary.images);
        if failed > 0 {
            let _ = writeln!(
                text,
                " {name}: {failed} of {images} failed or missing, and counted as wrong"
            );
        }
        let notes = summary.notes.iter().map(|note| ("note", note));
        let warnings = summary.warnings.iter().map(|warning| ("warning", warning));
        for (kind, remark) in notes.chain(warnings) {
            if seen.insert(remark) {
                let _ = writeln!(text, " {kind}: {name}: {remark}");
            }
        }
    }
    text
}

/// A rate in per cent; that of the metric by which a method is judged with its interval.
fn rate_cell(metric: &BoxMetric, rate: Rate) -> String {
    let Rate { value, low, high } = rate;
    let value = percent(value);
    if metric.is_primary {
        format!("{value} ({:.1} to {:.1})", low * 100.0, high * 100.0)
    } else {
        value
    }
}

fn percent(share: f64) -> String {
    format!("{:.1}", share * 100.0)
}
