//! The command line: one file a verb. Parse, resolve, run; results on stdout, all else on stderr.
#![allow(clippy::print_stderr, reason = "messages to the user")]

mod compare;
mod completions;
mod doctor;
mod grad;
mod help;
mod list;
mod man;
mod maxflow;
mod merge;
mod nightly;
mod progress;
mod report;
mod run;
mod score;
mod show;
mod signals;
mod study;
mod values;
mod visualise;

use std::io::{self, IsTerminal, Write};
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{CommandFactory, Parser, Subcommand};
use signal_hook::consts::SIGXFSZ;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

use crate::classifier::{self, Provider, Settings};
use crate::fs::OutputError;
use crate::run::{Incomplete, InternalFailure, Stopped};

/// How the program ends, for scripts that decide about a retry.
mod exit {
    /// A bug in this program.
    pub(super) const BUG: u8 = 1;
    /// Input that a retry cannot mend.
    pub(super) const BAD_INPUT: u8 = 2;
    /// Complete, but some photos failed.
    pub(super) const SOME_FAILED: u8 = 3;
    /// `merge`: shards have still to be run.
    pub(super) const INCOMPLETE: u8 = 4;
    /// `compare --max-drop`: worse than allowed.
    pub(super) const WORSE: u8 = 5;
    /// The output cannot be written.
    pub(super) const OUTPUT: u8 = 74;
    /// Stopped; the same command goes on.
    pub(super) const STOPPED: u8 = 75;
}

const EXAMPLES: &str = "Examples:
  localise doctor                                is ONNX Runtime here, and a model?
  localise run --dataset sample                  the paper's pipeline on seven photos
  localise show data/sample/images/coffee.jpg    one photo, stage by stage, as a picture
  localise list pipelines                        other ways from a photo to a box
  localise study smoke                           several of them in one table
  localise help run                              all about a verb; `localise run -h` is shorter";

/// Finds objects with an image classifier that was never shown a box.
///
/// Simonyan, Vedaldi and Zisserman 2013, "Deep Inside Convolutional Networks".
#[derive(Debug, Parser)]
#[command(version = concat!(env!("CARGO_PKG_VERSION"), " (", env!("LOCALISE_COMMIT"), ")"), max_term_width = 100)]
#[command(after_help = EXAMPLES, next_help_heading = "Options for every verb")]
struct Arguments {
    #[command(subcommand)]
    subcommand: Subcommands,
    /// The ONNX Runtime library, in place of the search (ORT_DYLIB_PATH, .onnxruntime/, beside the
    /// program, system).
    #[arg(long, global = true, value_name = "PATH")]
    onnxruntime: Option<PathBuf>,
    /// What networks are run on. Accelerators are features that this program is built with.
    #[arg(long, global = true, value_enum, default_value_t)]
    provider: Provider,
    /// End a run of a network that takes longer than this: the photo then counts as failed.
    #[arg(long, global = true, value_name = "SECONDS", default_value = "120", value_parser = seconds)]
    run_timeout: Duration,
    /// Say nothing but errors.
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Say more; twice for ONNX Runtime's own words.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Run a pipeline over a dataset and score it.
    Run(run::RunArgs),
    /// Put together the shards of a run and score them.
    Merge(merge::MergeArgs),
    /// Score anyone's boxes, score maps or masks against a dataset. Needs no model and no ONNX
    /// Runtime.
    Score(score::ScoreArgs),
    /// Compare two results on the same photos: what flipped, and whether it is more than chance.
    Compare(compare::CompareArgs),
    /// Run every night: compare with the last good night, keep a history, print one line.
    Nightly(nightly::NightlyArgs),
    /// Make one HTML file of a run, or of several over the same photos.
    Report(report::ReportArgs),
    /// Check the library, a dataset and a model before a long run.
    Doctor(doctor::DoctorArgs),
    /// Show one photo's way through a pipeline as a picture.
    Show(show::ShowArgs),
    /// Run a grid of pipelines over a dataset, shared stages once, and compare them in one table.
    Study(study::StudyArgs),
    /// Make pictures that a class's score likes best: class models (section 2 of the paper).
    Visualise(visualise::VisualiseArgs),
    /// Write a model with its backward pass: any ONNX Runtime then gives the gradient of a score.
    Grad(grad::GradArgs),
    /// Solve a maximum-flow problem on a grid, in DIMACS format.
    Maxflow(maxflow::MaxflowArgs),
    /// List what there is.
    List(list::ListArgs),
    /// Print a shell's completions: what it offers when Tab is pressed.
    Completions(completions::CompletionsArgs),
    /// Write manual pages, one a verb.
    Man(man::ManArgs),
}

/// The command line as data: verbs, options, help and examples. Completions, manual pages and tests
/// are made from it.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

/// How a verb that did its work ends.
enum Exit {
    Done,
    SomeFailed,
    /// A check found something wrong with the input.
    Faulty,
    /// A result is worse than was allowed.
    Worse,
    /// The code of something that was run.
    Code(u8),
}

/// Runs the program on the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    // A limit on the size of files is then an error of the write, which tells what is safe, and not
    // a death.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
    let arguments = Arguments::parse();
    start_log(arguments.quiet, arguments.verbose);
    let Arguments {
        onnxruntime: library,
        provider,
        run_timeout,
        ..
    } = arguments;
    classifier::set(Settings {
        library,
        provider,
        run_timeout,
    });
    let quiet = arguments.quiet;
    let result = catch_unwind(|| match arguments.subcommand {
        Subcommands::Run(arguments) => arguments.run(quiet),
        Subcommands::Nightly(arguments) => arguments.run(),
        Subcommands::Merge(arguments) => arguments.run(),
        Subcommands::Score(arguments) => arguments.run(),
        Subcommands::Compare(arguments) => arguments.run(),
        Subcommands::Report(arguments) => arguments.run(quiet),
        Subcommands::Doctor(arguments) => arguments.run(),
        Subcommands::Show(arguments) => arguments.run(),
        Subcommands::Study(arguments) => arguments.run(quiet),
        Subcommands::Visualise(arguments) => arguments.run(),
        Subcommands::Grad(arguments) => arguments.run(),
        Subcommands::Maxflow(arguments) => arguments.run(),
        Subcommands::List(arguments) => arguments.run(),
        Subcommands::Completions(arguments) => arguments.run(),
        Subcommands::Man(arguments) => arguments.run(),
    });
    match result {
        Ok(Ok(Exit::Done)) => ExitCode::SUCCESS,
        Ok(Ok(Exit::SomeFailed)) => exit::SOME_FAILED.into(),
        Ok(Ok(Exit::Faulty)) => exit::BAD_INPUT.into(),
        Ok(Ok(Exit::Worse)) => exit::WORSE.into(),
        Ok(Ok(Exit::Code(code))) => code.into(),
        Ok(Err(error)) if broken_pipe(&error) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            print_error(&error);
            exit_code(&error).into()
        }
        Err(_) => {
            eprintln!("error: this is a bug in localise; please report it with the lines above");
            exit::BUG.into()
        }
    }
}

/// Prints an error and what to do about it.
fn print_error(error: &anyhow::Error) {
    let prefix = if error.is::<Stopped>() { "" } else { "error: " };
    let help = help::help(error).map_or(String::new(), |help| format!("\nhelp: {help}"));
    let text = format!("{prefix}{error:#}{help}");
    eprintln!("{}", if has_colour() { coloured(&text) } else { text });
}

fn exit_code(error: &anyhow::Error) -> u8 {
    if error.is::<Stopped>() {
        exit::STOPPED
    } else if error.is::<Incomplete>() {
        exit::INCOMPLETE
    } else if error.is::<OutputError>() {
        exit::OUTPUT
    } else if error.is::<InternalFailure>() {
        exit::BUG
    } else {
        exit::BAD_INPUT
    }
}

/// A duration of more than nothing.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text
        .parse()
        .map_err(|_| "it is no number of seconds".to_owned())?;
    let duration = Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string())?;
    if duration.is_zero() {
        Err("it must be more than 0".into())
    } else {
        Ok(duration)
    }
}

/// Messages go to stderr. ONNX Runtime's own are many, so they are one level behind ours.
fn start_log(quiet: bool, verbose: u8) {
    use LevelFilter as Level;
    let (ours, onnxruntime) = match (quiet, verbose) {
        (true, _) => (Level::ERROR, Level::OFF),
        (_, 0) => (Level::INFO, Level::ERROR),
        (_, 1) => (Level::DEBUG, Level::WARN),
        _ => (Level::TRACE, Level::TRACE),
    };
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_target(false)
        .without_time();
    let filter = Targets::new()
        .with_target("localise", ours)
        .with_target("ort", onnxruntime);
    tracing_subscriber::registry()
        .with(layer.with_ansi(has_colour()))
        .with(filter)
        .init();
}

/// Whether messages are coloured: on a terminal, unless `NO_COLOR` holds anything. Help and usage
/// errors, which clap prints, follow the same rule.
fn has_colour() -> bool {
    may_colour(&io::stderr())
}

/// Whether what goes there may be coloured.
fn may_colour(to: &impl IsTerminal) -> bool {
    to.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// An error with its first words, `error:` and `help:`, in colour.
fn coloured(text: &str) -> String {
    let line = |line: &str| match line.split_once(": ") {
        Some(("error", what)) => format!("\x1b[1;31merror:\x1b[0m {what}"),
        Some(("help", what)) => format!("\x1b[1;32mhelp:\x1b[0m {what}"),
        _ => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// A reader that has seen enough (`| head`) is no failure.
fn broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref()
        .is_some_and(OutputError::is_broken_pipe)
}

/// Writes a verb's result.
fn print(text: &str) -> Result<(), OutputError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(OutputError::at("the results to stdout".as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// clap's own checks of names, defaults and conflicts.
    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn an_error_and_its_help_are_coloured() {
        let text = "error: no model is called x\n  looked at  y: z\nhelp: a: b";
        let expected = "\x1b[1;31merror:\x1b[0m no model is called x\n  looked at  y: z\n\x1b[1;32mhelp:\x1b[0m a: b";
        assert_eq!(coloured(text), expected);
    }
}
