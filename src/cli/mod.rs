//! The command line, one file for each subcommand.
//!
//! A subcommand resolves its arguments and calls the library. Results go to stdout, and everything
//! else goes to stderr.
#![allow(clippy::print_stderr, reason = "messages to the user")]

mod compare;
mod completions;
mod describe;
mod doctor;
mod exit;
mod grad;
mod help;
mod layers;
mod learn;
mod list;
mod man;
mod maxflow;
mod merge;
mod nightly;
mod option_owners;
mod output;
mod progress;
mod report;
mod run;
mod score;
mod show;
mod show_record;
mod signals;
mod study;
mod values;
mod visualise;

use std::panic::catch_unwind;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use signal_hook::consts::SIGXFSZ;

use self::exit::Exit;
use self::option_owners::Invocation;
use crate::classifier::{self, Provider, Settings};
use crate::fs::OutputError;

const EXAMPLES: &str = "Examples:
  localise doctor                                check that ONNX Runtime and a model are there
  localise run --dataset sample                  run the paper's pipeline on 30 photos
  localise show data/sample/images/coffee.jpg    draw one photo's path through the pipeline
  localise list pipelines                        list the other pipelines
  localise study smoke                           compare several of them in one table
  localise help run                              describe a subcommand (`run -h` is shorter)";

const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (",
    env!("LOCALISE_COMMIT"),
    ")"
);

/// Finds objects with an image classifier that was never shown a box.
///
/// Simonyan, Vedaldi and Zisserman 2013, "Deep Inside Convolutional Networks".
#[derive(Debug, Parser)]
#[command(version = VERSION, max_term_width = 100)]
#[command(after_help = EXAMPLES, next_help_heading = "Options of every subcommand")]
struct Arguments {
    #[command(subcommand)]
    subcommand: Subcommands,
    /// The ONNX Runtime library [default: that of ORT_DYLIB_PATH, or else the first one found in
    /// .onnxruntime/, beside the program, and where the system looks for libraries]
    #[arg(long, global = true, value_name = "PATH")]
    onnxruntime: Option<PathBuf>,
    /// What runs the networks. An accelerator needs a program that was built with its feature.
    #[arg(long, global = true, value_enum, default_value_t)]
    provider: Provider,
    /// Stop an execution of the network that takes longer than this; the photo counts as failed.
    #[arg(long, global = true, value_name = "SECONDS", default_value = "120")]
    #[arg(value_parser = seconds)]
    run_timeout: Duration,
    /// Print only errors.
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Print more messages; given twice, those of ONNX Runtime too.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Run a pipeline over a dataset and score it.
    Run(run::RunArgs),
    /// Combine the shards of a run and score them.
    Merge(merge::MergeArgs),
    /// Score boxes, score maps or masks from any source against a dataset. Needs no model and no
    /// ONNX Runtime.
    Score(score::ScoreArgs),
    /// Compare two results on the same photos: which photos flipped, and is it more than chance?
    Compare(compare::CompareArgs),
    /// Run an evaluation every night: compare with the last good night, keep a history, print one
    /// line.
    Nightly(nightly::NightlyArgs),
    /// Make a report, one HTML file, of a run or of several runs over the same photos.
    Report(report::ReportArgs),
    /// Check ONNX Runtime, a dataset and a model before a long run.
    Doctor(doctor::DoctorArgs),
    /// Describe an ONNX file: read and measure what its input expects, and write it down.
    Describe(describe::DescribeArgs),
    /// Draw a photo's path through a pipeline as a picture.
    Show(show::ShowArgs),
    /// Run a grid of pipelines over a dataset, each shared stage once, and compare them in one
    /// table.
    Study(study::StudyArgs),
    /// Learn a foreground head from photos, without labels or boxes.
    Learn(learn::LearnArgs),
    /// Make class models: pictures that maximise the score of a class (section 2 of the paper).
    Visualise(visualise::VisualiseArgs),
    /// Add a backward pass to a model, so that any ONNX runtime computes the gradient of a score.
    Grad(grad::GradArgs),
    /// List the feature maps of a model, and the names that pipelines can use for them.
    Layers(layers::LayersArgs),
    /// Solve a maximum-flow problem on a grid, in DIMACS format.
    Maxflow(maxflow::MaxflowArgs),
    /// List the known datasets, models, pipelines, methods, metrics and so on.
    List(list::ListArgs),
    /// Print a completion script for a shell.
    Completions(completions::CompletionsArgs),
    /// Write manual pages, one for each subcommand.
    Man(man::ManArgs),
}

/// The command line as data: subcommands, options, help and examples. Completions, manual pages and
/// tests are made from it.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

impl Subcommands {
    fn run(self, quiet: bool) -> anyhow::Result<Exit> {
        match self {
            Self::Run(arguments) => arguments.run(quiet),
            Self::Nightly(arguments) => arguments.run(),
            Self::Merge(arguments) => arguments.run(),
            Self::Score(arguments) => arguments.run(),
            Self::Compare(arguments) => arguments.run(),
            Self::Report(arguments) => arguments.run(quiet),
            Self::Doctor(arguments) => arguments.run(&command()),
            Self::Describe(arguments) => arguments.run(),
            Self::Show(arguments) => arguments.run(),
            Self::Study(arguments) => arguments.run(quiet),
            Self::Learn(arguments) => arguments.run(quiet),
            Self::Visualise(arguments) => arguments.run(),
            Self::Grad(arguments) => arguments.run(),
            Self::Layers(arguments) => arguments.run(),
            Self::Maxflow(arguments) => arguments.run(),
            Self::List(arguments) => arguments.run(),
            Self::Completions(arguments) => arguments.run(&mut command()),
            Self::Man(arguments) => arguments.run(command()),
        }
    }
}

/// Runs the program with the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    // SIGXFSZ ends a process that writes beyond its file-size limit (ulimit -f). With a handler,
    // the write fails instead, and our error message says which results are safe.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
    let matches = command().get_matches();
    let name = matches.subcommand_name().unwrap_or_default();
    let Arguments {
        subcommand,
        onnxruntime: library,
        provider,
        run_timeout,
        quiet,
        verbose,
    } = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    output::start_log(quiet, verbose);
    classifier::configure(Settings {
        library,
        provider,
        run_timeout,
    });
    match catch_unwind(|| subcommand.run(quiet)) {
        Ok(Ok(exit)) => exit.code().into(),
        Ok(Err(error)) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            let invocation = Invocation {
                command: &command(),
                subcommand: name,
            };
            output::print_error(&error, invocation);
            exit::error_code(&error).into()
        }
        Err(_) => {
            eprintln!("error: this is a bug in localise; please report it with the lines above");
            exit::BUG.into()
        }
    }
}

/// Whether the reader of the output has closed it, as `| head` does. That is not a failure.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref()
        .is_some_and(OutputError::is_broken_pipe)
}

/// Parses a duration of more than 0 seconds.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text
        .parse()
        .map_err(|_| "not a number of seconds".to_owned())?;
    let duration = Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string())?;
    if duration.is_zero() {
        Err("must be more than 0".into())
    } else {
        Ok(duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// clap's own checks of names, defaults and conflicts.
    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }
}
