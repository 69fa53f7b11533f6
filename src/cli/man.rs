//! `localise man`

use std::fmt::Write;
use std::iter::once;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Command};

use super::{Exit, command, exit, print};
use crate::fs::{OutputError, write_atomically};

const EXAMPLES: &str = "Examples:
  localise man man1                              man1/localise.1, man1/localise-run.1 and so on
  localise man ~/.local/share/man/man1           then `man localise-run` finds them";

/// How the program ends.
const EXIT_STATUS: [(u8, &str); 9] = [
    (0, "Complete."),
    (exit::BUG, "A bug in this program: report it."),
    (
        exit::BAD_INPUT,
        "Input that a retry cannot mend, a fault that doctor found, or too many bad photos.",
    ),
    (
        exit::SOME_FAILED,
        "Complete, but some photos failed or have no guess. They count as wrong.",
    ),
    (
        exit::INCOMPLETE,
        "merge: shards are missing, which it names. Merge again when they have run.",
    ),
    (exit::WORSE, "compare --max-drop: worse than was allowed."),
    (
        exit::OUTPUT,
        "The output cannot be written. What is done is safe: mend that and run the same command.",
    ),
    (
        exit::STOPPED,
        "Stopped by a signal, a lock or an outage. The same command goes on.",
    ),
    (
        128,
        "128 and the number of a signal: ended by it. The same command goes on.",
    ),
];

/// What the program reads from its surroundings.
const ENVIRONMENT: [(&str, &str); 4] = [
    (
        "LOCALISE_HOME",
        "The folder that holds pipelines/ and data/, in place of the nearest above the working folder or the program.",
    ),
    (
        "LOCALISE_DATA",
        "Where a dataset's files lie, in place of --data-dir.",
    ),
    (
        "ORT_DYLIB_PATH",
        "The ONNX Runtime library, in place of the search. --onnxruntime goes before it.",
    ),
    (
        "NO_COLOR",
        "When it holds anything, messages have no colours.",
    ),
];

/// What the program reads and writes.
const FILES: [(&str, &str); 6] = [
    (
        "pipelines/NAME.toml",
        "What --pipeline NAME means; pipelines/studies/NAME.toml is a study.",
    ),
    ("data/NAME.toml", "What --dataset NAME means."),
    (
        "data/models/NAME.toml",
        "What --model NAME means; the ONNX file lies beside it.",
    ),
    (
        ".onnxruntime/",
        "Where scripts/fetch-onnxruntime puts the library.",
    ),
    (
        "runs/DATE-DATASET-PIPELINE-MODEL/",
        "A run's results, where no --out says otherwise: boxes.csv, summary.json, manifest.json, run.toml; with `report` report.html and pictures.jsonl, the pictures it keeps.",
    ),
    (
        "shard-I.jsonl",
        "A journal among the results: what was found in each photo; shard-I.part while the run is at work.",
    ),
];

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct ManArgs {
    /// The folder to write them into.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl ManArgs {
    pub(super) fn run(self) -> Result<Exit> {
        std::fs::create_dir_all(&self.folder).map_err(OutputError::at(&self.folder))?;
        let mut program = command().disable_help_subcommand(true);
        program.build();
        let mut written = String::new();
        for verb in once(&program).chain(program.get_subcommands()) {
            let name = verb.get_display_name().unwrap_or_else(|| verb.get_name());
            let path = self.folder.join(format!("{name}.1"));
            write_atomically(&path, &page(verb)?)?;
            let _ = writeln!(written, "{}", path.display());
        }
        print(&written)?;
        Ok(Exit::Done)
    }
}

/// The manual page of the program or of a verb.
fn page(of: &Command) -> Result<Vec<u8>> {
    let page = clap_mangen::Man::new(of.clone())
        .source(concat!("localise ", env!("CARGO_PKG_VERSION")))
        .manual("localise");
    let mut bytes = Vec::new();
    page.render_title(&mut bytes)?;
    page.render_name_section(&mut bytes)?;
    page.render_synopsis_section(&mut bytes)?;
    page.render_description_section(&mut bytes)?;
    page.render_options_section(&mut bytes)?;
    let whole = of.has_subcommands();
    if whole {
        page.render_subcommands_section(&mut bytes)?;
    }
    let examples = of
        .get_after_help()
        .map_or(String::new(), ToString::to_string);
    let examples = examples
        .trim_start_matches("Examples:")
        .trim_start_matches('\n');
    let mut text = format!(".SH EXAMPLES\n.nf\n{}\n.fi\n", escaped(examples));
    if whole {
        text += &section(
            "EXIT STATUS",
            EXIT_STATUS.map(|(code, what)| (code.to_string(), what)),
        );
        text += &section(
            "ENVIRONMENT",
            ENVIRONMENT.map(|(name, what)| (name.to_owned(), what)),
        );
        text += &section("FILES", FILES.map(|(name, what)| (name.to_owned(), what)));
    } else {
        text += ".SH SEE ALSO\n.BR localise (1)\n";
    }
    bytes.extend(text.into_bytes());
    Ok(bytes)
}

/// A section of a manual page: terms, and what each means.
fn section<const N: usize>(title: &str, terms: [(String, &str); N]) -> String {
    let term = |(term, what): (String, &str)| {
        format!(".TP\n\\fB{}\\fR\n{}\n", escaped(&term), escaped(what))
    };
    format!(
        ".SH {title}\n{}",
        terms.into_iter().map(term).collect::<String>()
    )
}

/// Plain text for a manual page: a backslash, a hyphen, and a full stop or an apostrophe that
/// begins a line mean something else there.
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
    fn what_means_something_to_roff_is_escaped() {
        assert_eq!(
            escaped("a --b c\\d\n.e\n'f"),
            "a \\-\\-b c\\ed\n\\&.e\n\\&'f"
        );
    }
}
