//! The summary as text: fixed lines, to be read and pasted. Every number names its profile.

use std::fmt::Write;

use super::metric_line::{CENTRE, WHOLE, floor_value, line, maybe, named, percent, shown};
use crate::results::Summary;
use crate::score::{
    AccuracyAtIou, BoxScores, Floor, Floors, METRICS, MapBoxScores, MapScores, MaskScores, Metrics,
    PointingScores,
};
use crate::stage::Stage;

/// The summary as text. Floors are printed below their metrics, so that no score is read without
/// what it must beat.
#[must_use]
pub fn table(summary: &Summary) -> String {
    let mut text = heading(summary);
    if let Some(boxes) = &summary.boxes {
        boxes_block(&mut text, &summary.profile, boxes);
    }
    if let Some(maps) = &summary.maps {
        maps_block(&mut text, maps);
    }
    if let Some(masks) = &summary.masks {
        masks_block(&mut text, masks);
    }
    text += &scored_line(summary);
    if summary.run.is_some() {
        text += &times_line(&summary.cpu_ms_per_photo);
    }
    for note in &summary.notes {
        let _ = writeln!(text, " note: {note}");
    }
    for warning in &summary.warnings {
        let _ = writeln!(text, " warning: {warning}");
    }
    text
}

/// How many photos were scored, after a blank line.
pub(super) fn scored_line(summary: &Summary) -> String {
    let Summary { images, failed, .. } = summary;
    let (scored, failures) = (images - failed, failed_note(summary));
    format!("\n {scored} of {images} scored, {failed} failed{failures}\n")
}

/// What was scored, and by which profile.
pub(super) fn heading(summary: &Summary) -> String {
    let Summary {
        program,
        dataset,
        images,
        images_in_dataset,
        profile,
        ..
    } = summary;
    let of = if images == images_in_dataset {
        String::new()
    } else {
        format!(" of {images_in_dataset}")
    };
    let scored = format!("{program}   {dataset}   {images}{of} photos");
    let Some(run) = &summary.run else {
        return format!("{scored}\nprofile {profile}\n");
    };
    let (pipeline, model, hash) = (&run.pipeline, &run.model, &run.model_sha256[..8]);
    let (crops, tuned_on) = (&run.crops, run.tuned_on.replace("; ", "\n"));
    format!(
        "{scored}   pipeline {pipeline}   model {model} {hash}\n\
         profile {profile}   {crops}   tuned on: {tuned_on}\n"
    )
}

/// The mean CPU time of each stage, and their sum; nothing where no photo came to the end of a
/// stage.
pub(super) fn times_line(times: &[(Stage, f64)]) -> String {
    if times.is_empty() {
        return String::new();
    }
    let stages: Vec<_> = times
        .iter()
        .map(|(stage, ms)| format!("{stage} {ms:.1}"))
        .collect();
    let total: f64 = times.iter().map(|(_, ms)| ms).sum();
    format!(" CPU ms per photo: {} = {total:.1}\n", stages.join(" + "))
}

fn failed_note(summary: &Summary) -> &'static str {
    match (summary.failed, &summary.run) {
        (0, _) => "",
        (_, Some(_)) => " and counted as wrong (failures.jsonl)",
        (_, None) => " or missing, and counted as wrong",
    }
}

fn boxes_block(text: &mut String, profile: &str, boxes: &BoxScores) {
    if let Some(weighted) = &boxes.weighted {
        metrics_block(
            text,
            profile,
            "weighted",
            &weighted.metrics,
            &weighted.floors,
        );
    }
    let weighting = if boxes.weighted.is_some() {
        "unweighted"
    } else {
        ""
    };
    metrics_block(text, profile, weighting, &boxes.metrics, &boxes.floors);
    if let Some(errors) = &boxes.errors
        && let Some(all) = errors.localisation_error_no_blacklist
        && errors.photos_localised < errors.photos_boxed
    {
        let (counted, boxed) = (errors.photos_localised, errors.photos_boxed);
        let _ = writeln!(
            text,
            "\n localisation counts {counted} photos; without the blacklist {boxed}, and then"
        );
        line(
            text,
            profile,
            named("top1_localisation_error"),
            &percent(all[0]),
        );
        line(
            text,
            profile,
            named("top5_localisation_error"),
            &percent(all[4]),
        );
    }
    let mut heading = "\n by the size of the largest true box\n";
    for group in boxes
        .by_size
        .iter()
        .filter(|group| group.gt_known_accuracy.is_some())
    {
        let name = format!(
            "Localisation accuracy  {}  ({} photo{})",
            group.name,
            group.images,
            plural(group.images)
        );
        let _ = write!(text, "{}", std::mem::take(&mut heading));
        line(text, profile, &name, &shown(group.gt_known_accuracy));
        line(
            text,
            profile,
            CENTRE,
            &maybe(group.centre_half_area_rounded),
        );
    }
}

fn metrics_block(
    text: &mut String,
    profile: &str,
    heading: &str,
    metrics: &Metrics,
    floors: &Floors,
) {
    let _ = writeln!(
        text,
        "{}",
        if heading.is_empty() {
            String::new()
        } else {
            format!("\n {heading}")
        }
    );
    for metric in METRICS {
        let Some(boxes) = &metric.boxes else {
            continue;
        };
        line(text, profile, metric.line, &shown((boxes.value)(metrics)));
        let Some(read_floor) = boxes.floor else {
            continue;
        };
        let mut floor_line = |name: &str, floor: &Floor| {
            line(text, profile, name, &floor_value(read_floor(floor)));
        };
        floor_line(CENTRE, &floors.centre_half_area_rounded);
        if boxes.is_primary {
            floor_line(
                "  floor: the same with real edges",
                &floors.centre_half_area,
            );
            floor_line(
                "  floor: centred box of 0.8 x each side",
                &floors.centre_four_fifths,
            );
            floor_line(WHOLE, &floors.whole_image);
        }
    }
}

fn maps_block(text: &mut String, maps: &MapScores) {
    if let Some(boxes) = &maps.wsoleval {
        max_box_acc_block(text, boxes);
    }
    if let Some(pxap) = &maps.pxap {
        let _ = writeln!(
            text,
            "\n {} photos with masks, step {}",
            pxap.images,
            pxap.step.threshold(1)
        );
        line(text, "wsoleval", named("pxap"), &shown(Some(pxap.pxap)));
        line(
            text,
            "wsoleval",
            "  floor: a constant map",
            &percent(pxap.constant_map),
        );
    }
    if let Some(game) = &maps.pointing {
        pointing_block(text, game);
    }
    if let Some(energy) = &maps.ebpg {
        line(
            text,
            "ebpg",
            named("energy_pointing_game"),
            &shown(Some(energy.inside)),
        );
        line(
            text,
            "ebpg",
            "  floor: a constant map",
            &shown(Some(energy.constant_map)),
        );
    }
}

fn pointing_block(text: &mut String, game: &PointingScores) {
    let images = game.images;
    let _ = writeln!(
        text,
        "\n {images} photos with objects, blacklisted ones among them"
    );
    let centre = "  floor: the photo's centre";
    line(
        text,
        "pointing",
        named("pointing_game"),
        &shown(Some(game.accuracy)),
    );
    line(text, "pointing", centre, &shown(Some(game.centre)));
    if game.images_difficult > 0 {
        let name = format!(
            "Pointing game          the difficult {} photos",
            game.images_difficult
        );
        line(text, "pointing", &name, &shown(game.accuracy_difficult));
        line(text, "pointing", centre, &shown(game.centre_difficult));
    }
}

fn max_box_acc_block(
    text: &mut String,
    MapBoxScores {
        scores,
        centre_half_area: centre,
        whole_image: whole,
    }: &MapBoxScores,
) {
    let step = scores.step.threshold(1);
    let _ = writeln!(
        text,
        "\n {} photos with boxes, no blacklist; at the threshold that is best on them, an oracle (step {step})",
        scores.images
    );
    let at = |AccuracyAtIou { iou, threshold, .. }: &AccuracyAtIou| {
        format!("[ IoU >= {iou:.2}, at {threshold:.3} ]")
    };
    let single_contour = format!(
        "{}   {}",
        named("max_box_acc"),
        at(&scores.single_contour[1])
    );
    line(
        text,
        "wsoleval",
        &single_contour,
        &shown(Some(scores.max_box_acc)),
    );
    line(text, "wsoleval", CENTRE, &shown(centre.accuracy[1]));
    line(
        text,
        "wsoleval",
        "  floor: the whole map",
        &shown(whole.accuracy[1]),
    );
    line(
        text,
        "wsoleval",
        named("max_box_acc_v2"),
        &shown(Some(scores.max_box_acc_v2)),
    );
    line(text, "wsoleval", CENTRE, &percent(centre.mean));
    line(
        text,
        "wsoleval",
        "  floor: the whole map",
        &percent(whole.mean),
    );
    for (i, contours) in scores.all_contours.iter().enumerate() {
        let name = format!("  all contours                           {}", at(contours));
        line(text, "wsoleval", &name, &shown(Some(contours.accuracy)));
        line(text, "wsoleval", CENTRE, &shown(centre.accuracy[i]));
    }
}

fn masks_block(text: &mut String, masks: &MaskScores) {
    let _ = writeln!(text, "\n {} photos with masks", masks.images);
    line(
        text,
        "masks",
        named("mask_iou"),
        &shown(Some(masks.mask_iou)),
    );
    line(
        text,
        "masks",
        "  floor: the whole photo",
        &percent(masks.whole_image),
    );
    line(
        text,
        "masks",
        "  floor: centred ellipse of 0.8 x each side",
        &percent(masks.centre_ellipse),
    );
    line(
        text,
        "masks",
        named("pixel_accuracy"),
        &shown(Some(masks.pixel_accuracy)),
    );
    line(
        text,
        "masks",
        "  floor: an empty mask",
        &percent(masks.empty_mask),
    );
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
