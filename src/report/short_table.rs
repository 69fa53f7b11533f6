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

/// The largest number of lines: with what else a run prints, it ends in 25.
const MAX_LINES: usize = 18;

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
    let free = MAX_LINES.saturating_sub(text.lines().count());
    text + &remarks(summary, free)
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

/// Warnings and notes on at most so many lines. If there are more, the last line says how many.
fn remarks(summary: &Summary, lines: usize) -> String {
    let warnings = summary.warnings.iter().map(|text| ("warning", text));
    let notes = summary.notes.iter().map(|text| ("note", text));
    let all: Vec<_> = warnings.chain(notes).collect();
    let count = if all.len() > lines {
        lines.saturating_sub(1)
    } else {
        all.len()
    };
    let mut text = String::new();
    for (kind, remark) in &all[..count] {
        let _ = writeln!(text, " {kind}: {remark}");
    }
    if count < all.len() {
        let more = all.len() - count;
        let _ = writeln!(text, " {more} more warnings and notes are in summary.json");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Dataset, Photo};
    use crate::geometry::{BBox, Size};
    use crate::prediction::Predictions;
    use crate::score::Predicted;
    use crate::stage::Stage;

    /// With weights, times, notes and warnings, the table still has 18 lines, and says how many
    /// remarks it leaves out.
    #[test]
    fn the_longest_table_has_18_lines() {
        let photo = Photo {
            size: Some(Size::square(100)),
            boxes: vec![BBox::centred(Size::square(100), 1.0, true)],
            weight: 2.0,
            ..Photo::default()
        };
        let dataset = Dataset {
            photos: vec![photo],
            weighted: true,
            ..Dataset::default()
        };
        let predictions = Predictions {
            photos: vec![Predicted {
                guesses: vec![],
                failed: true,
            }],
            classes: true,
            ..Predictions::default()
        };
        let remarks = |kind: &str| Vec::from_iter((0..4).map(|i| format!("{kind} {i}")));
        let summary = Summary {
            notes: remarks("n"),
            warnings: remarks("w"),
            cpu_ms_per_photo: vec![(Stage::Network, 1.0)],
            ..Summary::from_boxes(&dataset, &predictions)
        };
        let text = short_table(&summary);
        assert_eq!(text.lines().count(), 18, "{text}");
        assert!(
            text.contains("\n weighted\n") && text.contains(" 6 more "),
            "{text}"
        );
        assert!(
            text.contains(" warning: w 1\n") && !text.contains("w 2"),
            "{text}"
        );
    }
}
