//! The run: every photo of a dataset through the pipeline, one row per photo and class, then the field's numbers.
//!
//! Worker threads take photos one at a time; one thread writes rows in the dataset's order as they become known.
//! Nothing in the rows depends on how many workers there are.

mod clock;
mod manifest;
mod observation;
mod output;
mod photo;
mod progress;
mod rows;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use anyhow::{Context, Result, bail};
use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub(crate) use clock::Clock;
pub use clock::{StageTimes, thread_ms};
pub use manifest::Manifest;
pub use observation::Observation;
pub use output::{OutputError, default_folder};
pub(crate) use output::{publish, try_place};
pub use photo::{Found, Localiser, PhotoError, Seen};
pub(crate) use photo::{find, read};
pub(crate) use progress::Progress;
pub use rows::{Failure, Row, Status};

use crate::classifier::{self, Classifier, Description, Probe};
use crate::config::{Method, Pipeline};
use crate::dataset::{self, Dataset, Photo, Request};
use crate::prediction::{self, Predictions};
use crate::report::{Experiment, Summary};
use crate::saliency::{SaliencyOptions, ViewKind, ViewOptions, Wanted};
use crate::score::Predicted;
use output::Output;

/// Which classes get a box.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Classes {
    /// The true class: enough for every number, since a photo has one class.
    #[default]
    Gt,
    /// The five most probable classes and the true one: what a submission needs.
    Top5,
}

/// A run, fully said. The file `run.toml` of a finished run is this, and runs again.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RunOptions {
    /// The dataset's name or path.
    pub dataset: PathBuf,
    /// Where its data lie.
    pub data_dir: Option<PathBuf>,
    /// The model's name, description or ONNX file.
    pub model: PathBuf,
    /// Only so many photos, of a fixed shuffle.
    pub limit: Option<usize>,
    /// Only the photos named in this file.
    pub images: Option<PathBuf>,
    /// Weights in place of the dataset's.
    pub weights: Option<PathBuf>,
    /// Leave out true boxes that cannot be.
    #[serde(default)]
    pub lenient_boxes: bool,
    /// Which classes get a box.
    pub classes: Classes,
    /// Mixed into the seed of every random choice.
    pub seed: u64,
    /// What the pipeline is called.
    pub pipeline_name: String,
    /// The experiment.
    pub pipeline: Pipeline,
}

/// How a run is carried out; nothing here changes its results.
#[derive(Clone, Debug)]
pub struct Carrying {
    /// The results' folder.
    pub out: PathBuf,
    /// Overwrite what lies there.
    pub fresh: bool,
    /// How many workers; 0 for one per core.
    pub threads: usize,
    /// Show no progress.
    pub quiet: bool,
    /// Write the saliency map of the true class too, as wsolevaluation's score maps.
    pub maps: bool,
    /// Write the mask of the true class too.
    pub masks: bool,
}

/// A run that stops after this many failures in a row from the start, or ...
const FAILURES_AT_THE_START: usize = 20;
/// ... with more than this share of failures, once there are ...
const SHARE_OF_FAILURES: f64 = 0.01;
/// ... this many.
const FAILURES_BEFORE_A_SHARE_COUNTS: usize = 100;

/// Runs a pipeline over a dataset and writes the results.
///
/// # Errors
/// When the run cannot start (a bad model, dataset or folder), too many photos fail, or the output cannot be written
/// ([`OutputError`]).
pub fn run(options: &RunOptions, carrying: &Carrying) -> Result<Summary> {
    let pipeline = &options.pipeline;
    let description = classifier::describe(&options.model)?;
    if carrying.maps && matches!(pipeline.method(), Method::ConstantBox(_)) {
        bail!("--write-maps: a constant box has no saliency map\nhelp: take another --pipeline");
    }
    let dataset = open(options, &description)?;
    for note in &dataset.notes {
        tracing::warn!("{}: {note}", dataset.name);
    }
    // The folder is tried before the model is loaded: a full disk should not cost the time of a large model.
    let mut output = Output::create(&carrying.out, carrying.fresh)?;
    let probe = probe(pipeline, &description);
    let classifier = Classifier::load(description, probe)?;
    let manifest = Manifest::begin(options, carrying, &classifier, &dataset)?;
    output.clear()?;
    output.write("run.toml", toml::to_string(options).context("run.toml")?.as_bytes())?;
    output.write("truth.csv", &dataset::write_csv(&dataset))?;
    output.write("classes.csv", &dataset.classes.to_csv())?;

    let progress = Progress::new(dataset.photos.len(), carrying.quiet);
    let mut tally = Tally::default();
    in_order(&classifier, &dataset.photos, options, carrying, |photo, record| {
        output.rows(&record.rows)?;
        if let Some(map) = &record.map {
            output.write_for("maps", &prediction::map_name(&photo.id), "npy", &prediction::write_map(map.view()))?;
        }
        if let Some(mask) = &record.mask {
            output.write_for("masks", &photo.id, "png", &prediction::write_mask(mask.view()))?;
        }
        progress.advance(record.failure.is_some());
        tally.add(record);
        tally.circuit_breaker(dataset.photos.len(), photo)
    })?;
    progress.finish();

    let Tally { predicted, times, failures, .. } = tally;
    let classes = dataset.profile.guesses_classes();
    let predictions = Predictions { photos: predicted, classes, notes: vec![] };
    let summary = Summary {
        run: Some(Experiment {
            pipeline: options.pipeline_name.clone(),
            tuned_on: pipeline.tuned_on.split.clone(),
            model: classifier.description.name.clone(),
            model_sha256: classifier.sha256.clone(),
            crops: crops(&pipeline.view),
        }),
        cpu_ms_per_photo: times.per_photo(dataset.photos.len()),
        ..Summary::of_boxes(&dataset, &predictions)
    };
    output.finish(&summary, &failures, &manifest.end(&summary))?;
    Ok(summary)
}

/// What a pipeline asks a classifier.
#[must_use]
pub fn probe(pipeline: &Pipeline, description: &Description) -> Probe {
    let dense = pipeline.view.dense();
    let Some(saliency) = &pipeline.saliency else {
        return Probe { dense, ..Probe::default() };
    };
    let SaliencyOptions { method, layers, .. } = saliency;
    let picture = method.wanted == Wanted::Both;
    Probe { dense, relu: saliency.relu(), layers: description.tensors(layers), picture }
}

/// The seed of a random choice, from what it is for.
pub(crate) fn seed_of(purpose: &str) -> u64 {
    let hash = Sha256::digest(purpose);
    u64::from_le_bytes(std::array::from_fn(|i| hash[i]))
}

/// The dataset of a run, which must fit its model.
fn open(options: &RunOptions, description: &Description) -> Result<Dataset> {
    let mut dataset = Dataset::open(&Request {
        dataset: Some(&options.dataset),
        data_dir: options.data_dir.as_deref(),
        weights: options.weights.as_deref(),
        images: options.images.as_deref(),
        classes: Some(&description.classes),
        lenient: options.lenient_boxes,
    })?;
    let (theirs, ours) = (&dataset.classes, &description.classes);
    if theirs != ours {
        bail!(
            "the classes of {} are those of the list {}, the scores of {} are for {}\nhelp: bring a model for these classes, \
             and name their list in its description",
            dataset.name,
            theirs.name,
            description.name,
            ours.name
        );
    }
    if let Some(limit) = options.limit {
        dataset.limit(limit);
    }
    let without_class = dataset.photos.iter().filter(|p| p.class.is_none()).count();
    if without_class > 0 && options.classes == Classes::Gt {
        bail!(
            "{without_class} photos of {} have no class\nhelp: localise the predicted ones with --classes top5",
            dataset.name
        );
    }
    Ok(dataset)
}

fn crops(view: &ViewOptions) -> String {
    let shown = match (view.kind, view.scales.len()) {
        (ViewKind::TenCrop, _) => "10 crops".into(),
        (ViewKind::Warp, 0 | 1) => "one warp".into(),
        (ViewKind::Warp, n) => format!("{n} warps"),
        (ViewKind::Dense, _) => "fully convolutional".into(),
    };
    if view.flip { format!("{shown}, mirrored too") } else { shown }
}

/// What one photo gave.
#[derive(Debug)]
struct Record {
    rows: Vec<Row>,
    failure: Option<Failure>,
    predicted: Predicted,
    /// The map of the true class over the whole photo, in 0..=1, where it is to be written.
    map: Option<Array2<f32>>,
    /// The mask of the true class, in the pixels of the photo, where it is to be written.
    mask: Option<Array2<bool>>,
    times: StageTimes,
}

/// Takes every photo through the pipeline on `threads` workers and hands the records on in the photos' order.
///
/// Records that are early wait; they are a few rows each, and the map and the mask where these are to be written.
fn in_order(
    classifier: &Classifier,
    photos: &[Photo],
    options: &RunOptions,
    carrying: &Carrying,
    mut take: impl FnMut(&Photo, Record) -> Result<()>,
) -> Result<()> {
    let localiser = || Localiser::new(classifier, &options.pipeline, options.classes, options.seed);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(carrying.threads).build().context("worker threads")?;
    let (sender, receiver) = mpsc::sync_channel(4 * pool.current_num_threads());
    let stopped = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let sender = sender;
            pool.install(|| {
                // `par_bridge` hands photos out one by one in their order; a split range would start in its middle.
                photos.iter().enumerate().par_bridge().for_each_init(
                    || (localiser(), sender.clone()),
                    |(localiser, sender), (i, photo)| {
                        if !stopped.load(Ordering::Relaxed) {
                            let _ = sender.send((i, photo::process(photo, localiser, carrying)));
                        }
                    },
                );
            });
        });
        // Dropped when this closure ends, by a panic too: workers that still send then stop instead of waiting.
        let receiver = receiver;
        let mut early = BTreeMap::new();
        let mut next = 0;
        let mut result = Ok(());
        for (i, record) in &receiver {
            early.insert(i, record);
            while let Some(record) = early.remove(&next) {
                if result.is_ok() {
                    result = take(&photos[next], record);
                }
                next += 1;
            }
            if result.is_err() {
                stopped.store(true, Ordering::Relaxed);
            }
        }
        result
    })
}

/// What a run has seen so far.
#[derive(Debug, Default)]
struct Tally {
    done: usize,
    predicted: Vec<Predicted>,
    times: StageTimes,
    failures: Vec<Failure>,
}

impl Tally {
    fn add(&mut self, record: Record) {
        self.done += 1;
        self.predicted.push(record.predicted);
        self.times.add(&record.times);
        self.failures.extend(record.failure);
    }

    /// Stops a run that has no chance: a wrong folder must not take all night.
    fn circuit_breaker(&self, photos: usize, last: &Photo) -> Result<()> {
        let (done, failed) = (self.done, self.failures.len());
        let at_the_start = failed == done && failed >= FAILURES_AT_THE_START;
        let many = failed >= FAILURES_BEFORE_A_SHARE_COUNTS && failed as f64 > SHARE_OF_FAILURES * photos as f64;
        let which = match (at_the_start, many) {
            (true, _) => format!("first {failed} images all failed"),
            (_, true) => format!("{failed} of {done} images failed"),
            _ => return Ok(()),
        };
        let Failure { id, reason, .. } = self.failures.last().expect("some failed");
        let folder = last.path.parent().map(|p| p.display().to_string()).unwrap_or_default();
        bail!("{which}; the last: {id}: {reason}\nhelp: is {folder} right? --data-dir names the data");
    }
}

/// The method's name, and its form and gamma where it has them: what a record of a cut must say.
#[must_use]
pub fn method_name(pipeline: &Pipeline) -> String {
    match pipeline.method() {
        Method::Cut(cut, learnt) => {
            let colours = if learnt.is_some() { "" } else { ", no colours" };
            let map = if cut.map > 0.0 { format!(", map {} level {}", cut.map, cut.level) } else { String::new() };
            format!("graphcut {} gamma {}{map}{colours}", format!("{:?}", cut.form).to_lowercase(), cut.gamma)
        }
        Method::Threshold(threshold) => format!("threshold {:?} {}", threshold.rule, threshold.alpha).to_lowercase(),
        Method::ConstantBox(constant) => {
            format!("constant box of {:.4} x each side", constant.side)
        }
    }
}
