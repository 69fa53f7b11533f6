//! `localise run`

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use serde_json::{json, to_value};

use super::progress::TerminalProgress;
use super::report::ReportArgs;
use super::signals::interrupt_on_signals;
use super::{Exit, print};
use crate::pipeline::Pipeline;
use crate::dataset::Jpeg;
use crate::report;
use crate::results::Summary;
use crate::localiser::Classes;
use crate::results::RunOptions;
use crate::run::{Control, ExecutionOptions, Shard, ShardCount, default_folder, run, run_shard};
use crate::assets::{Catalog, DATASETS, MODELS};

/// The model that is run where none is named: small, quick to fetch, of AlexNet's accuracy.
pub(super) const DEFAULT_MODEL: &str = "squeezenet1.1";
/// The pipeline that is run where none is named: the paper's.
pub(super) const DEFAULT_PIPELINE: &str = "paper2013";

// Headings of the help.
const HOW: &str = "How to run it";
const OUTPUT: &str = "Output";

const EXAMPLES: &str = "Examples:
  localise run --dataset sample                            the paper's pipeline on seven photos
  localise run --dataset sample --limit 3 --pipeline fast  another pipeline, on three of them
  localise run --dataset sample --set cut.gamma=50         one value changed
  localise run --dataset sample --out runs/A --shard 0/2   the first half; then `localise merge`
  localise run --config runs/A/run.toml --out runs/B       what another run did, again";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, next_help_heading = "What to run")]
pub(super) struct RunArgs {
    /// A dataset's name (`localise list datasets`), its description, or a folder or file in a
    /// layout that is known.
    #[arg(long, value_name = "NAME|PATH", required_unless_present = "config")]
    dataset: Option<PathBuf>,
    /// Where the dataset's files lie.
    #[arg(long, value_name = "DIR", env = "LOCALISE_DATA")]
    data_dir: Option<PathBuf>,
    /// A model's name (`localise list models`), its description or its ONNX file [default:
    /// squeezenet1.1]
    #[arg(long, value_name = "NAME|PATH")]
    model: Option<PathBuf>,
    /// A pipeline's name (`localise list pipelines`) or file [default: paper2013]
    #[arg(long, value_name = "NAME|PATH")]
    pipeline: Option<PathBuf>,
    /// Change one value of the pipeline, such as seeds.foreground=0.97.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The results' folder [default: runs/DATE-DATASET-PIPELINE-MODEL]
    #[arg(long, value_name = "DIR", help_heading = OUTPUT)]
    out: Option<PathBuf>,
    /// Begin anew where the folder holds a run already, which is kept as `*.old`; without this it
    /// is gone on with.
    #[arg(long, help_heading = OUTPUT)]
    fresh: bool,
    /// Only the I-th of N equal parts, I from 0; `localise merge` puts them together.
    #[arg(long, value_name = "I/N", requires = "out", help_heading = HOW)]
    shard: Option<Shard>,
    /// How long to wait for another process at the same work.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, help_heading = HOW)]
    lock_wait: u64,
    /// Only this many photos, of a fixed shuffle: for testing.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Only the photos named in this file, one a line.
    #[arg(long, value_name = "FILE")]
    images: Option<PathBuf>,
    /// How many photos to work on at once; the results do not depend on it [default: one per core]
    #[arg(long, value_name = "T", default_value_t = 0, hide_default_value = true, help_heading = HOW)]
    threads: usize,
    /// Which classes get a box [default: gt]
    #[arg(long, value_enum)]
    classes: Option<Classes>,
    /// Weights of the photos, a CSV with the columns image_id and weight.
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Leave out true boxes that are inside out or outside their photo, in place of an error.
    #[arg(long)]
    lenient_boxes: bool,
    /// Mixed into the seed of every random choice [default: 0]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How damaged JPEGs are taken [default: strict]
    #[arg(long, value_enum)]
    jpeg: Option<Jpeg>,
    /// Write the saliency map of each photo's true class too: maps/ID.npy, as wsolevaluation's
    /// score maps.
    #[arg(long, help_heading = OUTPUT)]
    write_maps: bool,
    /// Write the mask of each photo's true class too: masks/ID.png.
    #[arg(long, help_heading = OUTPUT)]
    write_masks: bool,
    /// Make the page of the run too, report.html: `localise report` with its defaults.
    #[arg(long, help_heading = OUTPUT, conflicts_with = "shard")]
    report: bool,
    /// Print the summary as one JSON object in place of the table: summary.json, and `out`, where
    /// the results lie.
    #[arg(long, help_heading = OUTPUT)]
    json: bool,
    /// RunArgs what the run.toml of another run says; other options change it.
    #[arg(long, value_name = "RUN.TOML")]
    config: Option<PathBuf>,
}

impl RunArgs {
    pub(super) fn run(self, quiet: bool) -> Result<Exit> {
        let options = self.options()?;
        let execution = ExecutionOptions {
            out: self.out.clone().unwrap_or_else(|| folder(&options)),
            fresh: self.fresh,
            lock_wait: Duration::from_secs(self.lock_wait),
            threads: self.threads,
            maps: self.write_maps,
            masks: self.write_masks,
        };
        let control = Control {
            interrupt: interrupt_on_signals().context("signals")?,
            progress: &TerminalProgress { quiet },
        };
        if let Some(shard) = self.shard {
            let count = run_shard(&options, &execution, shard, &control)?;
            return self.print_shard(shard, count, &execution.out);
        }
        let summary = run(&options, &execution, &control)?;
        let exit = print_summary(&summary, &execution.out, self.json)?;
        if self.report {
            let page = ReportArgs::for_run(&execution.out).write(quiet)?;
            print(if self.json { "" } else { &page })?;
        }
        Ok(exit)
    }

    fn print_shard(&self, shard: Shard, count: ShardCount, out: &Path) -> Result<Exit> {
        let (failed, out) = (count.total - count.done, out.display().to_string());
        print(&if self.json {
            let record = json!({
                "schema": 1,
                "shard": shard.to_string(),
                "images": count.total,
                "failed": failed,
                "out": out,
            });
            format!("{record}\n")
        } else {
            format!("shard {shard}: {count} photos done, {failed} failed   {out}\n")
        })?;
        Ok(if failed > 0 { Exit::SomeFailed } else { Exit::Done })
    }

    fn options(&self) -> Result<RunOptions> {
        let file = self.config.as_deref().map(read).transpose()?;
        let (pipeline_name, pipeline) = match (&self.pipeline, &file) {
            (
                None,
                Some(RunOptions {
                    pipeline_name,
                    pipeline,
                    ..
                }),
            ) => {
                let origin = format!(
                    "the pipeline of {}",
                    self.config.as_deref().unwrap_or(Path::new("")).display()
                );
                (
                    pipeline_name.clone(),
                    Pipeline::from_text(&pipeline.to_text(), &origin, &self.set)?,
                )
            }
            (given, _) => {
                let given = given.clone().unwrap_or_else(|| DEFAULT_PIPELINE.into());
                let name = given
                    .file_stem()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                (
                    if given.extension().is_some() {
                        name
                    } else {
                        given.display().to_string()
                    },
                    Pipeline::load(&given, &self.set)?,
                )
            }
        };
        let changed = if self.set.is_empty() {
            String::new()
        } else {
            format!(" {}", self.set.join(" "))
        };
        let old = file.as_ref();
        let Some(dataset) = self.dataset.clone().or(old.map(|f| f.dataset.clone())) else {
            bail!("--dataset is missing\nhelp: name what to run over: `localise list datasets`")
        };
        Ok(RunOptions {
            dataset: name_or_path(dataset, &DATASETS),
            data_dir: self
                .data_dir
                .clone()
                .or(old.and_then(|f| f.data_dir.clone()))
                .map(settled),
            model: name_or_path(
                self.model
                    .clone()
                    .or(old.map(|f| f.model.clone()))
                    .unwrap_or_else(|| DEFAULT_MODEL.into()),
                &MODELS,
            ),
            limit: self.limit.map(|n| n as usize).or(old.and_then(|f| f.limit)),
            images: self
                .images
                .clone()
                .or(old.and_then(|f| f.images.clone()))
                .map(settled),
            weights: self
                .weights
                .clone()
                .or(old.and_then(|f| f.weights.clone()))
                .map(settled),
            lenient_boxes: self.lenient_boxes || old.is_some_and(|f| f.lenient_boxes),
            classes: self.classes.or(old.map(|f| f.classes)).unwrap_or_default(),
            seed: self.seed.or(old.map(|f| f.seed)).unwrap_or_default(),
            jpeg: self.jpeg.or(old.map(|f| f.jpeg)).unwrap_or_default(),
            pipeline_name: pipeline_name + &changed,
            pipeline,
        })
    }
}

/// Prints a run's numbers and where it lies.
pub(super) fn print_summary(summary: &Summary, out: &Path, as_json: bool) -> Result<Exit> {
    let text = if as_json {
        let mut value = to_value(summary)?;
        value["out"] = out.display().to_string().into();
        format!("{value}\n")
    } else {
        format!("{}\n {}\n", report::table(summary), out.display())
    };
    match print(&text) {
        // A reader that has seen enough does not change how the run ended.
        Err(error) if !error.is_broken_pipe() => return Err(error.into()),
        _ => {}
    }
    Ok(if summary.failed > 0 {
        Exit::SomeFailed
    } else {
        Exit::Done
    })
}

fn read(path: &Path) -> Result<RunOptions> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        anyhow!(
            "{}: {e}\nhelp: --config takes the run.toml in a run's folder",
            path.display()
        )
    })?;
    RunOptions::from_text(&text).with_context(|| path.display().to_string())
}

/// A path made absolute, so that `run.toml` runs from any folder.
fn settled(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// A name that is known, as it is; anything else is a path.
fn name_or_path(given: PathBuf, catalog: &Catalog) -> PathBuf {
    let is_name = catalog.origin(&given).is_some();
    if is_name || !given.exists() {
        given
    } else {
        settled(given)
    }
}

fn folder(options: &RunOptions) -> PathBuf {
    let stem = |path: &Path| {
        path.file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let model = if options
        .model
        .extension()
        .is_some_and(|e| e == "onnx" || e == "toml")
    {
        stem(&options.model)
    } else {
        options.model.display().to_string()
    };
    let pipeline = options
        .pipeline_name
        .replace(|c: char| !c.is_alphanumeric() && c != '.' && c != '-', "-");
    default_folder(&stem(&options.dataset), &pipeline, &model)
}
