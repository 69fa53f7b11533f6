//! Lists as text: one item a line, fields apart by blanks or commas. Carriage returns, a byte-order
//! mark, blank lines and a missing end of the last line are borne.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::{DatasetError, Faults};

/// No line of a list or a table is longer, bytes.
const MAX_LINE: u64 = 1 << 20;

/// A file's bytes. A line that is too long is refused before it is read whole: such a file is no
/// list.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, DatasetError> {
    let failed = |e| DatasetError::at(path, e);
    let mut reader = BufReader::new(File::open(path).map_err(failed)?);
    let mut bytes = Vec::new();
    for line in 1.. {
        match reader
            .by_ref()
            .take(MAX_LINE + 1)
            .read_until(b'\n', &mut bytes)
            .map_err(failed)? as u64
        {
            0 => break,
            length if length > MAX_LINE => {
                let path = path.display();
                return Err(DatasetError::new(format!(
                    "{path}:{line}: the line is longer than {MAX_LINE} bytes"
                )));
            }
            _ => {}
        }
    }
    Ok(bytes)
}

/// A file's text, without its byte-order mark.
pub(super) fn read(path: &Path) -> Result<String, DatasetError> {
    let text = String::from_utf8(bytes(path)?).map_err(|e| DatasetError::at(path, e.utf8_error()))?;
    Ok(text
        .strip_prefix('\u{feff}')
        .map(str::to_owned)
        .unwrap_or(text))
}

/// The lines that are not blank, trimmed.
pub(super) fn lines(path: &Path) -> Result<Vec<String>, DatasetError> {
    Ok(read(path)?
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect())
}

/// What `parse` makes of each line that is not blank. All faults are listed, each with its line.
pub(super) fn each<T>(
    path: &Path,
    mut parse: impl FnMut(&str) -> Result<T, String>,
) -> Result<Vec<(usize, T)>, DatasetError> {
    let (mut faults, mut items) = (Faults::default(), Vec::new());
    for (i, line) in read(path)?
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        match parse(line.trim()) {
            Ok(item) => items.push((i + 1, item)),
            Err(fault) => faults.add(format!("{}:{}: {fault}", path.display(), i + 1)),
        }
    }
    faults.into_result()?;
    Ok(items)
}

/// Whole numbers, one a line.
pub(crate) fn numbers(path: &Path) -> Result<Vec<usize>, DatasetError> {
    let number = |line: &str| line.parse().map_err(|_| format!("'{line}' is no number"));
    Ok(each(path, number)?
        .into_iter()
        .map(|(_, number)| number)
        .collect())
}

/// The `N` fields of a line that `separator` sets apart; empty ones do not count between blanks.
pub(super) fn fields<const N: usize>(line: &str, separator: char) -> Result<[&str; N], String> {
    let parts: Vec<_> = match separator {
        ' ' => line.split_whitespace().collect(),
        separator => line.split(separator).map(str::trim).collect(),
    };
    let found = parts.len();
    parts
        .try_into()
        .map_err(|_| format!("{found} fields stand where {N} should: '{line}'"))
}

/// A finite number.
pub(super) fn number(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|v: &f64| v.is_finite())
        .ok_or_else(|| format!("'{text}' is no number"))
}
