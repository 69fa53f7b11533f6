//! The study: many pipelines over one dataset, each shared stage made once, one table.
//!
//! ```text
//! STUDY.toml ─► entries (pipelines) ─► plan (what they share) ─► [photo by photo] ─► lines ─► table
//! ```
//!
//! In: a [`Study`], written in TOML. Out: [`Findings`], a [`StudyLine`] for each pipeline and model, and
//! their [`table()`]. Pipelines that ask the network the same question share its answer, and those
//! that make the same map share it: a grid of box rules costs one gradient a photo. Nothing is
//! written but the table: a study is for comparing, a run for keeping. So it has no journal, and
//! one that is stopped begins anew.

mod diagnosis;
mod line;
mod plan;
mod table;
mod worker;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, bail};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use diagnosis::Diagnosis;
pub use line::{Against, StudyLine};
pub use table::table;

use crate::classifier::{self, Classifier, ModelDescription, ProbeOptions};
use crate::pipeline::Pipeline;
use crate::dataset::{Dataset, Request};
use crate::progress::Progress;
use crate::run::open_for_model;
use crate::assets::{self, STUDIES};
use plan::Plan;
use worker::StudyWorker;

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
    /// Where a row varies values, the combination that is most accurate on the photos named in this
    /// file of `data/` is chosen, for each model, and only that one is scored. Without it every
    /// combination is a row of its own.
    pub choose_on: Option<PathBuf>,
    /// The models' names or paths.
    pub models: Vec<PathBuf>,
    /// The row that the others are compared with, photo by photo.
    pub against: Option<String>,
    /// Values that several rows vary, by a name.
    #[serde(default, rename = "grid")]
    pub grids: BTreeMap<String, ParameterGrid>,
    /// The pipelines.
    #[serde(rename = "row")]
    pub rows: Vec<StudyRow>,
}

/// Values to try, by `table.key`.
pub type ParameterGrid = BTreeMap<String, Vec<toml::Value>>;

/// A pipeline of a study, or a grid of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StudyRow {
    /// What it is called.
    pub name: String,
    /// The pipeline's name or path.
    pub pipeline: PathBuf,
    /// Values changed, each `table.key=value`.
    #[serde(default)]
    pub set: Vec<String>,
    /// Values varied: every combination is a pipeline.
    #[serde(default)]
    pub vary: ParameterGrid,
    /// The name of a grid of the study, varied besides.
    pub grid: Option<String>,
    /// Only with these models, by their names.
    pub models: Option<Vec<String>>,
}

/// How a study is carried out; nothing here changes its results.
#[derive(Clone, Debug, Default)]
pub struct StudyOptions {
    /// Where the dataset's files lie.
    pub data_dir: Option<PathBuf>,
    /// These models in place of the study's.
    pub models: Vec<PathBuf>,
    /// Only so many photos, of a fixed shuffle.
    pub limit: Option<usize>,
    /// How many photos at once; 0 for one per core.
    pub threads: usize,
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
    /// The photos that varied values were chosen on.
    pub chosen_on: Option<String>,
    /// Whether photos are weighted.
    pub weighted: bool,
    /// The row that others are compared with.
    pub against: Option<String>,
    /// A line for each pipeline and model.
    pub lines: Vec<StudyLine>,
}

/// One pipeline of a study.
#[derive(Clone, Debug)]
struct StudyEntry {
    /// The place of its row in the study.
    row: usize,
    /// The row's name and what it varies.
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
        let read = STUDIES
            .read(name)
            .and_then(|(path, text)| STUDIES.parse(&text, &path.display().to_string()));
        read.map_err(Error::msg)
    }

    /// What a row varies.
    fn varied(&self, row: usize) -> Result<ParameterGrid> {
        let StudyRow {
            name, vary, grid, ..
        } = &self.rows[row];
        let mut varied = vary.clone();
        if let Some(grid) = grid {
            let known = self.grids.get(grid).with_context(|| {
                let grids: Vec<_> = self.grids.keys().map(String::as_str).collect();
                format!(
                    "row {name}: no grid is called {grid}\nhelp: the study's grids are {}",
                    grids.join(", ")
                )
            })?;
            varied.extend(known.clone());
        }
        match varied.iter().find(|(_, values)| values.is_empty()) {
            Some((key, _)) => bail!(
                "row {name}: {key} varies over no values\nhelp: list some, or leave the key out"
            ),
            None => Ok(varied),
        }
    }

    /// The pipelines, every combination of what is varied among them.
    fn entries(&self) -> Result<Vec<StudyEntry>> {
        let mut entries = Vec::new();
        for (
            row,
            StudyRow {
                name,
                pipeline,
                set,
                models,
                ..
            },
        ) in self.rows.iter().enumerate()
        {
            for varied in combinations(&self.varied(row)?) {
                let settings = [&set[..], &varied].concat();
                let pipeline =
                    Pipeline::load(pipeline, &settings).with_context(|| format!("row {name}"))?;
                let name = [&[name.clone()][..], &varied].concat().join(" ");
                entries.push(StudyEntry {
                    row,
                    name,
                    pipeline,
                    models: models.clone(),
                });
            }
        }
        let mut names = HashSet::new();
        if let Some(twice) = self.rows.iter().find(|row| !names.insert(&row.name)) {
            bail!(
                "two rows are called {}\nhelp: give one of them another name",
                twice.name
            );
        }
        if let Some(against) = &self.against
            && !entries.iter().any(|entry| entry.name == *against)
        {
            let names: Vec<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
            bail!(
                "against: no row is called {against}\nhelp: rows are {}",
                names.join(", ")
            );
        }
        if let (Some(against), Some(_)) = (&self.against, &self.choose_on)
            && !self.rows.iter().any(|row| row.name == *against)
        {
            bail!("against: {against} may not be chosen\nhelp: name a row that varies nothing");
        }
        Ok(entries)
    }

    /// Takes every photo through every pipeline with every model.
    ///
    /// # Errors
    /// When a pipeline, a model or the dataset cannot be used, or photos are chosen on and scored.
    /// A photo on which a pipeline fails is wrong in its line.
    pub fn run(&self, options: &StudyOptions, progress: &dyn Progress) -> Result<Findings> {
        let entries = self.entries()?;
        let models = if options.models.is_empty() {
            &self.models
        } else {
            &options.models
        };
        let descriptions = models
            .iter()
            .map(|model| classifier::describe(model))
            .collect::<Result<Vec<_>, _>>()?;
        let Some(first) = descriptions.first() else {
            bail!(
                "a study without models\nhelp: name some as `models` in its file, or with --model"
            )
        };
        let open = |images: Option<&PathBuf>| self.open(images, first, options);
        let dataset = open(self.images.as_ref())?;
        let choosing = self
            .choose_on
            .as_ref()
            .map(|images| open(Some(images)))
            .transpose()?;
        let must_fit =
            |description: &ModelDescription| description.ensure_has_classes(&dataset.classes, &dataset.name);
        descriptions
            .iter()
            .try_for_each(must_fit)
            .map_err(Error::msg)?;
        let chosen_on = |id: &str| {
            choosing
                .iter()
                .flat_map(|choosing| &choosing.photos)
                .any(|photo| photo.id == id)
        };
        if let Some(both) = dataset.photos.iter().find(|photo| chosen_on(&photo.id)) {
            bail!(
                "{} is among the photos that are chosen on and among those that are scored\nhelp: give lists without a \
                 photo in common as images and choose-on",
                both.id
            );
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(options.threads)
            .build()
            .context("worker threads")?;
        let mut lines = Vec::new();
        for description in &descriptions {
            let of_model = |entry: &&StudyEntry| {
                entry
                    .models
                    .as_ref()
                    .is_none_or(|m| m.contains(&description.name))
            };
            let mut entries: Vec<_> = entries.iter().filter(of_model).cloned().collect();
            let score = |entries: &[StudyEntry], dataset: &Dataset, thorough: bool| {
                pool.install(|| scored(entries, description, dataset, thorough, progress))
            };
            if let Some(choosing) = &choosing {
                let of_a_grid = |entry: &&StudyEntry| {
                    entries
                        .iter()
                        .filter(|other| other.row == entry.row)
                        .count()
                        > 1
                };
                let varied: Vec<_> = entries.iter().filter(of_a_grid).cloned().collect();
                if !varied.is_empty() {
                    let tried = score(&varied, choosing, false)?;
                    entries = chosen(entries, &varied, &tried);
                }
            }
            lines.extend(score(&entries, &dataset, true)?);
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
            lines: line::compared(lines, self.against.as_deref()),
        })
    }

    /// The study's dataset, or the part of it that a file of `data/` names.
    fn open(
        &self,
        images: Option<&PathBuf>,
        model: &ModelDescription,
        options: &StudyOptions,
    ) -> Result<Dataset> {
        let images = images.map(|images| assets::file(&Path::new("data").join(images)));
        let images = images.transpose()?;
        let (data_dir, images) = (options.data_dir.as_deref(), images.as_deref());
        let request = Request {
            dataset: Some(&self.dataset),
            data_dir,
            images,
            ..Request::default()
        };
        let dataset = open_for_model(model, &request, options.limit)?;
        if dataset.photos.iter().any(|photo| photo.class.is_none()) {
            bail!(
                "a study wants a dataset whose photos all have a class; {} has others\nhelp: name those that have one \
                 in a file, as `images` in the study",
                dataset.name
            );
        }
        Ok(dataset)
    }
}

/// A line for each pipeline with one model; `thorough` where maps and stages are scored too.
fn scored(
    entries: &[StudyEntry],
    description: &ModelDescription,
    dataset: &Dataset,
    thorough: bool,
    progress: &dyn Progress,
) -> Result<Vec<StudyLine>> {
    let plan = Plan::of(entries, description);
    tracing::info!("{}, {} photos: {plan}", description.name, dataset.photos.len());
    let load = |probe: &ProbeOptions| Classifier::load(description.clone(), probe.clone());
    let classifiers = plan
        .probes
        .iter()
        .map(load)
        .collect::<Result<Vec<_>, _>>()?;
    let display = progress.begin("photos", dataset.photos.len(), 0);
    // `par_bridge` lets each thread keep its worker; a split range would make one for every part.
    let photos = dataset.photos.iter().enumerate().par_bridge().map_init(
        || StudyWorker::new(&classifiers, &plan, entries, thorough),
        |worker, (i, photo)| {
            let found = worker.photo(photo);
            display.advance(found.iter().any(Option::is_none));
            (i, found)
        },
    );
    let mut found: Vec<_> = photos.collect();
    drop(display);
    found.sort_by_key(|(i, _)| *i);
    let found: Vec<_> = found.into_iter().map(|(_, found)| found).collect();
    Ok(line::lines(dataset, description, entries, &found))
}

/// The entries of `all`, and of those that were varied only the most accurate of each row: `tried`
/// are their lines. The first of several.
fn chosen(all: Vec<StudyEntry>, varied: &[StudyEntry], tried: &[StudyLine]) -> Vec<StudyEntry> {
    let accuracy = |line: &StudyLine| line.gt_known_accuracy.map_or(0.0, |rate| rate.value);
    let mut best = BTreeMap::new();
    for (entry, line) in varied.iter().zip(tried) {
        let known = best
            .entry(entry.row)
            .or_insert((&entry.name, accuracy(line)));
        if accuracy(line) > known.1 {
            *known = (&entry.name, accuracy(line));
        }
    }
    all.into_iter()
        .filter(|entry| {
            best.get(&entry.row)
                .is_none_or(|(name, _)| **name == entry.name)
        })
        .collect()
}

/// Every combination of the values, as settings; one empty one where nothing is varied.
fn combinations(vary: &ParameterGrid) -> Vec<Vec<String>> {
    vary.iter()
        .fold(vec![vec![]], |combinations, (key, values)| {
            let with = |settings: &Vec<String>, value: &toml::Value| {
                [&settings[..], &[format!("{key}={value}")]].concat()
            };
            combinations
                .iter()
                .flat_map(|settings| values.iter().map(move |value| with(settings, value)))
                .collect()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_is_a_row() {
        let vary = BTreeMap::from([
            (
                "a".to_owned(),
                vec![toml::Value::Integer(1), toml::Value::Integer(2)],
            ),
            (
                "b".to_owned(),
                vec![toml::Value::Float(0.5), toml::Value::String("x".into())],
            ),
        ]);
        let expected = [
            ["a=1", "b=0.5"],
            ["a=1", "b=\"x\""],
            ["a=2", "b=0.5"],
            ["a=2", "b=\"x\""],
        ];
        assert_eq!(combinations(&vary), expected);
        assert_eq!(combinations(&BTreeMap::new()), [Vec::<String>::new()]);
    }

    #[test]
    fn every_shipped_study_names_pipelines_that_read() {
        let names = STUDIES.names();
        assert!(!names.is_empty());
        for name in names {
            let study = Study::load(Path::new(&name)).unwrap_or_else(|e| panic!("{e:#}"));
            study.entries().unwrap_or_else(|e| panic!("{name}: {e:#}"));
        }
    }
}
