//! `localise run`

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{json, to_value};

use super::exit::Exit;
use super::output::print;
use super::progress::TerminalProgress;
use super::report::ReportArgs;
use super::signals::interrupt_on_signals;
use crate::assets::{Catalog, DATASETS, MODELS};
use crate::classifier::Preset;
use crate::dataset::{self, Jpeg};
use crate::localiser::Classes;
use crate::path_text;
use crate::pipeline::Pipeline;
use crate::remedy::Refused;
use crate::report;
use crate::results::{RunOptions, Summary};
use crate::run::{Control, ExecutionOptions, Shard, ShardCount, default_folder, run, run_shard};
use crate::storage;

/// The default model: small, quick to fetch, and as accurate as AlexNet.
pub(super) const DEFAULT_MODEL: &str = "squeezenet1.1";
/// The default pipeline: that of the paper.
pub(super) const DEFAULT_PIPELINE: &str = "paper2013";

// The headings of the help.
const INPUT: &str = "Input";
const EXECUTION: &str = "Execution";
const OUTPUT: &str = "Output";

const EXAMPLES: &str = "Examples:
  localise run --dataset sample                            run the paper's pipeline on 30 photos
  localise run --dataset sample --limit 3 --pipeline fast  another pipeline, on three photos
  localise run --dataset sample --set cut.gamma=50         change one value of the pipeline
  localise run --dataset sample --out runs/A --shard 0/2   one half; combine with `localise merge`
  localise run --config runs/A/run.toml --out runs/B       repeat another run";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, next_help_heading = INPUT)]
pub(super) struct RunArgs {
    /// The dataset: a name (`localise list datasets`), a description, or a folder or file in a
    /// known layout (`localise list layouts`).
    #[arg(long, value_name = "NAME|PATH", required_unless_present = "config")]
    dataset: Option<PathBuf>,
    /// The folder of the dataset's files.
    #[arg(long, value_name = "DIR", env = "LOCALISE_DATA")]
    data_dir: Option<PathBuf>,
    /// The model: a name (`localise list models`), a description, an ONNX file or its
    /// folder [default: squeezenet1.1]
    #[arg(long, value_name = "NAME|PATH")]
    model: Option<PathBuf>,
    /// How the pixels of an ONNX file without a description are scaled.
    #[arg(long, value_name = "PRESET", value_enum)]
    like: Option<Preset>,
    /// The pipeline: a name (`localise list pipelines`) or a file [default: paper2013]
    #[arg(long, value_name = "NAME|PATH")]
    pipeline: Option<PathBuf>,
    /// Change one value of the pipeline, such as seeds.foreground=0.97. May be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The folder for the results [default: runs/DATE-DATASET-PIPELINE-MODEL]
    #[arg(long, value_name = "DIR", help_heading = OUTPUT)]
    out: Option<PathBuf>,
    /// Start over if the folder contains a run already, which is kept as `*.old`. Without this
    /// option, that run is resumed.
    #[arg(long, help_heading = OUTPUT)]
    fresh: bool,
    /// Run only the I-th of N equal parts, I from 0. `localise merge` combines them.
    #[arg(long, value_name = "I/N", requires = "out", help_heading = EXECUTION)]
    shard: Option<Shard>,
    /// How long to wait for another process that works on the same run.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, help_heading = EXECUTION)]
    lock_wait: u64,
    /// Process at most N photos, the first of a fixed shuffle. For testing.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Process only the photos named in this file, one per line, or only those in this folder.
    #[arg(long, value_name = "FILE|DIR")]
    images: Option<PathBuf>,
    /// How many photos to process at once; the results do not depend on it [default: one per core]
    #[arg(long, value_name = "T", default_value_t = 0, hide_default_value = true)]
    #[arg(help_heading = EXECUTION)]
    threads: usize,
    /// Which classes get a box [default: gt]
    #[arg(long, value_enum)]
    classes: Option<Classes>,
    /// The weights of the photos: a CSV file with the columns image_id and weight.
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Leave out true boxes that are inverted or outside their photo, in place of an error.
    #[arg(long)]
    lenient_boxes: bool,
    /// A number that every random choice depends on [default: 0]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How damaged JPEGs are treated [default: strict]
    #[arg(long, value_enum)]
    jpeg: Option<Jpeg>,
    /// Also write the saliency map for the true class of each photo: maps/ID.npy, a score map for
    /// wsolevaluation.
    #[arg(long, help_heading = OUTPUT)]
    write_maps: bool,
    /// Also write the mask for the true class of each photo: masks/ID.png.
    #[arg(long, help_heading = OUTPUT)]
    write_masks: bool,
    /// Also make a report, report.html, as `localise report` does by default.
    #[arg(long, help_heading = OUTPUT, conflicts_with = "shard")]
    report: bool,
    /// Print one JSON object in place of the table: summary.json, and `out`, the folder of the
    /// results.
    #[arg(long, help_heading = OUTPUT)]
    json: bool,
    /// Repeat the run of this run.toml; other options change it.
    #[arg(long, value_name = "RUN.TOML")]
    config: Option<PathBuf>,
}

impl RunArgs {
    pub(super) fn run(self, quiet: bool) -> Result<Exit> {
        let options = self.options()?;
        let execution = ExecutionOptions {
            out: self.out.clone().unwrap_or_else(|| default_out(&options)),
            fresh: self.fresh,
            lock_wait: Duration::from_secs(self.lock_wait),
            threads: self.threads,
            maps: self.write_maps,
            masks: self.write_masks,
        };
        let control = Control {
            interrupt: interrupt_on_signals().context("cannot handle signals")?,
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
        let (failed, out) = (count.total - count.done, path_text::encode(out));
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
        Ok(if failed > 0 {
            Exit::SomeFailed
        } else {
            Exit::Done
        })
    }

    /// The specification of the run: that of `--config`, or else the defaults, changed by the other
    /// options.
    fn options(&self) -> Result<RunOptions> {
        let config = self.config.as_deref().map(read_config).transpose()?;
        let (pipeline_name, pipeline) = self.resolve_pipeline(config.as_ref())?;
        let mut options = match config {
            Some(config) => RunOptions {
                pipeline_name,
                pipeline,
                ..config
            },
            None => default_options(pipeline_name, pipeline),
        };
        replace(&mut options.dataset, &self.dataset);
        if let Some(model) = &self.model {
            options.model.clone_from(model);
            options.like = None;
        }
        options.like = self.like.or(options.like);
        replace(&mut options.classes, &self.classes);
        replace(&mut options.seed, &self.seed);
        replace(&mut options.jpeg, &self.jpeg);
        options.lenient_boxes |= self.lenient_boxes;
        options.limit = self.limit.map(|n| n as usize).or(options.limit);
        let path = |given: &Option<PathBuf>, or| given.clone().or(or).map(absolute);
        options.data_dir = path(&self.data_dir, options.data_dir);
        options.images = path(&self.images, options.images);
        options.weights = path(&self.weights, options.weights);
        options.dataset = name_or_path(options.dataset, &DATASETS);
        options.model = name_or_path(options.model, &MODELS);
        Ok(options)
    }

    /// The pipeline and its name: that of `--pipeline`, or else of `--config`, or else the default,
    /// changed by `--set`.
    fn resolve_pipeline(&self, config: Option<&RunOptions>) -> Result<(String, Pipeline)> {
        let (mut name, pipeline) = match (&self.pipeline, config) {
            (None, Some(config)) => {
                let file = self.config.as_deref().unwrap_or(Path::new(""));
                let origin = format!("the pipeline of {}", file.display());
                let text = config.pipeline.to_text();
                let pipeline = Pipeline::from_text(&text, &origin, &self.set)?;
                (config.pipeline_name.clone(), pipeline)
            }
            (given, _) => {
                let given = given.as_deref().unwrap_or(Path::new(DEFAULT_PIPELINE));
                let name = match given.extension() {
                    Some(_) => stem(given),
                    None => path_text::encode(given),
                };
                (name, Pipeline::load(given, &self.set)?)
            }
        };
        for setting in &self.set {
            name = format!("{name} {setting}");
        }
        Ok((name, pipeline))
    }
}

/// The specification of a run without options, but for its dataset, which has no default.
fn default_options(pipeline_name: String, pipeline: Pipeline) -> RunOptions {
    RunOptions {
        dataset: PathBuf::new(),
        data_dir: None,
        model: DEFAULT_MODEL.into(),
        like: None,
        limit: None,
        images: None,
        weights: None,
        lenient_boxes: false,
        classes: Classes::default(),
        seed: 0,
        jpeg: Jpeg::default(),
        pipeline_name,
        pipeline,
    }
}

/// Replaces a value by the one that is given, if any.
fn replace<T: Clone>(value: &mut T, given: &Option<T>) {
    if let Some(given) = given {
        value.clone_from(given);
    }
}

/// Prints the summary of a run in at most 21 lines, the last of which is the folder of its results.
pub(super) fn print_summary(summary: &Summary, out: &Path, as_json: bool) -> Result<Exit> {
    let text = if as_json {
        let mut value = to_value(summary)?;
        value["out"] = path_text::encode(out).into();
        format!("{value}\n")
    } else {
        format!(
            "{}\n `localise score RUN` prints all metrics\n {}\n",
            report::short_table(summary),
            path_text::encode(out)
        )
    };
    match print(&text) {
        // A reader that closes the output early does not change how the run ended.
        Err(error) if !error.is_broken_pipe() => return Err(error.into()),
        _ => {}
    }
    Ok(if summary.failed > 0 {
        Exit::SomeFailed
    } else {
        Exit::Done
    })
}

fn read_config(path: &Path) -> Result<RunOptions> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        let advice = "--config takes the run.toml in the folder of a run";
        Refused::with_advice(e, advice).context(path.display())
    })?;
    RunOptions::from_text(&text).with_context(|| path.display().to_string())
}

/// An absolute path, so that `run.toml` can be repeated from any folder.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// A name in the catalog, as it is; or else an absolute path, if the file exists.
fn name_or_path(given: PathBuf, catalog: &Catalog) -> PathBuf {
    let is_name = catalog.origin(&given).is_some();
    if is_name || !(storage::exists(&given) || dataset::is_pattern(&given)) {
        given
    } else {
        absolute(given)
    }
}

/// The folder for the results if `--out` is not given.
fn default_out(options: &RunOptions) -> PathBuf {
    let extension = options.model.extension();
    let is_path = options.model.is_dir() || extension.is_some_and(|e| e == "onnx" || e == "toml");
    let model = if is_path {
        stem(&options.model)
    } else {
        path_text::encode(&options.model)
    };
    let is_kept = |c: char| c.is_alphanumeric() || c == '.' || c == '-';
    let pipeline = options.pipeline_name.replace(|c| !is_kept(c), "-");
    default_folder(&stem(&options.dataset), &pipeline, &model)
}

/// The name of a file without its extension.
fn stem(path: &Path) -> String {
    path_text::encode(path.file_stem().unwrap_or_default())
}
