//! One photo through all pipelines of a study.

use image::RgbImage;

use super::Entry;
use super::diagnosis::Diagnosis;
use super::plan::{Look, Map, Plan};
use crate::classifier::{self, Classifier};
use crate::dataset::{Jpeg, Photo};
use crate::random::seed_of_class;
use crate::run::{Classes, Clock, Observation, StageTimes, find, read, survive};
use crate::saliency::{Saliency, View};
use crate::score::{Guess, Label, MAP_SIZE, MapOutcome, Predicted, Steps};
use crate::segment::Energy;

/// What one pipeline found in one photo.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) predicted: Predicted,
    /// What its map says by itself, where it has one.
    pub(super) map: Option<MapOutcome>,
    pub(super) diagnosis: Diagnosis,
    /// CPU by stage, as if the pipeline ran alone.
    pub(super) times: StageTimes,
}

/// One thread's sessions and energies.
pub(super) struct Worker<'a> {
    classifiers: Vec<classifier::Worker<'a>>,
    plan: &'a Plan,
    entries: &'a [Entry],
    energies: Vec<Option<Energy>>,
    /// Whether maps and stages are scored too, not only boxes.
    thorough: bool,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        classifiers: &'a [Classifier],
        plan: &'a Plan,
        entries: &'a [Entry],
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
    pub(super) fn photo(&mut self, photo: &Photo) -> Vec<Option<Found>> {
        let mut all = vec![None; self.entries.len()];
        let attempt = survive(|| self.looks(photo, &mut all));
        if let Err(reason) = attempt.map_err(|error| error.reason).flatten() {
            tracing::warn!("{}: {reason}", photo.id);
        }
        all
    }

    fn looks(&mut self, photo: &Photo, all: &mut [Option<Found>]) -> Result<(), String> {
        let mut clock = Clock::start();
        let picture = read(photo, Jpeg::Strict)?;
        clock.end("decode");
        for look in &self.plan.looks {
            // A photo that one view refuses may be good enough for another.
            if let Err(reason) = self.look(look, photo, &picture, clock.go_on(), all) {
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
        mut clock: Clock,
        all: &mut [Option<Found>],
    ) -> Result<(), String> {
        let worker = &mut self.classifiers[*classifier];
        let view = View::of(
            picture,
            view,
            worker.description().size,
            worker.description().canvas,
        )?;
        clock.end("view");
        let saliency = maps.first().and_then(|map| map.saliency.as_ref());
        let seen = Observation::make(
            worker,
            view,
            saliency,
            (photo.class, Classes::Gt),
            (0, &photo.id),
        );
        let seen = seen.map_err(|e| e.to_string())?;
        clock.end("network");
        for Map {
            saliency: options,
            entries,
        } in maps
        {
            let mut clock = clock.go_on();
            let saliency = options
                .as_ref()
                .map(|options| seen.saliency(0, options))
                .transpose();
            let saliency = saliency.map_err(|e| e.to_string())?;
            clock.end("saliency");
            let map = saliency.as_ref().filter(|_| self.thorough).map(|saliency| {
                let scores = saliency.score_map(MAP_SIZE).mapv(f64::from);
                MapOutcome::of(scores.view(), photo, [None, None], Steps::Hundred)
            });
            for &i in entries {
                let size = picture.dimensions().into();
                let (predicted, diagnosis, times) =
                    self.locate(i, photo, size, &seen, saliency.as_ref(), clock.go_on());
                all[i] = Some(Found {
                    predicted,
                    map: map.clone(),
                    diagnosis,
                    times,
                });
            }
        }
        Ok(())
    }

    /// The box of the `i`-th entry in a photo of size (width, height).
    fn locate(
        &mut self,
        i: usize,
        photo: &Photo,
        size: [u32; 2],
        seen: &Observation,
        saliency: Option<&Saliency>,
        mut clock: Clock,
    ) -> (Predicted, Diagnosis, StageTimes) {
        let (frame, class) = (&seen.view.frame, seen.classes[0]);
        let mut energy = self.energies[i].as_mut();
        if let Some(energy) = &mut energy {
            energy.set_photo(frame);
        }
        // As a run's of seed 0.
        let seed = seed_of_class(0, &photo.id, class);
        let (located, stages) = find(
            &self.entries[i].pipeline,
            energy,
            frame,
            size,
            saliency,
            seed,
            &mut |_| {},
        );
        clock.end("box");
        let rank = seen.ranking.iter().position(|&ranked| ranked == class);
        let guess = Guess {
            label: Label::Class(class),
            rank,
            bbox: Some(located.bbox),
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
        (predicted, diagnosis, clock.times)
    }
}
