//! The study: many pipelines over one dataset, each shared stage made once, one table.
//!
//! ```text
//! STUDY.toml ─► rows (pipelines) ─► plan (what they share) ─► [photo by photo] ─► lines ─► table
//! ```
//!
//! Pipelines that ask the network the same question share its answer, and those that make the same map share it: a grid of
//! box rules costs one gradient a photo. Nothing is written but the table: a study is for comparing, a run for keeping.

mod diagnosis;
mod line;
mod plan;
mod worker;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use diagnosis::Diagnosis;
pub use line::{Against, Line};

use crate::classifier::{self, Classifier};
use crate::config::{self, Pipeline, home};
use crate::dataset::{Dataset, Request};
use crate::run::Progress;
use plan::Plan;
use worker::Worker;

/// A study, as written in `pipelines/studies/*.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Study {
    /// What is compared, in one line.
    pub title: String,
    /// The dataset's name or path.
    pub dataset: PathBuf,
    /// Only the photos named in this file of `data/`.
    pub images: Option<PathBuf>,
    /// The models' names or paths.
    pub models: Vec<PathBuf>,
    /// The row that the others are compared with, photo by photo.
    pub against: Option<String>,
    /// The pipelines.
    #[serde(rename = "row")]
    pub rows: Vec<Row>,
}

/// A pipeline of a study, or a grid of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Row {
    /// What it is called.
    pub name: String,
    /// The pipeline's name or path.
    pub pipeline: PathBuf,
    /// Values changed, each `table.key=value`.
    #[serde(default)]
    pub set: Vec<String>,
    /// Values varied: every combination is a row of its own.
    #[serde(default)]
    pub vary: BTreeMap<String, Vec<toml::Value>>,
    /// Only with these models, by their names.
    pub models: Option<Vec<String>>,
}

/// How a study is carried out; nothing here changes its results.
#[derive(Clone, Debug, Default)]
pub struct Carrying {
    /// Where the dataset's files lie.
    pub data_dir: Option<PathBuf>,
    /// These models in place of the study's.
    pub models: Vec<PathBuf>,
    /// Only so many photos, of a fixed shuffle.
    pub limit: Option<usize>,
    /// How many photos at once; 0 for one per core.
    pub threads: usize,
    /// Show no progress.
    pub quiet: bool,
}

/// What a study found.
#[derive(Clone, Debug, Serialize)]
pub struct Findings {
    /// What was compared.
    pub title: String,
    /// The dataset.
    pub dataset: String,
    /// How many photos.
    pub images: usize,
    /// Whether photos are weighted.
    pub weighted: bool,
    /// The row that others are compared with.
    pub against: Option<String>,
    /// A line for each pipeline and model.
    pub lines: Vec<Line>,
}

/// One pipeline of a study.
#[derive(Clone, Debug)]
pub(self) struct Entry {
    name: String,
    pipeline: Pipeline,
    models: Option<Vec<String>>,
}

impl Study {
    /// Reads a study by name (`pipelines/studies/NAME.toml`) or path.
    ///
    /// # Errors
    /// Naming the file and what is wrong in it.
    pub fn load(name: &Path) -> Result<Self> {
        let folder = home().join("pipelines/studies");
        let path = match name.extension() {
            Some(extension) if extension == "toml" => name.to_owned(),
            _ => folder.join(name).with_added_extension("toml"),
        };
        let names = || config::names(&folder).join(", ");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("{}\nhelp: studies are {}", path.display(), names()))?;
        Ok(config::parse(&text, &path.display().to_string())?)
    }

    /// The pipelines, every combination of what is varied among them.
    fn entries(&self) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for Row { name, pipeline, set, vary, models } in &self.rows {
            for varied in combinations(vary) {
                let settings = [&set[..], &varied].concat();
                let pipeline = Pipeline::load(pipeline, &settings)?;
                let name = [&[name.clone()][..], &varied].concat().join(" ");
                entries.push(Entry { name, pipeline, models: models.clone() });
            }
        }
        if let Some(against) = &self.against
            && !entries.iter().any(|entry| entry.name == *against)
        {
            bail!("against: no row is called {against}");
        }
        Ok(entries)
    }

    /// Takes every photo through every pipeline with every model.
    ///
    /// # Errors
    /// When a pipeline, a model or the dataset cannot be used. A photo that fails is wrong in every line.
    pub fn run(&self, carrying: &Carrying) -> Result<Findings> {
        let entries = self.entries()?;
        let images = self.images.as_ref().map(|images| home().join("data").join(images));
        let models = if carrying.models.is_empty() { &self.models } else { &carrying.models };
        let descriptions = models.iter().map(|model| classifier::describe(model)).collect::<Result<Vec<_>, _>>()?;
        let Some(first) = descriptions.first() else { bail!("a study without models") };
        let mut dataset = Dataset::open(&Request {
            dataset: Some(&self.dataset),
            data_dir: carrying.data_dir.as_deref(),
            images: images.as_deref(),
            classes: Some(&first.classes),
            ..Request::default()
        })?;
        if let Some(limit) = carrying.limit {
            dataset.limit(limit);
        }
        if descriptions.iter().any(|description| description.classes != dataset.classes) {
            bail!("the models' classes are not those of {}", dataset.name);
        }
        if dataset.photos.iter().any(|photo| photo.class.is_none()) {
            bail!("a study wants a dataset whose photos all have a class; {} has others", dataset.name);
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(carrying.threads).build().context("worker threads")?;
        let mut lines = Vec::new();
        for description in descriptions {
            let of_model = |entry: &&Entry| entry.models.as_ref().is_none_or(|m| m.contains(&description.name));
            let entries: Vec<_> = entries.iter().filter(of_model).cloned().collect();
            let plan = Plan::of(&entries, &description);
            if !carrying.quiet {
                tracing::info!("{}: {plan}", description.name);
            }
            let load = |probe: &classifier::Probe| Classifier::load(description.clone(), probe.clone());
            let classifiers = plan.probes.iter().map(load).collect::<Result<Vec<_>, _>>()?;
            let progress = Progress::new(dataset.photos.len(), carrying.quiet);
            let found: Vec<_> = pool.install(|| {
                let photos = dataset.photos.par_iter().with_max_len(1);
                let results = photos.map_init(
                    || Worker::new(&classifiers, &plan, &entries),
                    |worker, photo| {
                        let found = worker.photo(photo);
                        progress.advance(found.is_err());
                        found
                    },
                );
                results.collect()
            });
            progress.finish();
            lines.extend(line::lines(&dataset, &description, &entries, &found));
        }
        let against = self.against.as_deref();
        Ok(Findings {
            title: self.title.clone(),
            dataset: dataset.name.clone(),
            images: dataset.photos.len(),
            weighted: dataset.weighted,
            against: self.against.clone(),
            lines: line::compared(lines, against),
        })
    }
}

/// Every combination of the values, as settings; one empty one where nothing is varied.
fn combinations(vary: &BTreeMap<String, Vec<toml::Value>>) -> Vec<Vec<String>> {
    vary.iter().fold(vec![vec![]], |combinations, (key, values)| {
        let with = |settings: &Vec<String>, value: &toml::Value| {
            [&settings[..], &[format!("{key}={value}")]].concat()
        };
        combinations.iter().flat_map(|settings| values.iter().map(move |value| with(settings, value))).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_is_a_row() {
        let vary = BTreeMap::from([
            ("a".to_owned(), vec![toml::Value::Integer(1), toml::Value::Integer(2)]),
            ("b".to_owned(), vec![toml::Value::Float(0.5), toml::Value::String("x".into())]),
        ]);
        let expected = [["a=1", "b=0.5"], ["a=1", "b=\"x\""], ["a=2", "b=0.5"], ["a=2", "b=\"x\""]];
        assert_eq!(combinations(&vary), expected);
        assert_eq!(combinations(&BTreeMap::new()), [Vec::<String>::new()]);
    }

    #[test]
    fn every_shipped_study_names_pipelines_that_read() {
        let names = config::names(&home().join("pipelines/studies"));
        assert!(!names.is_empty());
        for name in names {
            let study = Study::load(Path::new(&name)).unwrap_or_else(|e| panic!("{e:#}"));
            study.entries().unwrap_or_else(|e| panic!("{name}: {e:#}"));
        }
    }
}
