//! Lists as text: one item per line, fields separated by blanks or commas. Carriage returns, a
//! byte-order mark, UTF-16, blank lines and a missing end of the last line are accepted.

use std::io::{BufRead, Read};
use std::path::Path;

use super::encoding;
use super::error::{DatasetError, Faults};
use crate::storage;

/// Longer lines of a list or a table are refused, bytes.
const MAX_LINE: u64 = 1 << 20;

/// A file's bytes. A line that is too long is refused before all of it is read: such a file is not
/// a list.
pub(super) fn read_bytes(path: &Path) -> Result<Vec<u8>, DatasetError> {
    let failed = |e| DatasetError::at(path, e);
    let mut reader = storage::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    for line in 1.. {
        let mut limited = reader.by_ref().take(MAX_LINE + 1);
        let length = limited.read_until(b'\n', &mut bytes).map_err(failed)? as u64;
        if length == 0 {
            break;
        }
        if length > MAX_LINE {
            let path = path.display();
            return Err(DatasetError::new(format!(
                "{path}:{line}: the line is longer than {MAX_LINE} bytes"
            )));
        }
    }
    Ok(bytes)
}

/// A file's text, without its byte-order mark.
fn read_text(path: &Path) -> Result<String, DatasetError> {
    encoding::decode(&read_bytes(path)?).map_err(|e| DatasetError::at(path, e))
}

/// The number of each line that is not blank, and what `parse` returns for the line, trimmed. The
/// error lists all faults, each with its line.
pub(super) fn parse_lines<T>(
    path: &Path,
    mut parse: impl FnMut(&str) -> Result<T, String>,
) -> Result<Vec<(usize, T)>, DatasetError> {
    let (mut faults, mut items) = (Faults::default(), Vec::new());
    for (line, number) in read_text(path)?.lines().zip(1..) {
        if line.trim().is_empty() {
            continue;
        }
        match parse(line.trim()) {
            Ok(item) => items.push((number, item)),
            Err(fault) => faults.add(format!("{}:{number}: {fault}", path.display())),
        }
    }
    faults.into_result()?;
    Ok(items)
}

/// Whole numbers, one per line.
pub(crate) fn read_numbers(path: &Path) -> Result<Vec<usize>, DatasetError> {
    let parse = |line: &str| {
        line.parse()
            .map_err(|_| format!("'{line}' is not a whole number"))
    };
    let numbers = parse_lines(path, parse)?;
    Ok(numbers.into_iter().map(|(_, number)| number).collect())
}

/// The `N` fields of a line, which `separator` separates. Several blanks separate like one.
pub(super) fn fields<const N: usize>(line: &str, separator: char) -> Result<[&str; N], String> {
    let parts: Vec<_> = match separator {
        ' ' => line.split_whitespace().collect(),
        separator => line.split(separator).map(str::trim).collect(),
    };
    let found = parts.len();
    let fields = parts.try_into();
    fields.map_err(|_| format!("expected {N} fields, found {found}: '{line}'"))
}

/// A finite number.
pub(super) fn parse_number(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|v: &f64| v.is_finite())
        .ok_or_else(|| format!("'{text}' is not a number"))
}
