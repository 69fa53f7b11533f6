//! `localise learn`

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;

use super::exit::Exit;
use super::output::print;
use super::progress::TerminalProgress;
use super::run::DEFAULT_MODEL;
use super::signals::interrupt_on_signals;
use crate::classifier::{self, ModelDescription, Preset, describe_like};
use crate::dataset::{Dataset, Jpeg, Request};
use crate::fs::{OutputError, ensure_writable, write_atomically};
use crate::learn::{LearnOptions, Learned, learn};
use crate::path_text;
use crate::pipeline::Pipeline;
use crate::report;
use crate::run::Control;

const EXAMPLES: &str = "Examples:
  localise learn --dataset PHOTOS --out my-head.toml     from any photos, without labels or boxes
  localise learn --dataset ilsvrc-val --data-dir DIR --model efficientnet-lite0 --out my-head.toml
  localise run --dataset sample --set head.file=my-head.toml --pipeline fast";

/// How many photos the page shows.
const SHOWN: usize = 24;

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct LearnArgs {
    /// The photos: a name, a folder or a file. Their boxes are not looked at. A photo without a
    /// class counts as what the model takes it for.
    #[arg(long, value_name = "NAME|PATH")]
    dataset: PathBuf,
    /// The folder of the dataset's files.
    #[arg(long, value_name = "DIR", env = "LOCALISE_DATA")]
    data_dir: Option<PathBuf>,
    /// Learn only from the photos named in this file, one per line, or only those in this folder.
    #[arg(long, value_name = "FILE|DIR")]
    images: Option<PathBuf>,
    /// Learn from at most N photos, the first of a fixed shuffle. More than 300 hardly help.
    #[arg(long, value_name = "N", default_value_t = 300)]
    limit: usize,
    /// The model: a name (`localise list models`), a description, an ONNX file or its
    /// folder.
    #[arg(long, value_name = "NAME|PATH", default_value = DEFAULT_MODEL)]
    model: PathBuf,
    /// How the pixels of an ONNX file without a description are scaled.
    #[arg(long, value_name = "PRESET", value_enum)]
    like: Option<Preset>,
    /// The pipeline whose cuts are learned from: a name (`localise list pipelines`) or a file. Its
    /// head is left out.
    #[arg(long, value_name = "NAME|PATH", default_value = "best")]
    pipeline: PathBuf,
    /// Change one value of the pipeline. May be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The layers that the head looks at: names of tensors, or names that the model's description
    /// defines or that are found from shapes (`localise layers`) [default: head]
    #[arg(long, value_name = "LAYER,...", value_delimiter = ',')]
    layers: Vec<String>,
    /// How many directions of the features are used [default: half of them, and at most 256]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    components: Option<u32>,
    /// The head to write, a TOML file. A page of the same name shows how it was learned.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Start over, where another call for the same file was interrupted.
    #[arg(long)]
    fresh: bool,
    /// How many photos to process at once; the head does not depend on it [default: one per core]
    #[arg(long, value_name = "T", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// A number that every random choice depends on.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// How damaged JPEGs are treated.
    #[arg(long, value_enum, default_value_t)]
    jpeg: Jpeg,
    /// Print one JSON object in place of the table.
    #[arg(long)]
    json: bool,
}

impl LearnArgs {
    pub(super) fn run(self, quiet: bool) -> Result<Exit> {
        ensure_writable(&self.out)?;
        let options = self.options()?;
        if self.fresh && options.work.is_dir() {
            std::fs::remove_dir_all(&options.work).map_err(OutputError::at(&options.work))?;
        }
        let control = Control {
            interrupt: interrupt_on_signals().context("cannot handle signals")?,
            progress: &TerminalProgress { quiet },
        };
        let learned = learn(&options, &control)?;
        let page = self.out.with_extension("html");
        write_atomically(&page, report::learned_page(&learned, SHOWN).as_bytes())?;
        write_atomically(&self.out, learned.head.to_text().as_bytes())?;
        print(&self.text(&learned, &page))?;
        Ok(if learned.failed.is_empty() {
            Exit::Done
        } else {
            Exit::SomeFailed
        })
    }

    fn options(&self) -> Result<LearnOptions> {
        let description = describe_like(&self.model, self.like, None)?;
        let pipeline = Pipeline::load(&self.pipeline, &self.set)?;
        let mut dataset = Dataset::open(&Request {
            dataset: Some(&self.dataset),
            data_dir: self.data_dir.as_deref(),
            images: self.images.as_deref(),
            classes: Some(&description.classes),
            lenient: true,
            ..Request::default()
        })?;
        description.ensure_has_classes(&dataset.classes, &dataset.name)?;
        for note in &dataset.notes {
            tracing::warn!("{}: {note}", dataset.name);
        }
        dataset.limit(self.limit);
        let mut name = path_text::encode(&self.pipeline);
        for setting in &self.set {
            name = format!("{name} {setting}");
        }
        Ok(LearnOptions {
            dataset,
            tensors: self.tensors(&description)?,
            description,
            pipeline: Pipeline {
                head: None,
                ..pipeline
            },
            pipeline_name: name,
            components: self.components.map(|n| n as usize),
            jpeg: self.jpeg,
            rng_seed: self.seed,
            threads: self.threads,
            work: self.out.with_extension("part"),
        })
    }

    /// The tensors of the head's layers.
    fn tensors(&self, description: &ModelDescription) -> Result<Vec<String>> {
        let usual = [String::from("head")];
        let layers = if self.layers.is_empty() {
            &usual
        } else {
            &self.layers[..]
        };
        let named = classifier::named_tensors(description, layers)?;
        for note in &named.notes {
            tracing::warn!("model {}: {note}", description.name);
        }
        Ok(named.tensors)
    }

    fn text(&self, learned: &Learned, page: &Path) -> String {
        let [head, page] = [&self.out, page].map(path_text::encode);
        if self.json {
            let record = json!({
                "schema": 1,
                "head": head,
                "page": page,
                "photos": learned.photos.len(),
                "failed": learned.failed.len(),
                "rounds": learned.rounds,
            });
            return format!("{record}\n");
        }
        format!(
            "{}\n {} photos, {} left out\n {head}\n {page}\n",
            report::learned_table(learned),
            learned.photos.len(),
            learned.failed.len(),
        )
    }
}
