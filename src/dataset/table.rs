//! Tables: CSV with a header, whose columns may be in any order.
//!
//! Fields are separated by commas, semicolons or tabs, whichever the header has. Where that is not a
//! comma, numbers may have a decimal comma.

use std::path::Path;

use csv::StringRecord;
use serde::de::DeserializeOwned;

use super::columns::{self, Column};
use super::error::{DatasetError, Faults};
use super::text;

/// What may separate the fields of a table.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// The rows of a table with these columns, each with its file and line. Rows that cannot be parsed
/// are added to `faults`.
pub(crate) fn csv_rows<T: DeserializeOwned>(
    path: &Path,
    columns: &[Column],
    faults: &mut Faults,
) -> Result<Vec<(String, T)>, DatasetError> {
    let text = text::read_bytes(path)?;
    if text.starts_with(&[0xff, 0xfe]) || text.starts_with(&[0xfe, 0xff]) {
        return Err(DatasetError::at(path, "the file is in UTF-16").or_advice("save it as UTF-8"));
    }
    let Header { separator, names } =
        read_header(&text, columns).map_err(|fault| DatasetError::at(path, fault))?;
    let has_numbers: Vec<bool> = names
        .iter()
        .map(|name| columns.iter().any(|c| c.name == name && c.has_numbers))
        .collect();
    let mut rows = Vec::new();
    let mut lines = LineCounter::new(&text);
    let mut table = reader(&text, separator);
    // The header is read first, so that the errors of records have the right line.
    table.headers().map_err(|e| DatasetError::at(path, e))?;
    for record in table.records() {
        if let Some(position) = record.as_ref().ok().and_then(StringRecord::position) {
            lines.advance(position.byte() as usize);
        }
        let row = record.and_then(|record| {
            plain_numbers(record, &has_numbers, separator).deserialize(Some(&names))
        });
        match row {
            Ok(row) => rows.push((format!("{}:{}", path.display(), lines.line), row)),
            Err(e) => faults.add(format!("{}: {e}", path.display())),
        }
    }
    Ok(rows)
}

/// The first row of a table.
struct Header {
    separator: u8,
    /// The columns under their own names.
    names: StringRecord,
}

/// The header, with the first separator under which no column is missing.
fn read_header(text: &[u8], columns: &[Column]) -> Result<Header, String> {
    let mut faults = Vec::new();
    for separator in SEPARATORS {
        let header = reader(text, separator).headers().cloned();
        let header = header.map_err(|e| e.to_string())?;
        match columns::canonical(&header, columns) {
            Ok(names) => return Ok(Header { separator, names }),
            Err(fault) => faults.push((header.len(), fault)),
        }
    }
    // The separator that the file probably has gives the most fields.
    faults.sort_by_key(|(fields, _)| std::cmp::Reverse(*fields));
    Err(faults.swap_remove(0).1)
}

fn reader(text: &[u8], separator: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .delimiter(separator)
        .from_reader(text)
}

/// The record with its numbers as Rust reads them: `12,5` is 12.5 where commas do not separate, and
/// the whole number `3.0` is 3.
fn plain_numbers(record: StringRecord, has_numbers: &[bool], separator: u8) -> StringRecord {
    let is_odd = |field: &str| field.ends_with(".0") || field.contains(',');
    let has_number = |i: usize| has_numbers.get(i).copied().unwrap_or_default();
    if !(0..record.len()).any(|i| has_number(i) && is_odd(&record[i])) {
        return record;
    }
    let plain = |(i, field): (usize, &str)| {
        if !has_number(i) {
            return field.to_owned();
        }
        let field = match field.split_once(',') {
            Some((whole, part)) if separator != b',' => format!("{whole}.{part}"),
            _ => field.to_owned(),
        };
        field.strip_suffix(".0").unwrap_or(&field).to_owned()
    };
    let mut numbers: StringRecord = record.iter().enumerate().map(plain).collect();
    numbers.set_position(record.position().cloned());
    numbers
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
