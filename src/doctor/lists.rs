//! The lists that steer an ILSVRC score: each has one right content, known by its hash.

use super::DoctorReport;
use crate::dataset::{self, Dataset};
use crate::digest;

/// What a list is, SHA-256 of its numbers, one a line, and what to do about another one.
const KNOWN: [(&str, &str, &str); 3] = [
    (
        "blacklist",
        "9bb7a1a102fd1902ebdd011bc0f83f870ea91953928fc389e8c083354ec6678a",
        "take ILSVRC2014_clsloc_validation_blacklist.txt from the devkit anew: 1,762 numbers from 1 on, the first 36, 50, 56",
    ),
    (
        "label order",
        "4286b22b3e4976a3d63bdada9444633e48f1bbc22ecbdafaa07af0cc54856cdd",
        "line i holds the ILSVRC ID of class i by sorted WordNet id; it begins 449, 450, 442",
    ),
    (
        "ground truth",
        "88d44095bd81cb785618db8e72eeb025fa1f646adf359d9b0efbf625244e0df3",
        "take the validation ground truth from the devkit anew: 50,000 ILSVRC IDs, the first 490, 361, 171",
    ),
];

/// What the dataset says of itself, its lists against the known ones, and photos without truth.
pub(super) fn check(report: &mut DoctorReport, dataset: &Dataset) {
    let boxes: usize = dataset.photos.iter().map(|photo| photo.boxes.len()).sum();
    report.fact(
        "dataset",
        format!(
            "{}, {} photos, {boxes} boxes, {} classes ({})",
            dataset.name,
            dataset.photos.len(),
            dataset.classes.len(),
            dataset.classes.name
        ),
    );
    report.fact("profile", dataset.profile.name());
    for note in &dataset.notes {
        report.fact("note", note.as_str());
    }
    for (what, path) in &dataset.files {
        let Some((_, wanted, help)) = KNOWN.iter().find(|(known, ..)| known == what) else {
            continue;
        };
        let Ok(numbers) = dataset::read_numbers(path) else {
            continue;
        };
        let text: String = numbers.iter().map(|number| format!("{number}\n")).collect();
        let found = digest::sha256(text);
        if found != *wanted {
            let what = format!(
                "{}: not the known {what}: {} numbers, sha256 {}...",
                path.display(),
                numbers.len(),
                &found[..12]
            );
            report.finding(what, *help);
        }
    }
    let unboxed: Vec<_> = dataset
        .photos
        .iter()
        .filter(|p| p.boxes.is_empty() && p.mask.is_none())
        .map(|p| p.id.as_str())
        .collect();
    if !unboxed.is_empty() && dataset.edges.boxes > 0 {
        report.finding(
            format!(
                "{} photos have no true box: {}",
                unboxed.len(),
                super::first(&unboxed)
            ),
            "they count in classification only; add their boxes to count them in localisation",
        );
    }
}
