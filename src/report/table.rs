//! The summary block: fixed lines, to be read and pasted.

use std::fmt::Write;

use super::Summary;
use crate::score::{Floors, Metrics, Rate};

/// The summary as text. Metrics and floors stand together, so that no score is read without what it must beat.
#[must_use]
pub fn table(summary: &Summary) -> String {
    let Summary { program, dataset, images, images_in_dataset, pipeline, model, crops, profile, .. } = summary;
    let of = if images == images_in_dataset { String::new() } else { format!(" of {images_in_dataset}") };
    let mut text = format!(
        "{program}   {dataset}   {images}{of} images   pipeline {pipeline}   model {model} {}\n\
         profile {profile}   {crops}   tuned on: {}\n",
        &summary.model_sha256[..8],
        summary.tuned_on,
    );
    if let Some(weighted) = &summary.weighted {
        block(&mut text, "weighted", &weighted.metrics, &weighted.floors);
    }
    let heading = if summary.weighted.is_some() { "unweighted" } else { "" };
    block(&mut text, heading, &summary.metrics, &summary.floors);
    let scored = images - summary.failed;
    let _ = writeln!(text, "\n {scored} of {images} scored, {} failed{}", summary.failed, failed_note(summary.failed));
    let times: Vec<_> = summary.cpu_ms_per_photo.iter().map(|(stage, ms)| format!("{stage} {ms:.1}")).collect();
    let total: f64 = summary.cpu_ms_per_photo.iter().map(|(_, ms)| ms).sum();
    let _ = writeln!(text, " CPU ms per photo: {} = {total:.1}", times.join(" + "));
    text
}

fn failed_note(failed: usize) -> &'static str {
    if failed > 0 { " and counted as wrong (failures.jsonl)" } else { "" }
}

fn block(text: &mut String, heading: &str, metrics: &Metrics, floors: &Floors) {
    let _ = writeln!(text, "{}", if heading.is_empty() { String::new() } else { format!("\n {heading}") });
    let lines = [
        ("Localisation accuracy  true class known  [ IoU >= 0.50 ]", metrics.gt_known_accuracy),
        ("  floor: centred box of half the area", floors.centre_half_area.gt_known_accuracy),
        ("  floor: the same, edges rounded to pixels", floors.centre_half_area_rounded.gt_known_accuracy),
        ("  floor: centred box of 0.8 x each side", floors.centre_four_fifths.gt_known_accuracy),
        ("  floor: the whole photo", floors.whole_image.gt_known_accuracy),
        ("Localisation error     top-1             [ IoU >= 0.50 ]", metrics.top1_localisation_error),
        ("Localisation error     top-5             [ IoU >= 0.50 ]", metrics.top5_localisation_error),
        ("Classification error   top-1", metrics.top1_classification_error),
        ("Classification error   top-5", metrics.top5_classification_error),
        ("Box right              class in top 5", metrics.box_given_top5),
    ];
    for (name, rate) in lines {
        let _ = writeln!(text, " {name:<57} = {}", shown(rate));
    }
}

fn shown(rate: Option<Rate>) -> String {
    match rate {
        None => "   -".into(),
        Some(Rate { value, low, high }) => {
            format!("{:5.1} %  ({:.1} to {:.1})", value * 100.0, low * 100.0, high * 100.0)
        }
    }
}
