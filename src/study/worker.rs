//! One photo through all pipelines of a study.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Entry;
use super::diagnosis::Diagnosis;
use super::plan::{Look, Map, Plan};
use crate::classifier::{self, Classifier};
use crate::config::Method;
use crate::dataset::{self, Photo};
use crate::run::{Classes, Observation, StageTimes, find, seed_of, thread_ms};
use crate::saliency::View;
use crate::score::{Guess, Label, MapOutcome, Predicted, Steps};
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
}

impl<'a> Worker<'a> {
    pub(super) fn new(classifiers: &'a [Classifier], plan: &'a Plan, entries: &'a [Entry]) -> Self {
        let energy = |entry: &Entry| match entry.pipeline.method() {
            Method::Cut(cut, _) => Some(Energy::new(cut)),
            _ => None,
        };
        let classifiers = classifiers.iter().map(Classifier::worker).collect();
        Self { classifiers, plan, entries, energies: entries.iter().map(energy).collect() }
    }

    /// What each pipeline found, in their order; or why the photo cannot be used.
    pub(super) fn photo(&mut self, photo: &Photo) -> Result<Vec<Found>, String> {
        let attempt = catch_unwind(AssertUnwindSafe(|| self.look(photo)));
        let result = attempt.unwrap_or_else(|_| Err("internal error; please report it with the photo".into()));
        result.inspect_err(|reason| tracing::warn!("{}: {reason}", photo.id))
    }

    fn look(&mut self, photo: &Photo) -> Result<Vec<Found>, String> {
        let picture = dataset::read(&photo.path)?;
        let size = picture.dimensions().into();
        let truth = photo.class.ok_or("the photo has no class")?;
        let mut all: Vec<Option<Found>> = vec![None; self.entries.len()];
        for Look { view, classifier, maps } in &self.plan.looks {
            let mut shared = Times::start();
            let worker = &mut self.classifiers[*classifier];
            let view = View::of(&picture, view, worker.description().size, worker.description().canvas)?;
            shared.end("view");
            let saliency = maps.first().and_then(|map| map.saliency.as_ref());
            let wanted = (Some(truth), Classes::Gt);
            let seen = Observation::make(worker, view, saliency, wanted, (0, &photo.id)).map_err(|e| e.to_string())?;
            shared.end("network");
            for Map { saliency: options, entries } in maps {
                let mut of_map = shared.clone();
                of_map.last = thread_ms();
                let saliency = options.as_ref().map(|options| seen.saliency(0, options));
                of_map.end("saliency");
                let map = saliency.as_ref().map(|saliency| {
                    MapOutcome::of(
                        saliency.score_map(crate::score::MAP_SIZE).mapv(f64::from).view(),
                        photo,
                        [None, None],
                        Steps::Hundred,
                    )
                });
                for &i in entries {
                    let (pipeline, energy) = (&self.entries[i].pipeline, self.energies[i].as_mut());
                    let mut own = of_map.clone();
                    own.last = thread_ms();
                    let frame = &seen.view.frame;
                    let energy = energy.map(|energy| {
                        energy.set_photo(frame);
                        energy
                    });
                    let seed = seed_of(&format!("0/{}/{truth}", photo.id));
                    let (located, stages) = find(pipeline, energy, frame, size, saliency.as_ref(), seed, &mut |_| {});
                    own.end("box");
                    let guess = Guess {
                        label: Label::Class(truth),
                        rank: seen.ranking.iter().position(|&class| class == truth),
                        bbox: Some(located.bbox),
                        confidence: None,
                    };
                    all[i] = Some(Found {
                        predicted: Predicted { guesses: vec![guess], failed: false },
                        map: map.clone(),
                        diagnosis: Diagnosis::of(photo, size, &stages),
                        times: own.times,
                    });
                }
            }
        }
        Ok(all.into_iter().map(|found| found.expect("every entry is in the plan")).collect())
    }
}

/// CPU times that go on from shared ones.
#[derive(Clone)]
struct Times {
    times: StageTimes,
    last: f64,
}

impl Times {
    fn start() -> Self {
        Self { times: StageTimes::default(), last: thread_ms() }
    }

    fn end(&mut self, stage: &'static str) {
        let now = thread_ms();
        self.times.record(stage, now - self.last);
        self.last = now;
    }
}
