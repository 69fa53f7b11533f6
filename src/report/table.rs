//! The summary block: fixed lines, to be read and pasted. The profile stands on every number.

use std::fmt::Write;

use super::Summary;
use crate::score::{BoxScores, Floors, MapScores, MaskScores, Metrics, Rate};

/// The summary as text. Metrics and floors stand together, so that no score is read without what it must beat.
#[must_use]
pub fn table(summary: &Summary) -> String {
    let Summary { program, dataset, images, images_in_dataset, profile, failed, .. } = summary;
    let of = if images == images_in_dataset { String::new() } else { format!(" of {images_in_dataset}") };
    let mut text = format!("{program}   {dataset}   {images}{of} images");
    match &summary.run {
        Some(run) => {
            let (hash, tuned_on) = (&run.model_sha256[..8], &run.tuned_on);
            let _ = writeln!(text, "   pipeline {}   model {} {hash}", run.pipeline, run.model);
            let _ = writeln!(text, "profile {profile}   {}   tuned on: {tuned_on}", run.crops);
        }
        None => {
            let _ = writeln!(text, "\nprofile {profile}");
        }
    }
    if let Some(boxes) = &summary.boxes {
        boxes_block(&mut text, profile, boxes);
    }
    if let Some(maps) = &summary.maps {
        maps_block(&mut text, maps);
    }
    if let Some(masks) = &summary.masks {
        masks_block(&mut text, masks);
    }
    let _ = writeln!(text, "\n {} of {images} scored, {failed} failed{}", images - failed, failed_note(summary));
    if summary.run.is_some() {
        let times: Vec<_> = summary.cpu_ms_per_photo.iter().map(|(stage, ms)| format!("{stage} {ms:.1}")).collect();
        let total: f64 = summary.cpu_ms_per_photo.iter().map(|(_, ms)| ms).sum();
        let _ = writeln!(text, " CPU ms per photo: {} = {total:.1}", times.join(" + "));
    }
    for note in &summary.notes {
        let _ = writeln!(text, " note: {note}");
    }
    text
}

fn failed_note(summary: &Summary) -> &'static str {
    match (summary.failed, &summary.run) {
        (0, _) => "",
        (_, Some(_)) => " and counted as wrong (failures.jsonl)",
        (_, None) => " or missing, and counted as wrong",
    }
}

fn line(text: &mut String, profile: &str, name: &str, value: &str) {
    let _ = writeln!(text, " {profile:<8} {name:<64} = {value}");
}

fn boxes_block(text: &mut String, profile: &str, boxes: &BoxScores) {
    if let Some(weighted) = &boxes.weighted {
        metrics_block(text, profile, "weighted", &weighted.metrics, &weighted.floors);
    }
    let heading = if boxes.weighted.is_some() { "unweighted" } else { "" };
    metrics_block(text, profile, heading, &boxes.metrics, &boxes.floors);
    if let Some(errors) = &boxes.errors
        && let Some(all) = errors.localisation_error_no_blacklist
        && errors.photos_localised < errors.photos_boxed
    {
        let (counted, boxed) = (errors.photos_localised, errors.photos_boxed);
        let _ = writeln!(text, "\n without the blacklist: {boxed} photos in place of {counted}");
        line(text, profile, "Localisation error     top-1             [ IoU >= 0.50 ]", &percent(all[0]));
        line(text, profile, "Localisation error     top-5             [ IoU >= 0.50 ]", &percent(all[4]));
    }
    let sizes = boxes.by_size.iter().filter(|group| group.gt_known_accuracy.is_some());
    let mut heading = "\n by the size of the largest true box\n";
    for group in sizes {
        let name = format!("Localisation accuracy  {}  ({} photos)", group.name, group.images);
        let _ = write!(text, "{}", std::mem::take(&mut heading));
        line(text, profile, &name, &percent(group.gt_known_accuracy.unwrap_or_default()));
    }
}

fn metrics_block(text: &mut String, profile: &str, heading: &str, metrics: &Metrics, floors: &Floors) {
    let _ = writeln!(text, "{}", if heading.is_empty() { String::new() } else { format!("\n {heading}") });
    let lines = [
        ("Localisation accuracy  true class known  [ IoU >= 0.50 ]", metrics.gt_known_accuracy),
        ("  floor: centred box of half the area", floors.centre_half_area.gt_known_accuracy),
        ("  floor: the same, edges rounded to pixels", floors.centre_half_area_rounded.gt_known_accuracy),
        ("  floor: centred box of 0.8 x each side", floors.centre_four_fifths.gt_known_accuracy),
        ("  floor: the whole photo", floors.whole_image.gt_known_accuracy),
        ("Localisation accuracy  true class known  [ IoU >= 0.30 ]", metrics.gt_known_accuracy_iou_30),
        ("Localisation accuracy  true class known  [ IoU >= 0.70 ]", metrics.gt_known_accuracy_iou_70),
        ("CorLoc                 mean over classes [ IoU >= 0.50 ]", metrics.corloc),
        ("Mean IoU               true class known", metrics.mean_iou),
        ("Localisation error     top-1             [ IoU >= 0.50 ]", metrics.top1_localisation_error),
        ("Localisation error     top-5             [ IoU >= 0.50 ]", metrics.top5_localisation_error),
        ("Classification error   top-1", metrics.top1_classification_error),
        ("Classification error   top-5", metrics.top5_classification_error),
        ("Box right              class in top 5", metrics.box_given_top5),
    ];
    for (name, rate) in lines {
        line(text, profile, name, &shown(rate));
    }
}

fn maps_block(text: &mut String, maps: &MapScores) {
    if let Some(boxes) = &maps.wsoleval {
        let step = boxes.scores.step.threshold(1);
        let _ = writeln!(text, "\n the best threshold on these photos, an oracle (step {step})");
        let name = format!(
            "MaxBoxAcc (V1)         largest contour   [ IoU >= 0.50, at {:.3} ]",
            boxes.scores.single_contour[1].threshold
        );
        line(text, "wsoleval", &name, &shown(Some(boxes.scores.max_box_acc)));
        line(text, "wsoleval", "  floor: centred box of half the area, rounded", &shown(boxes.centre_half_area));
        line(text, "wsoleval", "  floor: the whole map", &shown(boxes.whole_image));
        line(
            text,
            "wsoleval",
            "MaxBoxAccV2            all contours, mean over IoU",
            &shown(Some(boxes.scores.max_box_acc_v2)),
        );
        for at in &boxes.scores.all_contours {
            let name =
                format!("  all contours                           [ IoU >= {:.2}, at {:.3} ]", at.iou, at.threshold);
            line(text, "wsoleval", &name, &shown(Some(at.accuracy)));
        }
    }
    if let Some(pxap) = &maps.pxap {
        let _ = writeln!(text);
        let name = format!("PxAP                   step {}", pxap.step.threshold(1));
        line(text, "wsoleval", &name, &shown(Some(pxap.pxap)));
        line(text, "wsoleval", "  floor: a constant map", &percent(pxap.constant_map));
    }
    if let Some(games) = &maps.pointing {
        let _ = writeln!(text);
        line(text, "pointing", "Pointing game          mean over classes [ 15 pixels ]", &shown(Some(games.pointing)));
        line(text, "pointing", "  floor: the photo's centre", &percent(games.centre));
        if games.pointing_difficult.is_some() {
            line(text, "pointing", "Pointing game          difficult photos", &shown(games.pointing_difficult));
        }
        if games.energy.is_some() {
            line(text, "ebpg", "Energy pointing game   share inside the boxes", &shown(games.energy));
            line(text, "ebpg", "  floor: a constant map", &shown(games.constant_map));
        }
    }
}

fn masks_block(text: &mut String, masks: &MaskScores) {
    let _ = writeln!(text);
    line(text, "masks", "Mean IoU of masks", &shown(Some(masks.mask_iou)));
    line(text, "masks", "  floor: the whole photo", &percent(masks.whole_image));
    line(text, "masks", "  floor: centred ellipse of 0.8 x each side", &percent(masks.centre_ellipse));
    line(text, "masks", "Pixel accuracy", &shown(Some(masks.pixel_accuracy)));
}

fn percent(share: f64) -> String {
    format!("{:5.1} %", share * 100.0)
}

fn shown(rate: Option<Rate>) -> String {
    match rate {
        None => "   -".into(),
        Some(Rate { value, low, high }) => {
            format!("{}  ({:.1} to {:.1})", percent(value), low * 100.0, high * 100.0)
        }
    }
}
