//! Takes every photo of a study through every pipeline.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rayon::ThreadPool;
use rayon::prelude::*;

use super::choose::{keep_most_accurate, varied_entries};
use super::entries::StudyEntry;
use super::file::Study;
use super::findings::Findings;
use super::line::{StudyLine, compare_with};
use super::plan::Plan;
use super::worker::{Detail, StudyResult, StudyWorker};
use crate::assets;
use crate::classifier::{self, Classifier, ModelDescription, Preset};
use crate::dataset::{Dataset, Request};
use crate::progress::Progress;
use crate::remedy::{Refused, Remedy};

/// How a study is executed, and on how much of it.
#[derive(Clone, Debug, Default)]
pub struct StudyOptions {
    /// The folder that holds the dataset's files.
    pub data_dir: Option<PathBuf>,
    /// Models to use instead of the study's.
    pub models: Vec<PathBuf>,
    /// The preset for models without a description.
    pub like: Option<Preset>,
    /// Process at most this many photos of a fixed shuffle.
    pub limit: Option<usize>,
    /// How many photos to process at once; 0 for one per core. The results do not depend on it.
    pub threads: usize,
}

impl Study {
    /// Takes every photo through every pipeline with every model. A photo on which a pipeline fails
    /// counts as wrong in the pipeline's line.
    ///
    /// # Errors
    /// When a pipeline, a model or the dataset cannot be used, or when a photo is used both for
    /// choosing values and for scoring.
    pub fn run(&self, options: &StudyOptions, progress: &dyn Progress) -> Result<Findings> {
        let entries = self.entries()?;
        let descriptions = self.describe_models(options)?;
        let dataset = self.open(self.images.as_deref(), &descriptions, options)?;
        let choosing = match &self.choose_on {
            Some(images) => Some(self.open(Some(images), &descriptions, options)?),
            None => None,
        };
        if let Some(choosing) = &choosing {
            ensure_no_common_photo(choosing, &dataset)?;
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(options.threads)
            .build()
            .context("cannot start the worker threads")?;
        let mut lines = Vec::new();
        for description in &descriptions {
            let scorer = ModelScorer {
                description,
                pool: &pool,
                progress,
            };
            let of_model = |entry: &&StudyEntry| entry.is_for(&description.name);
            let mut of_model: Vec<StudyEntry> = entries.iter().filter(of_model).cloned().collect();
            if let Some(choosing) = &choosing {
                let varied = varied_entries(&of_model);
                if !varied.is_empty() {
                    let tried = scorer.score(&varied, choosing, Detail::BoxesOnly)?;
                    of_model = keep_most_accurate(of_model, &varied, &tried);
                }
            }
            lines.extend(scorer.score(&of_model, &dataset, Detail::Full)?);
        }
        if let Some(against) = &self.against {
            compare_with(against, &mut lines);
        }
        Ok(Findings {
            title: self.title.clone(),
            dataset: dataset.name.clone(),
            images: dataset.photos.len(),
            chosen_on: self
                .choose_on
                .as_ref()
                .map(|images| images.display().to_string()),
            weighted: dataset.weighted,
            against: self.against.clone(),
            lines,
        })
    }

    /// The descriptions of the models, of which there is at least one.
    fn describe_models(&self, options: &StudyOptions) -> Result<Vec<ModelDescription>> {
        let models = if options.models.is_empty() {
            &self.models
        } else {
            &options.models
        };
        if models.is_empty() {
            return Err(Refused::new("the study names no model", Remedy::StudyModels).into());
        }
        let mut descriptions = Vec::new();
        for model in models {
            descriptions.push(classifier::describe_like(model, options.like, None)?);
        }
        Ok(descriptions)
    }

    /// Opens the study's dataset, or the part of it that a file in `data/` lists.
    fn open(
        &self,
        images: Option<&Path>,
        descriptions: &[ModelDescription],
        options: &StudyOptions,
    ) -> Result<Dataset> {
        let images = match images {
            Some(images) => Some(assets::file(&Path::new("data").join(images))?),
            None => None,
        };
        let mut dataset = Dataset::open(&Request {
            dataset: Some(&self.dataset),
            data_dir: options.data_dir.as_deref(),
            images: images.as_deref(),
            classes: Some(&descriptions[0].classes),
            ..Request::default()
        })?;
        for description in descriptions {
            description.ensure_has_classes(&dataset.classes, &dataset.name)?;
        }
        for note in &dataset.notes {
            tracing::warn!("{}: {note}", dataset.name);
        }
        if let Some(limit) = options.limit {
            dataset.limit(limit);
        }
        if dataset.photos.iter().any(|photo| photo.class.is_none()) {
            let message = format!(
                "a study needs the class of every photo, and some photos of {} have none",
                dataset.name
            );
            let advice = "list those that have one in a file, and name it as `images` in the study";
            bail!(Refused::with_advice(message, advice));
        }
        Ok(dataset)
    }
}

fn ensure_no_common_photo(choosing: &Dataset, scored: &Dataset) -> Result<()> {
    let is_chosen_on = |id: &str| choosing.photos.iter().any(|photo| photo.id == id);
    if let Some(common) = scored.photos.iter().find(|photo| is_chosen_on(&photo.id)) {
        bail!(Refused::with_advice(
            format!(
                "{} is used both for choosing values and for scoring",
                common.id
            ),
            "name lists without a common photo as `images` and `choose-on`",
        ));
    }
    Ok(())
}

/// Scores pipelines with one model.
struct ModelScorer<'a> {
    description: &'a ModelDescription,
    pool: &'a ThreadPool,
    progress: &'a dyn Progress,
}

impl ModelScorer<'_> {
    /// The line of each entry.
    fn score(
        &self,
        entries: &[StudyEntry],
        dataset: &Dataset,
        detail: Detail,
    ) -> Result<Vec<StudyLine>> {
        self.pool.install(|| {
            let results = self.process_photos(entries, dataset, detail)?;
            let mut lines = Vec::new();
            for (i, entry) in entries.iter().enumerate() {
                let of_entry: Vec<_> = results.iter().map(|photo| photo[i].as_ref()).collect();
                lines.push(StudyLine::new(entry, self.description, dataset, &of_entry)?);
            }
            Ok(lines)
        })
    }

    /// For each photo, in the dataset's order, the result of each entry; `None` where it failed.
    fn process_photos(
        &self,
        entries: &[StudyEntry],
        dataset: &Dataset,
        detail: Detail,
    ) -> Result<Vec<Vec<Option<StudyResult>>>> {
        let name = &self.description.name;
        let plan = Plan::new(entries, self.description)?;
        tracing::info!("{name}, {} photos: {plan}", dataset.photos.len());
        let mut classifiers = Vec::new();
        for probe in &plan.probes {
            classifiers.push(Classifier::load(self.description.clone(), probe.clone())?);
        }
        let display = self.progress.begin("photos", dataset.photos.len(), 0);
        // With `par_bridge`, each thread keeps its worker; a range that is split would create a
        // worker for every part.
        let photos = dataset.photos.iter().enumerate().par_bridge().map_init(
            || StudyWorker::new(&classifiers, &plan, entries, detail),
            |worker, (i, photo)| {
                let results = worker.process_photo(photo);
                display.advance(results.iter().any(Option::is_none));
                (i, results)
            },
        );
        let mut numbered: Vec<_> = photos.collect();
        numbered.sort_by_key(|(i, _)| *i);
        Ok(numbered.into_iter().map(|(_, results)| results).collect())
    }
}
