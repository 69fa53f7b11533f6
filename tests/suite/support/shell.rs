//! Calls of the program in lines of shell, as examples and documents have them.

use std::iter::once;

use localise::cli::command;

/// The words of a line of shell: separated by blanks, held together by quotes, up to a comment.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(end), c) if c == end => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_with(String::new);
            }
            (None, ' ' | '\t') => words.extend(word.take()),
            (None, '#') if word.is_none() => break,
            _ => word.get_or_insert_with(String::new).push(c),
        }
    }
    words.extend(word);
    words
}

/// The arguments of every call of `localise` in a line of shell.
pub(crate) fn calls(line: &str) -> Vec<Vec<String>> {
    let line = words(line);
    let commands = line.split(|word| ["&&", "||", "|", ";"].contains(&word.as_str()));
    // A redirection ends a command.
    let plain = commands.filter_map(|words| words.split(|word| word.contains('>')).next());
    let arguments = |words: &[String]| match words {
        [program, arguments @ ..] if program == "localise" || program.ends_with("/localise") => {
            Some(arguments.to_vec())
        }
        _ => words
            .strip_prefix(&["cargo", "run", "--release", "--"].map(String::from))
            .map(<[String]>::to_vec),
    };
    plain.filter_map(arguments).collect()
}

/// Asserts that the command line accepts these arguments.
pub(crate) fn assert_parses(arguments: &[String], place: &str) {
    let whole = once("localise").chain(arguments.iter().map(String::as_str));
    match command().try_get_matches_from(whole) {
        // clap reports `help` and `--help` as errors too.
        Err(error) if error.use_stderr() => {
            panic!("{place}: localise {}\n{error}", arguments.join(" "))
        }
        _ => {}
    }
}

#[test]
fn lines_are_split_as_a_shell_does() {
    assert_eq!(words("a 'b c' \"\" d#e  # f"), ["a", "b c", "", "d#e"]);
    assert_eq!(
        calls("x && localise merge OUT > file || y"),
        [["merge", "OUT"]]
    );
    assert_eq!(
        calls("cargo run --release -- list ops   # all"),
        [["list", "ops"]]
    );
    assert!(calls("parallel 'localise run' ::: 1").is_empty());
}
