//! The files that a pattern with braces stands for, as the shell and WebDataset write it:
//! `val-{000000..000049}.tar`, `{train,val}-{0..9}.tar`.

use std::path::{Path, PathBuf};

use super::error::{DatasetError, Faults};
use crate::path_text;
use crate::storage;

/// The most files that a pattern may stand for.
const MAX_FILES: usize = 100_000;

/// Whether a path is a pattern: it has braces, and no file or folder has this name.
pub(crate) fn is_pattern(path: &Path) -> bool {
    let text = path_text::encode(path);
    text.contains('{') && text.contains('}') && !storage::exists(path)
}

/// The paths that a pattern stands for, in its order.
///
/// # Errors
/// [`DatasetError`] when the pattern is not one, or with the files that are missing.
pub(super) fn expand(pattern: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    let text = path_text::encode(pattern);
    let names = expand_text(&text).map_err(|fault| DatasetError::at(pattern, fault))?;
    let paths: Vec<PathBuf> = names.iter().map(|name| path_text::decode(name)).collect();
    let mut faults = Faults::default();
    for path in paths.iter().filter(|path| !storage::exists(path)) {
        faults.add(format!("{}: this shard is missing", path.display()));
    }
    faults.into_result().map_err(|error| {
        error.or_advice("fetch the missing shards, or give a range that has none of them")
    })?;
    Ok(paths)
}

/// The texts that a pattern stands for. The first pair of braces varies most slowly.
fn expand_text(text: &str) -> Result<Vec<String>, String> {
    let Some((before, rest)) = text.split_once('{') else {
        return Ok(vec![text.to_owned()]);
    };
    let (inside, after) = rest.split_once('}').ok_or("a brace is not closed")?;
    let choices = choices(inside)?;
    let ends = expand_text(after)?;
    if choices.len() * ends.len() > MAX_FILES {
        return Err(format!("it stands for more than {MAX_FILES} files"));
    }
    let whole = |choice: &String| {
        let start = format!("{before}{choice}");
        ends.iter().map(move |end| format!("{start}{end}"))
    };
    Ok(choices.iter().flat_map(whole).collect())
}

/// What stands between braces: numbers from one to another, with the zeros in front of the first,
/// or a list.
fn choices(inside: &str) -> Result<Vec<String>, String> {
    let Some((first, last)) = inside.split_once("..") else {
        return Ok(inside.split(',').map(str::to_owned).collect());
    };
    let number = |text: &str| -> Result<usize, String> {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| is_number);
        number.ok_or_else(|| format!("'{{{inside}}}' is not a range of whole numbers"))
    };
    let (start, end) = (number(first)?, number(last)?);
    if start > end || end - start >= MAX_FILES {
        return Err(format!(
            "'{{{inside}}}' is not a range of 1 to {MAX_FILES} numbers"
        ));
    }
    let width = first.len();
    Ok((start..=end).map(|n| format!("{n:0width$}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_are_expanded_as_the_shell_does() {
        for (pattern, expected) in [
            ("a-{08..11}.tar", "a-08.tar a-09.tar a-10.tar a-11.tar"),
            ("a-{8..10}.tar", "a-8.tar a-9.tar a-10.tar"),
            ("{x,y}-{0..1}", "x-0 x-1 y-0 y-1"),
            ("{7..7}/a", "7/a"),
        ] {
            let found = expand_text(pattern).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(found.join(" "), expected);
        }
    }

    #[test]
    fn faults_name_the_braces_and_the_missing_files() {
        for (pattern, expected) in [
            ("a{0..1", "a{0..1: a brace is not closed"),
            ("a{b..c}", "'{b..c}' is not a range of whole numbers"),
            ("a{3..1}", "'{3..1}' is not a range of 1 to 100000 numbers"),
            ("a{0..999}{0..999}", "it stands for more than 100000 files"),
            (
                "/none/a{1..2}",
                "/none/a1: this shard is missing\n/none/a2: this shard is missing",
            ),
        ] {
            let error = expand(pattern.as_ref()).expect_err(pattern).to_string();
            assert!(error.ends_with(expected), "{error}");
        }
    }
}
