//! Tables: CSV with a header, whose columns may be in any order.

use std::path::Path;

use serde::de::DeserializeOwned;

use super::error::{DatasetError, Faults};
use super::text;

/// The rows of a table in which the `required` columns (separated by commas) must be, each with its
/// file and line. Rows that cannot be parsed are added to `faults`.
pub(crate) fn csv_rows<T: DeserializeOwned>(
    path: &Path,
    required: &str,
    faults: &mut Faults,
) -> Result<Vec<(String, T)>, DatasetError> {
    let text = text::read_bytes(path)?;
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_slice());
    let header = reader
        .headers()
        .map_err(|e| DatasetError::at(path, e))?
        .clone();
    let missing: Vec<_> = required
        .split(',')
        .filter(|column| !header.iter().any(|found| found == *column))
        .collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Err(DatasetError::at(
            path,
            format!("columns {missing} are missing; expected {required}"),
        ));
    }
    let mut rows = Vec::new();
    let mut lines = LineCounter::new(&text);
    for record in reader.records() {
        if let Some(position) = record.as_ref().ok().and_then(csv::StringRecord::position) {
            lines.advance(position.byte() as usize);
        }
        match record.and_then(|record| record.deserialize(Some(&header))) {
            Ok(row) => rows.push((format!("{}:{}", path.display(), lines.line), row)),
            Err(e) => faults.add(format!("{}: {e}", path.display())),
        }
    }
    Ok(rows)
}

/// Counts the lines of a table up to a record.
struct LineCounter<'a> {
    text: &'a [u8],
    /// The bytes whose lines are counted.
    counted: usize,
    /// The line at `counted`, from 1 on.
    line: usize,
}

impl<'a> LineCounter<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self {
            text,
            counted: 0,
            line: 1,
        }
    }

    /// Goes to the record at `position`. The csv crate's position of a record is where the one
    /// before ended, so that there may be line ends between it and the record.
    fn advance(&mut self, position: usize) {
        let is_line_end = |byte: &&u8| matches!(byte, b'\r' | b'\n');
        let start = position + self.text[position..].iter().take_while(is_line_end).count();
        let skipped = &self.text[self.counted..start];
        self.line += skipped.iter().filter(|byte| **byte == b'\n').count();
        self.counted = start;
    }
}
