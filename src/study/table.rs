//! The table of a study, in Markdown: to be read in a terminal and pasted into a document.

use std::fmt::Write;

use super::{Diagnosis, Findings, StudyLine};
use crate::score::{Paired, Rate};

/// The findings as Markdown tables: scores, then, where there are any, the stages of cuts and
/// thresholds.
#[must_use]
pub fn table(findings: &Findings) -> String {
    let Findings {
        title,
        dataset,
        images,
        weighted,
        against,
        lines,
        chosen_on,
    } = findings;
    let weights = if *weighted { ", weighted" } else { "" };
    let chosen = chosen_on.as_ref().map_or(String::new(), |on| {
        format!("; varied values were chosen on {on}")
    });
    let mut text = format!(
        "## {title}\n\n{dataset}: {images} photos{weights}; true class known; percent, with 95 % intervals{chosen}"
    );
    text += "\n\n| pipeline | model | GT-known | against the centred box of half the area |";
    if let Some(against) = against {
        let _ = write!(text, " against {against} |");
    }
    text += " mean IoU | IoU ≥ 0.7 | MaxBoxAccV2 of the map | CPU ms |\n|---|---|---|---|";
    text += if against.is_some() { "---|" } else { "" };
    text += "---|---|---|---|\n";
    for line in lines {
        let StudyLine {
            name,
            model,
            gt_known_accuracy,
            against_floor,
            mean_iou,
            max_box_acc_v2,
            ..
        } = line;
        let _ = write!(
            text,
            "| {name} | {model} | {} | {} |",
            interval(*gt_known_accuracy),
            flips(*against_floor)
        );
        if against.is_some() {
            let _ = write!(
                text,
                " {} |",
                flips(line.against.as_ref().map(|against| against.paired))
            );
        }
        let (best, ms) = (
            value(line.gt_known_accuracy_iou_70),
            line.cpu_ms_per_photo.iter().map(|(_, ms)| ms).sum::<f64>(),
        );
        let _ = writeln!(
            text,
            " {} | {best} | {} | {ms:.0} |",
            value(*mean_iou),
            value(*max_box_acc_v2)
        );
    }
    stages(&mut text, lines);
    let failed: usize = lines.iter().map(|line| line.failed).sum();
    if failed > 0 {
        let _ = writeln!(
            text,
            "\n{failed} photos failed in all, and counted as wrong."
        );
    }
    text
}

/// What the stages are worth, with the true boxes in the place of the objects.
fn stages(text: &mut String, lines: &[StudyLine]) {
    let staged: Vec<_> = lines
        .iter()
        .filter(|line| line.diagnosis != Diagnosis::default())
        .collect();
    if staged.is_empty() {
        return;
    }
    *text += "\nStages, percent of pixels, the true boxes taken for the objects:\n\n\
        | pipeline | model | foreground seeds inside | background seeds outside | mask inside | boxes covered by mask \
        | component inside | boxes covered by component |\n|---|---|---|---|---|---|---|---|\n";
    for StudyLine {
        name,
        model,
        diagnosis,
        ..
    } in staged
    {
        let Diagnosis {
            foreground_inside,
            background_outside,
            mask_precision,
            mask_recall,
            ..
        } = *diagnosis;
        let shares = [
            foreground_inside,
            background_outside,
            mask_precision,
            mask_recall,
            diagnosis.component_precision,
            diagnosis.component_recall,
        ];
        let cells =
            shares.map(|share| share.map_or("-".into(), |share| format!("{:.1}", share * 100.0)));
        let _ = writeln!(text, "| {name} | {model} | {} |", cells.join(" | "));
    }
}

fn interval(rate: Option<Rate>) -> String {
    rate.map_or("-".into(), |Rate { value, low, high }| {
        format!(
            "**{:.1}** ({:.1} to {:.1})",
            value * 100.0,
            low * 100.0,
            high * 100.0
        )
    })
}

fn value(rate: Option<Rate>) -> String {
    rate.map_or("-".into(), |rate| format!("{:.1}", rate.value * 100.0))
}

/// The paired difference, the photos won and lost, and McNemar's p.
fn flips(paired: Option<Paired>) -> String {
    paired.map_or(
        "-".into(),
        |Paired {
             difference: Rate { value, low, high },
             won,
             lost,
             p,
             ..
         }| {
            let [value, low, high] = [value, low, high].map(|share| share * 100.0);
            let chance = if p < 0.001 {
                "p < .001".into()
            } else {
                format!("p = {p:.3}")
            };
            format!("{value:+.1} ({low:+.1} to {high:+.1}), {won}:{lost}, {chance}")
        },
    )
}
