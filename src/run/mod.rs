//! The run: every photo of a dataset through the pipeline, one row per photo and class, then the
//! field's numbers.
//!
//! ```text
//! shard ─► work: photos ─► journal (synced as they come) ─► merge: rows in the dataset's order ─► numbers
//! ```
//!
//! A run on one machine is a run in one shard. What a journal holds is never done again, whatever
//! ends a process; what is merged depends neither on shards nor on workers nor on interruptions.
//!
//! In: [`RunOptions`], which say what the results are, and [`Carrying`], which says how they come
//! about. Out: a [`Summary`], and the folder that `docs/run-folder.md` describes. [`Localiser`] is
//! one photo's way, without any folder. Left out is whatever starts processes on other machines:
//! that is a scheduler's work, and `docs/cluster.md` is about it.

mod breaker;
mod clock;
mod error;
pub(crate) mod files;
mod fingerprint;
mod finished;
mod interrupt;
mod journal;
mod lock;
mod manifest;
mod merge;
mod observation;
mod outage;
mod output;
mod photo;
mod pictures;
mod progress;
mod rows;
mod shard;
mod work;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Error, Result, bail, ensure};
use serde::{Deserialize, Serialize};

pub(crate) use clock::Clock;
pub use clock::{StageTimes, thread_ms};
pub use error::{Bug, Done, Incomplete, Stopped};
pub use fingerprint::Fingerprint;
pub use finished::{Finished, Remark};
pub use interrupt::Interrupt;
pub use merge::merge;
pub use observation::Observation;
pub use output::default_folder;
pub use photo::{Found, Localiser, PhotoError, Seen};
pub(crate) use photo::{find, read, survive};
pub use pictures::pictures;
pub(crate) use progress::Progress;
pub use rows::{Failure, Row, Status};
pub use shard::Shard;

pub use crate::publish::OutputError;

use crate::classifier::{self, Description, Probe};
use crate::config::{BoxRule, Pipeline};
use crate::dataset::{Dataset, Jpeg, Request};
use crate::report::Summary;
use crate::saliency::{SaliencyOptions, ViewKind, ViewOptions, Wanted};
use journal::Journal;

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
    /// How damaged JPEGs are taken.
    #[serde(default)]
    pub jpeg: Jpeg,
    /// What the pipeline is called.
    pub pipeline_name: String,
    /// The experiment.
    pub pipeline: Pipeline,
}

impl RunOptions {
    /// The text of `run.toml`.
    ///
    /// # Errors
    /// When a path is no Unicode.
    pub fn to_text(&self) -> Result<String> {
        toml::to_string(self).context(files::RUN)
    }

    /// What a `run.toml` says.
    ///
    /// # Errors
    /// With line and column, when it is none.
    pub fn from_text(text: &str) -> Result<Self> {
        Ok(toml::from_str(text)?)
    }
}

/// How a run is carried out; nothing here changes its numbers. Whether maps and masks are written
/// is part of the fingerprint all the same, since a journal tells that they are there.
#[derive(Clone, Debug, Default)]
pub struct Carrying {
    /// The results' folder.
    pub out: PathBuf,
    /// Begin anew; what lies there is kept as `NAME.old`.
    pub fresh: bool,
    /// How long to wait for another process at the same work.
    pub patience: Duration,
    /// How many workers; 0 for one per core.
    pub threads: usize,
    /// Show no progress.
    pub quiet: bool,
    /// Write the saliency map of the true class too, as wsolevaluation's score maps.
    pub maps: bool,
    /// Write the mask of the true class too.
    pub masks: bool,
}

/// A run that is ready to begin.
#[derive(Debug)]
struct Job<'a> {
    options: &'a RunOptions,
    carrying: &'a Carrying,
    description: Description,
    dataset: Dataset,
    fingerprint: Fingerprint,
}

impl<'a> Job<'a> {
    /// Tries the output, then reads all that the run depends on. A mistake in that leaves no folder
    /// behind.
    fn begin(options: &'a RunOptions, carrying: &'a Carrying) -> Result<Self> {
        let new = output::prepare(&carrying.out, carrying.fresh)?;
        let job = Self::prepare(options, carrying);
        if new && job.is_err() {
            let _ = std::fs::remove_dir(&carrying.out);
        }
        job
    }

    fn prepare(options: &'a RunOptions, carrying: &'a Carrying) -> Result<Self> {
        let description = classifier::describe(&options.model)?;
        if carrying.maps && matches!(options.pipeline.box_rule(), BoxRule::ConstantBox(_)) {
            bail!(
                "--write-maps: a constant box has no saliency map\nhelp: take another --pipeline"
            );
        }
        let dataset = open(options, &description)?;
        for note in &dataset.notes {
            tracing::warn!("{}: {note}", dataset.name);
        }
        let fingerprint = Fingerprint::of(options, carrying, &description, &dataset)?;
        Ok(Self {
            options,
            carrying,
            description,
            dataset,
            fingerprint,
        })
    }

    /// Refuses to go on with a journal that is not this shard's.
    fn must_fit(&self, journal: &Journal, shard: Shard) -> Result<()> {
        self.must_go_with(journal, shard, journal.header.shard == shard)
    }

    /// Refuses a journal of something else, or one that does not fit into the same run.
    fn must_go_with(&self, journal: &Journal, shard: Shard, fits: bool) -> Result<()> {
        let (out, theirs) = (self.carrying.out.display(), journal.header.shard);
        ensure!(
            fits,
            "{out} holds shard {theirs}, this is shard {shard}; use another --out or --fresh"
        );
        let help = "use another --out or --fresh";
        self.fingerprint
            .must_be(&journal.header.fingerprint, &self.carrying.out, help)
    }
}

/// Runs a pipeline over a dataset and writes the results, or goes on where an earlier run into the
/// same folder stopped.
///
/// # Errors
/// When the run cannot start (a bad model, dataset or folder), the folder holds another run, too
/// many photos fail, the run was [`Stopped`], or the output cannot be written ([`OutputError`]).
pub fn run(options: &RunOptions, carrying: &Carrying, interrupt: &Interrupt) -> Result<Summary> {
    let job = Job::begin(options, carrying)?;
    let journal = work::work(&job, Shard::WHOLE, interrupt)?;
    merge::publish_results(&job, &[journal])
}

/// Works on one shard of a run, for [`merge()`] to put together; says how many of how many photos
/// failed.
///
/// # Errors
/// As [`run`].
pub fn run_shard(
    options: &RunOptions,
    carrying: &Carrying,
    shard: Shard,
    interrupt: &Interrupt,
) -> Result<Done> {
    let job = Job::begin(options, carrying)?;
    let journal = work::work(&job, shard, interrupt)?;
    Ok(Done {
        done: journal.done(),
        all: journal.done() + journal.failed(),
    })
}

/// What a pipeline asks a classifier.
#[must_use]
pub fn probe(pipeline: &Pipeline, description: &Description) -> Probe {
    let dense = pipeline.view.dense();
    let Some(saliency) = &pipeline.saliency else {
        return Probe {
            dense,
            ..Probe::default()
        };
    };
    let SaliencyOptions { method, layers, .. } = saliency;
    let picture = method.wanted == Wanted::Both;
    Probe {
        dense,
        relu: saliency.relu(),
        layers: description.tensors(layers),
        picture,
    }
}

/// A dataset, or so many of its photos, for a model that must have its classes.
pub(crate) fn open_for(
    description: &Description,
    request: &Request<'_>,
    limit: Option<usize>,
) -> Result<Dataset> {
    let mut dataset = Dataset::open(&Request {
        classes: Some(&description.classes),
        ..*request
    })?;
    description
        .must_have(&dataset.classes, &dataset.name)
        .map_err(Error::msg)?;
    if let Some(limit) = limit {
        dataset.limit(limit);
    }
    Ok(dataset)
}

/// The dataset of a run.
fn open(options: &RunOptions, description: &Description) -> Result<Dataset> {
    let request = Request {
        dataset: Some(&options.dataset),
        data_dir: options.data_dir.as_deref(),
        weights: options.weights.as_deref(),
        images: options.images.as_deref(),
        lenient: options.lenient_boxes,
        ..Request::default()
    };
    let dataset = open_for(description, &request, options.limit)?;
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
    if view.flip {
        format!("{shown}, mirrored too")
    } else {
        shown
    }
}

/// The box rule's name, and its form and gamma where it has them: what a record of a cut must say.
#[must_use]
pub fn method_name(pipeline: &Pipeline) -> String {
    match pipeline.box_rule() {
        BoxRule::Cut(cut, learnt) => {
            let colours = if learnt.is_some() { "" } else { ", no colours" };
            let map = if cut.map > 0.0 {
                format!(", map {} level {}", cut.map, cut.level)
            } else {
                String::new()
            };
            format!(
                "graphcut {} gamma {}{map}{colours}",
                format!("{:?}", cut.form).to_lowercase(),
                cut.gamma
            )
        }
        BoxRule::Threshold(threshold) => {
            format!("threshold {:?} {}", threshold.rule, threshold.alpha).to_lowercase()
        }
        BoxRule::ConstantBox(constant) => {
            format!("constant box of {:.4} x each side", constant.side)
        }
    }
}
