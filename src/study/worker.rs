//! One photo through all pipelines of a study.

use image::RgbImage;

use super::diagnosis::Diagnosis;
use super::entries::StudyEntry;
use super::plan::{Plan, SharedObservation};
use crate::classifier::{self, Classifier};
use crate::dataset::{Jpeg, Photo};
use crate::geometry::Size;
use crate::localiser::{Classes, Observation, Question, catch_panic, locate_class, read_photo};
use crate::random::seed_of_class;
use crate::saliency::{Saliency, View};
use crate::score::{Guess, Label, MAP_SIZE, MapOutcome, Predicted, Steps, TrueMasks};
use crate::segment::{Energy, Subject};
use crate::stage::{Stage, StageClock, StageTimes};

/// What one pipeline found in one photo.
#[derive(Clone, Debug)]
pub(super) struct StudyResult {
    pub(super) predicted: Predicted,
    /// The outcome of the saliency map by itself, where there is a map.
    pub(super) map: Option<MapOutcome>,
    pub(super) diagnosis: Diagnosis,
    /// The CPU time by stage, as if the pipeline ran alone.
    pub(super) times: StageTimes,
}

/// What is scored of each photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// Boxes, which is enough to choose among pipelines.
    BoxesOnly,
    /// Boxes, saliency maps, and the stages of the box rule.
    Full,
}

/// One thread's sessions and energies.
pub(super) struct StudyWorker<'a> {
    classifiers: Vec<classifier::Worker<'a>>,
    plan: &'a Plan,
    entries: &'a [StudyEntry],
    /// For each entry, its energy, where it has a cut.
    energies: Vec<Option<Energy>>,
    detail: Detail,
}

/// A photo and its pixels.
struct LoadedPhoto<'p> {
    photo: &'p Photo,
    picture: RgbImage,
}

/// What the pipelines that share a map find their boxes in.
struct MapInput<'p> {
    loaded: &'p LoadedPhoto<'p>,
    observation: &'p Observation,
    saliency: Option<&'p Saliency>,
    map_outcome: Option<MapOutcome>,
}

impl<'a> StudyWorker<'a> {
    pub(super) fn new(
        classifiers: &'a [Classifier],
        plan: &'a Plan,
        entries: &'a [StudyEntry],
        detail: Detail,
    ) -> Self {
        Self {
            classifiers: classifiers.iter().map(Classifier::worker).collect(),
            plan,
            entries,
            energies: entries
                .iter()
                .map(|entry| entry.pipeline.box_rule().energy())
                .collect(),
            detail,
        }
    }

    /// The result of each entry, in their order; `None` where it failed, with a warning.
    pub(super) fn process_photo(&mut self, photo: &Photo) -> Vec<Option<StudyResult>> {
        let mut results = vec![None; self.entries.len()];
        let attempt = catch_panic(|| self.observe_all(photo, &mut results));
        if let Err(reason) = attempt.map_err(|error| error.reason).flatten() {
            tracing::warn!("{}: {reason}", photo.id);
        }
        results
    }

    fn observe_all(
        &mut self,
        photo: &Photo,
        results: &mut [Option<StudyResult>],
    ) -> Result<(), String> {
        let mut clock = StageClock::start();
        let picture = read_photo(photo, Jpeg::Strict).map_err(|error| error.reason)?;
        clock.end(Stage::Decode);
        let loaded = LoadedPhoto { photo, picture };
        for shared in &self.plan.observations {
            // A photo that cannot be used in one view may be usable in another.
            if let Err(reason) = self.observe(shared, &loaded, clock.fork(), results) {
                tracing::warn!("{}: {reason}", photo.id);
            }
        }
        Ok(())
    }

    /// Shows the photo to a classifier, and fills in the results of all pipelines that share the
    /// answer.
    fn observe(
        &mut self,
        shared: &SharedObservation,
        loaded: &LoadedPhoto<'_>,
        mut clock: StageClock,
        results: &mut [Option<StudyResult>],
    ) -> Result<(), String> {
        let photo = loaded.photo;
        let worker = &mut self.classifiers[shared.classifier];
        let (size, canvas) = (worker.description().size, worker.description().canvas);
        let view = View::new(&loaded.picture, &shared.view, size, canvas)?;
        clock.end(Stage::View);
        let question = Question {
            saliency: shared.maps.first().and_then(|map| map.saliency.as_ref()),
            truth: photo.class,
            classes: Classes::Gt,
            asked: None,
            rng_seed: 0,
            id: &photo.id,
        };
        let observation = Observation::new(worker, view, &question).map_err(|e| e.to_string())?;
        clock.end(Stage::Network);
        for map in &shared.maps {
            let mut map_clock = clock.fork();
            let saliency = match &map.saliency {
                Some(options) => Some(
                    observation
                        .saliency(0, options)
                        .map_err(|e| e.to_string())?,
                ),
                None => None,
            };
            map_clock.end(Stage::Saliency);
            let input = MapInput {
                loaded,
                observation: &observation,
                saliency: saliency.as_ref(),
                map_outcome: self.map_outcome(photo, saliency.as_ref()),
            };
            for &entry in &map.entries {
                results[entry] = Some(self.locate(entry, &input, map_clock.fork()));
            }
        }
        Ok(())
    }

    fn map_outcome(&self, photo: &Photo, saliency: Option<&Saliency>) -> Option<MapOutcome> {
        if self.detail == Detail::BoxesOnly {
            return None;
        }
        let scores = saliency?.score_map(MAP_SIZE).mapv(f64::from);
        Some(MapOutcome::new(
            scores.view(),
            photo,
            TrueMasks::default(),
            Steps::Hundred,
        ))
    }

    /// Finds the box of one entry.
    fn locate(&mut self, entry: usize, input: &MapInput<'_>, mut clock: StageClock) -> StudyResult {
        let LoadedPhoto { photo, picture } = input.loaded;
        let (frame, class) = (&input.observation.view.frame, input.observation.classes[0]);
        let mut energy = self.energies[entry].as_mut();
        if let Some(energy) = &mut energy {
            energy.set_photo(frame);
        }
        let pipeline = &self.entries[entry].pipeline;
        let evidence = input.observation.evidence(pipeline);
        let subject = Subject {
            frame,
            photo: Size::from_picture(picture),
            evidence: evidence.as_ref(),
            // A study finds the boxes that a run finds whose seed is 0.
            rng_seed: seed_of_class(0, &photo.id, class),
        };
        let (localisation, stages) =
            locate_class(pipeline, energy, &subject, input.saliency, &mut |_| {});
        clock.end(Stage::Box);
        let ranking = &input.observation.ranking;
        let guess = Guess {
            label: Label::Class(class),
            rank: ranking.iter().position(|&ranked| ranked == class),
            bbox: Some(localisation.bbox),
            confidence: None,
        };
        let diagnosis = match self.detail {
            Detail::BoxesOnly => Diagnosis::default(),
            Detail::Full => Diagnosis::new(photo, subject.photo, &stages),
        };
        StudyResult {
            predicted: Predicted {
                guesses: vec![guess],
                failed: false,
            },
            map: input.map_outcome.clone(),
            diagnosis,
            times: clock.into_times(),
        }
    }
}
