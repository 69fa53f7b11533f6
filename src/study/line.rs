//! A line of a study: one pipeline with one model, scored.

use serde::Serialize;

use super::diagnosis::Diagnosis;
use super::entries::StudyEntry;
use super::worker::StudyResult;
use crate::classifier::{ClassifierError, ModelDescription};
use crate::dataset::Dataset;
use crate::localiser::tuned_on;
use crate::score::{
    IOU_THRESHOLD, MapOutcome, MapScores, Metrics, Outcome, Paired, PairedHit, Predicted, Rate,
    Steps,
};
use crate::stage::{Stage, StageTimes};

/// One pipeline with one model.
#[derive(Clone, Debug, Serialize)]
pub struct StudyLine {
    /// The row's name, followed by the values that it varies.
    pub name: String,
    /// The model's name.
    pub model: String,
    /// The result that was published for the saliency method.
    pub published: Option<&'static str>,
    /// The split on which the pipeline's values were chosen.
    pub tuned_on: String,
    /// The share of photos whose box is right, given the true class; weighted where the photos have
    /// weights.
    pub gt_known_accuracy: Option<Rate>,
    /// The same without weights.
    pub gt_known_accuracy_unweighted: Option<Rate>,
    /// The same with IoU ≥ 0.7, weighted.
    pub gt_known_accuracy_iou_70: Option<Rate>,
    /// The mean IoU, weighted.
    pub mean_iou: Option<Rate>,
    /// The share of photos for which none of five guesses has the right class and a right box,
    /// weighted.
    pub top5_localisation_error: Option<Rate>,
    /// MaxBoxAccV2 of the map (wsolevaluation, step 0.01), whatever the box rule, over the photos
    /// that did not fail.
    pub max_box_acc_v2: Option<Rate>,
    /// The comparison, photo by photo, with the centred box of half the area.
    pub against_floor: Option<Paired>,
    /// The comparison with the row that the study names, with the same model.
    pub against: Option<Against>,
    /// What the stages of a cut or a threshold contribute.
    pub diagnosis: Diagnosis,
    /// The mean CPU time per photo by stage, in milliseconds, as if the pipeline ran alone. It is a
    /// measurement, and differs from run to run.
    pub cpu_ms_per_photo: Vec<(Stage, f64)>,
    /// The number of photos that failed.
    pub failed: usize,
    #[serde(skip)]
    outcomes: Vec<Outcome>,
}

/// A comparison with another row.
#[derive(Clone, Debug, Serialize)]
pub struct Against {
    /// The other row's name.
    pub name: String,
    /// The paired difference.
    #[serde(flatten)]
    pub paired: Paired,
}

impl StudyLine {
    /// Scores an entry. `results` has one item per photo of the dataset, `None` where it failed.
    ///
    /// # Errors
    /// [`ClassifierError`] if the head of the entry's pipeline cannot be read.
    pub(super) fn new(
        entry: &StudyEntry,
        description: &ModelDescription,
        dataset: &Dataset,
        results: &[Option<&StudyResult>],
    ) -> Result<Self, ClassifierError> {
        let outcomes = outcomes(dataset, results);
        let weighted = Metrics::new(&outcomes, true, |outcome| outcome.weight);
        let unweighted = Metrics::new(&outcomes, true, |_| 1.0);
        let succeeded: Vec<&StudyResult> = results.iter().copied().flatten().collect();
        let maps: Vec<MapOutcome> = succeeded
            .iter()
            .filter_map(|result| result.map.clone())
            .collect();
        let map_scores = MapScores::from_outcomes(&maps, Steps::Hundred);
        let diagnoses: Vec<Diagnosis> = succeeded.iter().map(|result| result.diagnosis).collect();
        let mut times = StageTimes::default();
        for result in &succeeded {
            times.add(&result.times);
        }
        let pipeline = &entry.pipeline;
        Ok(Self {
            name: entry.name.clone(),
            model: description.name.clone(),
            published: pipeline
                .saliency
                .as_ref()
                .map(|saliency| saliency.method.published),
            tuned_on: tuned_on(pipeline, description, dataset)?,
            gt_known_accuracy: weighted.gt_known_accuracy,
            gt_known_accuracy_unweighted: unweighted.gt_known_accuracy,
            gt_known_accuracy_iou_70: weighted.gt_known_accuracy_iou_70,
            mean_iou: weighted.mean_iou,
            top5_localisation_error: weighted.top5_localisation_error,
            max_box_acc_v2: map_scores.wsoleval.map(|boxes| boxes.scores.max_box_acc_v2),
            against_floor: paired(&outcomes, |i| outcomes[i].centre_box_is_correct),
            against: None,
            diagnosis: Diagnosis::mean(&diagnoses),
            cpu_ms_per_photo: times.per_photo(succeeded.len()),
            failed: results.len() - succeeded.len(),
            outcomes,
        })
    }
}

/// The outcome of each photo; a photo that failed is wrong in everything.
fn outcomes(dataset: &Dataset, results: &[Option<&StudyResult>]) -> Vec<Outcome> {
    let failed = Predicted {
        guesses: vec![],
        failed: true,
    };
    let photos = dataset.photos.iter().zip(results);
    photos
        .map(|(photo, result)| {
            Outcome::new(photo, result.map_or(&failed, |result| &result.predicted))
        })
        .collect()
}

/// Compares outcomes, photo by photo, with those of another method. `other` says whether the other
/// method is right on the photo of this index; `None` if it is not known for any photo that counts.
fn paired(outcomes: &[Outcome], other: impl Fn(usize) -> Option<bool>) -> Option<Paired> {
    let mut pairs = Vec::new();
    for (i, outcome) in outcomes.iter().enumerate() {
        if outcome.counts_in_localisation {
            pairs.push(PairedHit {
                weight: outcome.weight,
                a: other(i)?,
                b: outcome.iou_at_least(IOU_THRESHOLD),
            });
        }
    }
    Paired::from_hits(&pairs)
}

/// Compares each line with the line of the row `name` with the same model.
pub(super) fn compare_with(name: &str, lines: &mut [StudyLine]) {
    let references: Vec<StudyLine> = lines
        .iter()
        .filter(|line| line.name == name)
        .cloned()
        .collect();
    for line in lines.iter_mut().filter(|line| line.name != name) {
        let same_model = |reference: &&StudyLine| reference.model == line.model;
        let Some(reference) = references.iter().find(same_model) else {
            continue;
        };
        let right = |i: usize| reference.outcomes[i].iou.map(|iou| iou >= IOU_THRESHOLD);
        line.against = paired(&line.outcomes, right).map(|paired| Against {
            name: name.into(),
            paired,
        });
    }
}
