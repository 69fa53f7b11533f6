//! The summary in a few lines, for the end of a run: the numbers by which a method is judged, beside
//! their floors. [`table()`](super::table::table) has all of them.

use std::fmt::Write;

use super::metric_line::{CENTRE, WHOLE, floor_value, line, shown};
use super::table::{heading, scored_line, times_line};
use crate::results::Summary;
use crate::score::{BoxScores, Floors, METRICS, Metrics};

/// The metrics that are shown, in their order in [`METRICS`].
const SHOWN: [&str; 5] = [
    "gt_known_accuracy",
    "mean_iou",
    "top5_localisation_error",
    "top5_classification_error",
    "box_given_top5",
];

/// The largest number of notes and warnings.
const MAX_REMARKS: usize = 2;

/// The scores of boxes as text, of at most 18 lines. Where photos have weights, the numbers are the
/// weighted ones.
#[must_use]
pub fn short_table(summary: &Summary) -> String {
    let mut text = heading(summary);
    if let Some(boxes) = &summary.boxes {
        text += if boxes.weighted.is_some() {
            "\n weighted\n"
        } else {
            "\n"
        };
        let (metrics, floors) = judged(boxes);
        metric_lines(&mut text, &summary.profile, metrics, floors);
    }
    text += &scored_line(summary);
    text += &times_line(&summary.cpu_ms_per_photo);
    text += &remarks(summary);
    text
}

/// The metrics and floors that are quoted: the weighted ones, if the photos have weights.
pub(super) fn judged(boxes: &BoxScores) -> (&Metrics, &Floors) {
    match &boxes.weighted {
        Some(weighted) => (&weighted.metrics, &weighted.floors),
        None => (&boxes.metrics, &boxes.floors),
    }
}

fn metric_lines(text: &mut String, profile: &str, metrics: &Metrics, floors: &Floors) {
    for metric in METRICS.iter().filter(|metric| SHOWN.contains(&metric.name)) {
        let Some(boxes) = &metric.boxes else {
            continue;
        };
        line(text, profile, metric.line, &shown((boxes.value)(metrics)));
        let Some(read_floor) = boxes.floor else {
            continue;
        };
        let centre = floor_value(read_floor(&floors.centre_half_area_rounded));
        line(text, profile, CENTRE, &centre);
        if boxes.is_primary {
            let whole = floor_value(read_floor(&floors.whole_image));
            line(text, profile, WHOLE, &whole);
        }
    }
}

/// The first warnings and notes, and how many more there are.
fn remarks(summary: &Summary) -> String {
    let warnings = summary.warnings.iter().map(|text| ("warning", text));
    let notes = summary.notes.iter().map(|text| ("note", text));
    let all: Vec<_> = warnings.chain(notes).collect();
    let mut text = String::new();
    for (kind, remark) in all.iter().take(MAX_REMARKS) {
        let _ = writeln!(text, " {kind}: {remark}");
    }
    let more = all.len().saturating_sub(MAX_REMARKS);
    if more > 0 {
        let _ = writeln!(text, " {more} more warnings and notes are in summary.json");
    }
    text
}
