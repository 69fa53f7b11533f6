//! `localise man`

use std::fmt::Write;
use std::iter::once;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Command};

use super::exit::{self, Exit};
use super::output::print;
use crate::fs::{OutputError, write_atomically};

const EXAMPLES: &str = "Examples:
  localise man man1                              write man1/localise.1, man1/localise-run.1, ...
  localise man ~/.local/share/man/man1           install them: `man localise-run` finds them";

/// The exit codes and their meaning.
const EXIT_STATUS: [(u8, &str); 9] = [
    (0, "Complete."),
    (exit::BUG, "A bug in this program; please report it."),
    (
        exit::BAD_INPUT,
        "Invalid input (retrying will not help), a fault that doctor found, or too many bad \
         photos.",
    ),
    (
        exit::SOME_FAILED,
        "Complete, but some photos failed or have no prediction. They count as wrong.",
    ),
    (
        exit::INCOMPLETE,
        "merge: shards are missing; it names them. Merge again when they have run.",
    ),
    (
        exit::WORSE,
        "compare --max-drop, nightly --max-drop: worse than allowed.",
    ),
    (
        exit::OUTPUT,
        "The output cannot be written. Finished photos are safe: fix the cause and run the \
         same command again.",
    ),
    (
        exit::STOPPED,
        "Stopped by a signal, a lock or an outage. The same command resumes the run.",
    ),
    (
        128,
        "128 + the number of a signal: killed by it. The same command resumes the run.",
    ),
];

/// The environment variables that the program reads.
const ENVIRONMENT: [(&str, &str); 4] = [
    (
        "LOCALISE_HOME",
        "The folder that contains pipelines/ and data/. By default it is the nearest such \
         folder at or above the working directory or the program.",
    ),
    (
        "LOCALISE_DATA",
        "The folder of the dataset's files, unless --data-dir is given.",
    ),
    (
        "ORT_DYLIB_PATH",
        "The ONNX Runtime library, unless --onnxruntime is given.",
    ),
    (
        "NO_COLOR",
        "If it is set and not empty, messages are not coloured.",
    ),
];

/// The files that the program reads and writes.
const FILES: [(&str, &str); 6] = [
    (
        "pipelines/NAME.toml",
        "The pipeline of --pipeline NAME; pipelines/studies/NAME.toml is a study.",
    ),
    ("data/NAME.toml", "The dataset of --dataset NAME."),
    (
        "data/models/NAME.toml",
        "The model of --model NAME; its ONNX file is stored beside it.",
    ),
    (
        ".onnxruntime/",
        "Where scripts/fetch-onnxruntime puts the library.",
    ),
    (
        "runs/DATE-DATASET-PIPELINE-MODEL/",
        "The results of a run without --out: boxes.csv, summary.json, manifest.json and \
         run.toml. A report adds report.html, and pictures.jsonl with the pictures in it.",
    ),
    (
        "shard-I.jsonl",
        "The journal of a shard, among the results: what was found in each photo. While the run \
         is in progress, it is called shard-I.part.",
    ),
];

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct ManArgs {
    /// The folder to write the pages to.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl ManArgs {
    /// Writes the pages of `program`, the whole command line.
    pub(super) fn run(self, program: Command) -> Result<Exit> {
        std::fs::create_dir_all(&self.folder).map_err(OutputError::at(&self.folder))?;
        let mut program = program.disable_help_subcommand(true);
        program.build();
        let mut written = String::new();
        for command in once(&program).chain(program.get_subcommands()) {
            let name = command.get_display_name();
            let name = name.unwrap_or_else(|| command.get_name());
            let path = self.folder.join(format!("{name}.1"));
            write_atomically(&path, &page(command)?)?;
            let _ = writeln!(written, "{}", path.display());
        }
        print(&written)?;
        Ok(Exit::Done)
    }
}

/// The manual page of the program or of a subcommand.
fn page(command: &Command) -> Result<Vec<u8>> {
    let page = clap_mangen::Man::new(command.clone())
        .source(concat!("localise ", env!("CARGO_PKG_VERSION")))
        .manual("localise");
    let mut bytes = Vec::new();
    page.render_title(&mut bytes)?;
    page.render_name_section(&mut bytes)?;
    page.render_synopsis_section(&mut bytes)?;
    page.render_description_section(&mut bytes)?;
    page.render_options_section(&mut bytes)?;
    let is_program = command.has_subcommands();
    if is_program {
        page.render_subcommands_section(&mut bytes)?;
    }
    let examples = command.get_after_help();
    let examples = examples.map_or(String::new(), ToString::to_string);
    let examples = examples.strip_prefix("Examples:\n").unwrap_or(&examples);
    let mut text = format!(".SH EXAMPLES\n.nf\n{}\n.fi\n", escaped(examples));
    if is_program {
        let exit_status = EXIT_STATUS.map(|(code, meaning)| (code.to_string(), meaning));
        text += &section("EXIT STATUS", &exit_status);
        text += &section("ENVIRONMENT", &ENVIRONMENT);
        text += &section("FILES", &FILES);
    } else {
        text += ".SH SEE ALSO\n.BR localise (1)\n";
    }
    bytes.extend(text.into_bytes());
    Ok(bytes)
}

/// A section of a manual page: terms, each with its meaning.
fn section(title: &str, terms: &[(impl AsRef<str>, &str)]) -> String {
    let mut text = format!(".SH {title}\n");
    for (term, meaning) in terms {
        let term = escaped(term.as_ref());
        let _ = write!(text, ".TP\n\\fB{term}\\fR\n{}\n", escaped(meaning));
    }
    text
}

/// Plain text with the characters escaped that have a meaning in roff: a backslash, a hyphen, and a
/// full stop or an apostrophe at the beginning of a line.
fn escaped(text: &str) -> String {
    let line = |line: &str| {
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        if line.starts_with(['.', '\'']) {
            format!("\\&{line}")
        } else {
            line
        }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_with_a_meaning_in_roff_are_escaped() {
        assert_eq!(
            escaped("a --b c\\d\n.e\n'f"),
            "a \\-\\-b c\\ed\n\\&.e\n\\&'f"
        );
    }
}
