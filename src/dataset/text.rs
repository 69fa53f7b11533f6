//! Lists as text: one item a line, fields apart by blanks or commas. Carriage returns, a byte-order mark, blank lines and
//! a missing end of the last line are borne.

use std::path::Path;

use super::{Error, Faults};

/// A file's text, without its byte-order mark.
pub(super) fn read(path: &Path) -> Result<String, Error> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::of(path, e))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// The lines that are not blank, trimmed.
pub(super) fn lines(path: &Path) -> Result<Vec<String>, Error> {
    Ok(read(path)?.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// What `parse` makes of each line that is not blank. All faults are listed, each with its line.
pub(super) fn each<T>(path: &Path, mut parse: impl FnMut(&str) -> Result<T, String>) -> Result<Vec<(usize, T)>, Error> {
    let (mut faults, mut items) = (Faults::default(), Vec::new());
    for (i, line) in read(path)?.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match parse(line.trim()) {
            Ok(item) => items.push((i + 1, item)),
            Err(fault) => faults.add(format!("{}:{}: {fault}", path.display(), i + 1)),
        }
    }
    faults.into_result()?;
    Ok(items)
}

/// Whole numbers, one a line.
pub(crate) fn numbers(path: &Path) -> Result<Vec<usize>, Error> {
    let number = |line: &str| line.parse().map_err(|_| format!("'{line}' is no number"));
    Ok(each(path, number)?.into_iter().map(|(_, number)| number).collect())
}

/// The `N` fields of a line that `separator` sets apart; empty ones do not count between blanks.
pub(super) fn fields<const N: usize>(line: &str, separator: char) -> Result<[&str; N], String> {
    let parts: Vec<_> = match separator {
        ' ' => line.split_whitespace().collect(),
        separator => line.split(separator).map(str::trim).collect(),
    };
    let found = parts.len();
    parts.try_into().map_err(|_| format!("{found} fields stand where {N} should: '{line}'"))
}

/// A finite number.
pub(super) fn number(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|v: &f64| v.is_finite()).ok_or_else(|| format!("'{text}' is no number"))
}
