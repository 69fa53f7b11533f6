//! Whose an option is. A remedy can name an option of another subcommand: what `localise doctor`
//! finds is fixed by an option of `localise run`.

use clap::Command;

/// The subcommand that is being run.
#[derive(Clone, Copy)]
pub(super) struct Invocation<'a> {
    /// The whole command line, with all subcommands.
    pub(super) command: &'a Command,
    /// The name of the subcommand.
    pub(super) subcommand: &'a str,
}

/// The help for an error, in which each option that the subcommand does not have is followed by the
/// name of one that has it.
pub(super) fn with_owners(advice: &str, invocation: Invocation<'_>) -> String {
    let mut text = String::new();
    for (i, word) in advice.split(' ').enumerate() {
        if i > 0 {
            text.push(' ');
        }
        text.push_str(word.trim_end_matches(is_punctuation));
        if let Some(owner) = owner_elsewhere(word, invocation)
            && !advice.contains(&format!("localise {owner} "))
        {
            text += &format!(" (an option of `localise {owner}`)");
        }
        text.push_str(&word[word.trim_end_matches(is_punctuation).len()..]);
    }
    text
}

fn is_punctuation(c: char) -> bool {
    matches!(c, ',' | ';' | ':' | '.' | ')' | '`')
}

/// Whether a subcommand takes the options of another one after `--`, as `localise nightly` does.
fn passes_options_on(command: &Command) -> bool {
    command.get_arguments().any(clap::Arg::is_last_set)
}

/// The first subcommand that has the option `word`, if the one that is run does not have it.
fn owner_elsewhere(word: &str, invocation: Invocation<'_>) -> Option<String> {
    let Invocation {
        command,
        subcommand,
    } = invocation;
    let option = word
        .trim_start_matches(['(', '`'])
        .strip_prefix("--")?
        .trim_end_matches(is_punctuation)
        .split('=')
        .next()?;
    let has_option = |any: &Command| {
        any.get_arguments()
            .any(|argument| argument.get_long() == Some(option))
    };
    let own = command.find_subcommand(subcommand)?;
    if has_option(command) || has_option(own) || passes_options_on(own) {
        return None;
    }
    let owner = command.get_subcommands().find(|other| has_option(other))?;
    Some(owner.get_name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::command;

    #[test]
    fn options_of_other_subcommands_are_told_apart() {
        let cases = [
            (
                "run",
                "--lenient-boxes leaves out boxes",
                "--lenient-boxes leaves out boxes",
            ),
            (
                "doctor",
                "fix them; --lenient-boxes leaves them out",
                "fix them; --lenient-boxes (an option of `localise run`) leaves them out",
            ),
            ("nightly", "leave --fresh out", "leave --fresh out"),
            (
                "merge",
                "start over with --fresh.",
                "start over with --fresh (an option of `localise run`).",
            ),
            (
                "merge",
                "run the shards first: localise run --shard I/N",
                "run the shards first: localise run --shard I/N",
            ),
            (
                "show",
                "list them; --quiet, or --nonsense",
                "list them; --quiet, or --nonsense",
            ),
        ];
        for (subcommand, advice, expected) in cases {
            let command = command();
            let invocation = Invocation {
                command: &command,
                subcommand,
            };
            assert_eq!(with_owners(advice, invocation), expected);
        }
    }
}
