//! The table of a study, in Markdown: to be read in a terminal and pasted into a document.

use std::fmt::Write;

use super::diagnosis::Diagnosis;
use super::findings::Findings;
use super::line::StudyLine;
use crate::score::{Paired, Rate};

/// The findings as Markdown: a table of scores and, where there are cuts or thresholds, a table of
/// their stages.
#[must_use]
pub fn table(findings: &Findings) -> String {
    let mut text = String::new();
    write_title(&mut text, findings);
    write_scores(&mut text, findings);
    write_stages(&mut text, &findings.lines);
    let failed: usize = findings.lines.iter().map(|line| line.failed).sum();
    if failed > 0 {
        let _ = writeln!(
            text,
            "\nOver all rows, {failed} photos failed; they are counted as wrong."
        );
    }
    text
}

fn write_title(text: &mut String, findings: &Findings) {
    let Findings {
        title,
        dataset,
        images,
        ..
    } = findings;
    let weights = if findings.weighted { ", weighted" } else { "" };
    let _ = write!(
        text,
        "## {title}\n\n{dataset}: {images} photos{weights}; true class known; percent, with 95 % \
         intervals"
    );
    if let Some(list) = &findings.chosen_on {
        let _ = write!(text, "; varied values were chosen on {list}");
    }
    *text += "\n\n";
}

fn write_scores(text: &mut String, findings: &Findings) {
    *text += "| pipeline | model | GT-known | against the centred box of half the area |";
    if let Some(against) = &findings.against {
        let _ = write!(text, " against {against} |");
    }
    *text += " mean IoU | IoU ≥ 0.7 | MaxBoxAccV2 of the map | CPU ms |\n|---|---|---|---|";
    if findings.against.is_some() {
        *text += "---|";
    }
    *text += "---|---|---|---|\n";
    for line in &findings.lines {
        let _ = write!(
            text,
            "| {} | {} | {} | {} |",
            line.name,
            line.model,
            interval(line.gt_known_accuracy),
            difference(line.against_floor)
        );
        if findings.against.is_some() {
            let paired = line.against.as_ref().map(|against| against.paired);
            let _ = write!(text, " {} |", difference(paired));
        }
        let _ = writeln!(
            text,
            " {} | {} | {} | {:.0} |",
            value(line.mean_iou),
            value(line.gt_known_accuracy_iou_70),
            value(line.max_box_acc_v2),
            // An empty sum is −0.
            line.cpu_ms_per_photo.iter().map(|(_, ms)| ms).sum::<f64>() + 0.0
        );
    }
}

/// What the stages contribute, with the true boxes in the place of the objects.
fn write_stages(text: &mut String, lines: &[StudyLine]) {
    let has_stages = |line: &&StudyLine| line.diagnosis != Diagnosis::default();
    let lines: Vec<&StudyLine> = lines.iter().filter(has_stages).collect();
    if lines.is_empty() {
        return;
    }
    *text += "\nStages, percent of pixels, the true boxes taken for the objects:\n\n\
        | pipeline | model | foreground seeds inside | background seeds outside | mask inside \
        | boxes covered by mask | component inside | boxes covered by component |\n\
        |---|---|---|---|---|---|---|---|\n";
    for StudyLine {
        name,
        model,
        diagnosis,
        ..
    } in lines
    {
        let shares = [
            diagnosis.foreground_inside,
            diagnosis.background_outside,
            diagnosis.mask_precision,
            diagnosis.mask_recall,
            diagnosis.component_precision,
            diagnosis.component_recall,
        ];
        let cells =
            shares.map(|share| share.map_or("-".into(), |share| format!("{:.1}", share * 100.0)));
        let _ = writeln!(text, "| {name} | {model} | {} |", cells.join(" | "));
    }
}

/// A rate in per cent, with its interval.
fn interval(rate: Option<Rate>) -> String {
    let Some(Rate { value, low, high }) = rate else {
        return "-".into();
    };
    format!(
        "**{:.1}** ({:.1} to {:.1})",
        value * 100.0,
        low * 100.0,
        high * 100.0
    )
}

/// A rate in per cent.
fn value(rate: Option<Rate>) -> String {
    rate.map_or("-".into(), |rate| format!("{:.1}", rate.value * 100.0))
}

/// The paired difference in points, the photos won and lost, and the p value of McNemar's test.
fn difference(paired: Option<Paired>) -> String {
    let Some(Paired {
        difference,
        won,
        lost,
        p,
        ..
    }) = paired
    else {
        return "-".into();
    };
    let [value, low, high] =
        [difference.value, difference.low, difference.high].map(|share| share * 100.0);
    let p = if p < 0.001 {
        "p < .001".into()
    } else {
        format!("p = {p:.3}")
    };
    format!("{value:+.1} ({low:+.1} to {high:+.1}), {won}:{lost}, {p}")
}
