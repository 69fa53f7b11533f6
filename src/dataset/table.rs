//! Tables: CSV with a header, whose columns may stand in any order.

use std::path::Path;

use serde::de::DeserializeOwned;

use super::{DatasetError, Faults, text};

/// The rows of a table in which the `wanted` columns must be, each with its file and line. Rows
/// that cannot be read are faults.
pub(crate) fn rows<T: DeserializeOwned>(
    path: &Path,
    wanted: &str,
    faults: &mut Faults,
) -> Result<Vec<(String, T)>, DatasetError> {
    let text = text::bytes(path)?;
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_slice());
    let header = reader.headers().map_err(|e| DatasetError::at(path, e))?;
    let missing: Vec<_> = wanted
        .split(',')
        .filter(|column| !header.iter().any(|h| h == *column))
        .collect();
    if !missing.is_empty() {
        return Err(DatasetError::at(
            path,
            format!(
                "columns {} are missing; wanted are {wanted}",
                missing.join(", ")
            ),
        ));
    }
    let mut rows = Vec::new();
    let header = header.clone();
    // A record's position is where the one before ended: line ends lie between.
    let is_end = |byte: &&u8| matches!(byte, b'\r' | b'\n');
    let (mut line, mut counted) = (1, 0);
    for record in reader.records() {
        if let Some(position) = record.as_ref().ok().and_then(csv::StringRecord::position) {
            let ended = position.byte() as usize;
            let start = ended + text[ended..].iter().take_while(is_end).count();
            line += text[counted..start]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count();
            counted = start;
        }
        match record.and_then(|record| record.deserialize(Some(&header))) {
            Ok(row) => rows.push((format!("{}:{line}", path.display()), row)),
            Err(e) => faults.add(format!("{}: {e}", path.display())),
        }
    }
    Ok(rows)
}
