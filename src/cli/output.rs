//! Results on stdout; messages and errors on stderr.

use std::io::{self, IsTerminal, Write};

use anstyle::AnsiColor;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

use super::help::with_help;
use super::option_owners::Invocation;
use crate::fs::OutputError;
use crate::run::Stopped;

/// Prints the result of a subcommand to stdout.
pub(super) fn print(text: &str) -> Result<(), OutputError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(OutputError::at("the results to stdout".as_ref()))
}

/// Prints an error of a subcommand, and what to do about it.
pub(super) fn print_error(error: &anyhow::Error, invocation: Invocation<'_>) {
    let prefix = if error.is::<Stopped>() { "" } else { "error: " };
    let text = format!("{prefix}{}", with_help(error, Some(invocation)));
    eprintln!("{}", if has_colour() { coloured(&text) } else { text });
}

/// Sends messages to stderr. ONNX Runtime has many of its own, so they are shown one level of
/// verbosity later than those of this program.
pub(super) fn start_log(quiet: bool, verbose: u8) {
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

/// Whether messages are coloured: on a terminal, unless `NO_COLOR` is set and not empty. Help and
/// usage errors, which clap prints, follow the same rule.
fn has_colour() -> bool {
    may_colour(&io::stderr())
}

/// Whether the output to `stream` may be coloured.
pub(super) fn may_colour(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Colours the words `error:` and `help:` at the beginning of lines.
fn coloured(text: &str) -> String {
    let styled = |word: &str, colour: AnsiColor, rest: &str| {
        let style = colour.on_default().bold();
        format!("{style}{word}:{style:#} {rest}")
    };
    let line = |line: &str| match line.split_once(": ") {
        Some(("error", rest)) => styled("error", AnsiColor::Red, rest),
        Some(("help", rest)) => styled("help", AnsiColor::Green, rest),
        _ => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_and_its_help_are_coloured() {
        let text = "error: no model is called x\n  looked at  y: z\nhelp: a: b";
        let expected = "\x1b[1m\x1b[31merror:\x1b[0m no model is called x\n  looked at  y: z\n\
                        \x1b[1m\x1b[32mhelp:\x1b[0m a: b";
        assert_eq!(coloured(text), expected);
    }
}
