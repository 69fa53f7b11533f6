//! A line of a study: one pipeline with one model, scored.

use serde::Serialize;

use super::worker::StudyResult;
use super::{Diagnosis, StudyEntry};
use crate::classifier::ModelDescription;
use crate::dataset::Dataset;
use crate::stage::{Stage, StageTimes};
use crate::score::{
    IOU_THRESHOLD, MapOutcome, MapScores, Metrics, Outcome, Paired, Predicted, Rate, Steps,
};

/// One pipeline with one model.
#[derive(Clone, Debug, Serialize)]
pub struct StudyLine {
    /// The row.
    pub name: String,
    /// The model.
    pub model: String,
    /// What its saliency method reached in print.
    pub published: Option<&'static str>,
    /// Where its numbers were chosen.
    pub tuned_on: String,
    /// The share of photos whose box is right, the true class known, weighted where the photos have
    /// weights.
    pub gt_known_accuracy: Option<Rate>,
    /// The same without weights.
    pub gt_known_accuracy_unweighted: Option<Rate>,
    /// The same with IoU ≥ 0.7, weighted.
    pub gt_known_accuracy_iou_70: Option<Rate>,
    /// Mean IoU, weighted.
    pub mean_iou: Option<Rate>,
    /// Share of photos without the right class and box among five guesses, weighted.
    pub top5_localisation_error: Option<Rate>,
    /// MaxBoxAccV2 of the map (wsolevaluation, step 0.01), no matter how the box is made; of the
    /// photos that did not fail.
    pub max_box_acc_v2: Option<Rate>,
    /// Against the centred box of half the area, photo by photo.
    pub against_floor: Option<Paired>,
    /// Against the study's chosen row with the same model.
    pub against: Option<Against>,
    /// What the stages of a cut or a threshold are worth.
    pub diagnosis: Diagnosis,
    /// Mean CPU milliseconds a photo by stage, as if the pipeline ran alone; not part of the
    /// results.
    pub cpu_ms_per_photo: Vec<(Stage, f64)>,
    /// How many photos failed.
    pub failed: usize,
    #[serde(skip)]
    outcomes: Vec<Outcome>,
}

/// A comparison with another row.
#[derive(Clone, Debug, Serialize)]
pub struct Against {
    /// The other row.
    pub name: String,
    /// The paired difference.
    #[serde(flatten)]
    pub paired: Paired,
}

/// The lines of one model. `found` has for each photo what each entry found; nothing where it
/// failed.
pub(super) fn lines(
    dataset: &Dataset,
    description: &ModelDescription,
    entries: &[StudyEntry],
    found: &[Vec<Option<StudyResult>>],
) -> Vec<StudyLine> {
    let line = |(i, entry): (usize, &StudyEntry)| {
        let of_entry: Vec<Option<&StudyResult>> = found.iter().map(|photo| photo[i].as_ref()).collect();
        let failed = Predicted {
            guesses: vec![],
            failed: true,
        };
        let predicted = of_entry
            .iter()
            .map(|found| found.map_or(&failed, |found| &found.predicted));
        let outcomes: Vec<_> = dataset
            .photos
            .iter()
            .zip(predicted)
            .map(|(photo, p)| Outcome::of(photo, p))
            .collect();
        let weighted = Metrics::of(&outcomes, true, |outcome| outcome.weight);
        let maps: Vec<MapOutcome> = of_entry
            .iter()
            .flatten()
            .filter_map(|found| found.map.clone())
            .collect();
        let diagnoses: Vec<_> = of_entry
            .iter()
            .flatten()
            .map(|found| found.diagnosis)
            .collect();
        let mut times = StageTimes::default();
        of_entry
            .iter()
            .flatten()
            .for_each(|found| times.add(&found.times));
        StudyLine {
            name: entry.name.clone(),
            model: description.name.clone(),
            published: entry
                .pipeline
                .saliency
                .as_ref()
                .map(|saliency| saliency.method.published),
            tuned_on: entry.pipeline.tuned_on.split.clone(),
            gt_known_accuracy: weighted.gt_known_accuracy,
            gt_known_accuracy_unweighted: Metrics::of(&outcomes, true, |_| 1.0).gt_known_accuracy,
            gt_known_accuracy_iou_70: weighted.gt_known_accuracy_iou_70,
            mean_iou: weighted.mean_iou,
            top5_localisation_error: weighted.top5_localisation_error,
            max_box_acc_v2: MapScores::of(&maps, Steps::Hundred)
                .wsoleval
                .map(|boxes| boxes.scores.max_box_acc_v2),
            against_floor: paired(&outcomes, |i| outcomes[i].centre),
            against: None,
            diagnosis: Diagnosis::mean(&diagnoses),
            cpu_ms_per_photo: times.per_photo(diagnoses.len()),
            failed: of_entry.iter().filter(|found| found.is_none()).count(),
            outcomes,
        }
    };
    entries.iter().enumerate().map(line).collect()
}

/// The outcomes against what another method got right at the same places.
fn paired(outcomes: &[Outcome], other: impl Fn(usize) -> Option<bool>) -> Option<Paired> {
    let localised = outcomes
        .iter()
        .enumerate()
        .filter(|(_, outcome)| outcome.localised);
    let pairs: Option<Vec<_>> = localised
        .map(|(i, outcome)| Some((outcome.weight, other(i)?, outcome.iou_at_least(IOU_THRESHOLD))))
        .collect();
    Paired::of(&pairs?)
}

/// The lines, each compared with that of the row `against` and the same model.
pub(super) fn compared(mut lines: Vec<StudyLine>, against: Option<&str>) -> Vec<StudyLine> {
    let Some(name) = against else { return lines };
    let references: Vec<_> = lines
        .iter()
        .filter(|line| line.name == name)
        .cloned()
        .collect();
    for line in lines.iter_mut().filter(|line| line.name != name) {
        let Some(reference) = references
            .iter()
            .find(|reference| reference.model == line.model)
        else {
            continue;
        };
        let right = |i: usize| reference.outcomes[i].iou.map(|iou| iou >= IOU_THRESHOLD);
        line.against = paired(&line.outcomes, right).map(|paired| Against {
            name: name.into(),
            paired,
        });
    }
    lines
}
