//! The choice among the pipelines of a row that varies values.

use std::collections::BTreeMap;

use super::entries::StudyEntry;
use super::line::StudyLine;

/// The entries of rows that have several.
pub(super) fn varied_entries(entries: &[StudyEntry]) -> Vec<StudyEntry> {
    let count = |row: usize| entries.iter().filter(|entry| entry.row == row).count();
    entries
        .iter()
        .filter(|entry| count(entry.row) > 1)
        .cloned()
        .collect()
}

/// Keeps, of each row that varies values, only the most accurate entry; the first of those that are
/// equally accurate. `lines` has the line of each entry of `varied`.
pub(super) fn keep_most_accurate(
    entries: Vec<StudyEntry>,
    varied: &[StudyEntry],
    lines: &[StudyLine],
) -> Vec<StudyEntry> {
    let accuracy = |line: &StudyLine| line.gt_known_accuracy.map_or(0.0, |rate| rate.value);
    let mut best: BTreeMap<usize, (&str, f64)> = BTreeMap::new();
    for (entry, line) in varied.iter().zip(lines) {
        let candidate = (entry.name.as_str(), accuracy(line));
        let known = best.entry(entry.row).or_insert(candidate);
        if candidate.1 > known.1 {
            *known = candidate;
        }
    }
    let is_kept = |entry: &StudyEntry| {
        best.get(&entry.row)
            .is_none_or(|(name, _)| *name == entry.name)
    };
    entries.into_iter().filter(is_kept).collect()
}
