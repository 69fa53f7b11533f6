//! One photo through all pipelines of a study.

use image::RgbImage;

use super::StudyEntry;
use super::diagnosis::Diagnosis;
use super::plan::{Look, Plan, SharedMap};
use crate::classifier::{self, Classifier};
use crate::dataset::{Jpeg, Photo};
use crate::random::seed_of_class;
use crate::geometry::Size;
use crate::localiser::{Classes, Observation, Question, catch_panic, locate_class, read_photo};
use crate::stage::{Stage, StageClock, StageTimes};
use crate::saliency::{Saliency, View};
use crate::score::{Guess, Label, MAP_SIZE, MapOutcome, Predicted, Steps};
use crate::segment::{Energy, Subject};

/// What one pipeline found in one photo.
#[derive(Clone, Debug)]
pub(super) struct StudyResult {
    pub(super) predicted: Predicted,
    /// What its map says by itself, where it has one.
    pub(super) map: Option<MapOutcome>,
    pub(super) diagnosis: Diagnosis,
    /// CPU by stage, as if the pipeline ran alone.
    pub(super) times: StageTimes,
}

/// One thread's sessions and energies.
pub(super) struct StudyWorker<'a> {
    classifiers: Vec<classifier::Worker<'a>>,
    plan: &'a Plan,
    entries: &'a [StudyEntry],
    energies: Vec<Option<Energy>>,
    /// Whether maps and stages are scored too, not only boxes.
    thorough: bool,
}

impl<'a> StudyWorker<'a> {
    pub(super) fn new(
        classifiers: &'a [Classifier],
        plan: &'a Plan,
        entries: &'a [StudyEntry],
        thorough: bool,
    ) -> Self {
        let energies = entries
            .iter()
            .map(|entry| entry.pipeline.box_rule().energy())
            .collect();
        let classifiers = classifiers.iter().map(Classifier::worker).collect();
        Self {
            classifiers,
            plan,
            entries,
            energies,
            thorough,
        }
    }

    /// What each pipeline found, in their order; nothing where it failed.
    pub(super) fn photo(&mut self, photo: &Photo) -> Vec<Option<StudyResult>> {
        let mut all = vec![None; self.entries.len()];
        let attempt = catch_panic(|| self.looks(photo, &mut all));
        if let Err(reason) = attempt.map_err(|error| error.reason).flatten() {
            tracing::warn!("{}: {reason}", photo.id);
        }
        all
    }

    fn looks(&mut self, photo: &Photo, all: &mut [Option<StudyResult>]) -> Result<(), String> {
        let mut clock = StageClock::start();
        let picture = read_photo(photo, Jpeg::Strict).map_err(|error| error.reason)?;
        clock.end(Stage::Decode);
        for look in &self.plan.looks {
            // A photo that one view refuses may be good enough for another.
            if let Err(reason) = self.look(look, photo, &picture, clock.fork(), all) {
                tracing::warn!("{}: {reason}", photo.id);
            }
        }
        Ok(())
    }

    fn look(
        &mut self,
        Look {
            view,
            classifier,
            maps,
        }: &Look,
        photo: &Photo,
        picture: &RgbImage,
        mut clock: StageClock,
        all: &mut [Option<StudyResult>],
    ) -> Result<(), String> {
        let worker = &mut self.classifiers[*classifier];
        let view = View::new(
            picture,
            view,
            worker.description().size,
            worker.description().canvas,
        )?;
        clock.end(Stage::View);
        let saliency = maps.first().and_then(|map| map.saliency.as_ref());
        let question = Question {
            saliency,
            truth: photo.class,
            classes: Classes::Gt,
            rng_seed: 0,
            id: &photo.id,
        };
        let seen = Observation::new(worker, view, &question);
        let seen = seen.map_err(|e| e.to_string())?;
        clock.end(Stage::Network);
        for SharedMap {
            saliency: options,
            entries,
        } in maps
        {
            let mut clock = clock.fork();
            let saliency = options
                .as_ref()
                .map(|options| seen.saliency(0, options))
                .transpose();
            let saliency = saliency.map_err(|e| e.to_string())?;
            clock.end(Stage::Saliency);
            let map = saliency.as_ref().filter(|_| self.thorough).map(|saliency| {
                let scores = saliency.score_map(MAP_SIZE).mapv(f64::from);
                MapOutcome::of(scores.view(), photo, [None, None], Steps::Hundred)
            });
            for &i in entries {
                let size = Size::from_picture(picture);
                let (predicted, diagnosis, times) =
                    self.locate(i, photo, size, &seen, saliency.as_ref(), clock.fork());
                all[i] = Some(StudyResult {
                    predicted,
                    map: map.clone(),
                    diagnosis,
                    times,
                });
            }
        }
        Ok(())
    }

    /// The box of the `i`-th entry in a photo of size.
    fn locate(
        &mut self,
        i: usize,
        photo: &Photo,
        size: Size,
        seen: &Observation,
        saliency: Option<&Saliency>,
        mut clock: StageClock,
    ) -> (Predicted, Diagnosis, StageTimes) {
        let (frame, class) = (&seen.view.frame, seen.classes[0]);
        let mut energy = self.energies[i].as_mut();
        if let Some(energy) = &mut energy {
            energy.set_photo(frame);
        }
        // As a run's of seed 0.
        let seed = seed_of_class(0, &photo.id, class);
        let subject = Subject {
            frame,
            photo: size,
            rng_seed: seed,
        };
        let (localisation, stages) = locate_class(
            &self.entries[i].pipeline,
            energy,
            &subject,
            saliency,
            &mut |_| {},
        );
        clock.end(Stage::Box);
        let rank = seen.ranking.iter().position(|&ranked| ranked == class);
        let guess = Guess {
            label: Label::Class(class),
            rank,
            bbox: Some(localisation.bbox),
            confidence: None,
        };
        let predicted = Predicted {
            guesses: vec![guess],
            failed: false,
        };
        let diagnosis = if self.thorough {
            Diagnosis::of(photo, size, &stages)
        } else {
            Diagnosis::default()
        };
        (predicted, diagnosis, clock.into_times())
    }
}
