//! The lists that affect an ILSVRC score. Each has one correct content, which is known by its hash.

use super::report::DoctorReport;
use crate::dataset::{self, Dataset};
use crate::digest;
use crate::listing::first_few;

/// A list of numbers with one correct content.
struct KnownList {
    /// What it is, as in [`Dataset::files`].
    what: &'static str,
    /// SHA-256 of its numbers, one per line.
    sha256: &'static str,
    /// What to do about another content.
    advice: &'static str,
}

const KNOWN: [KnownList; 3] = [
    KnownList {
        what: "blacklist",
        sha256: "9bb7a1a102fd1902ebdd011bc0f83f870ea91953928fc389e8c083354ec6678a",
        advice: "take ILSVRC2014_clsloc_validation_blacklist.txt from the devkit again: it has \
                 1,762 numbers from 1 on, of which the first are 36, 50, 56",
    },
    KnownList {
        what: "label order",
        sha256: "4286b22b3e4976a3d63bdada9444633e48f1bbc22ecbdafaa07af0cc54856cdd",
        advice: "line i is the ILSVRC ID of class i in the order of sorted WordNet ids; the first \
                 are 449, 450, 442",
    },
    KnownList {
        what: "ground truth",
        sha256: "88d44095bd81cb785618db8e72eeb025fa1f646adf359d9b0efbf625244e0df3",
        advice: "take the validation ground truth from the devkit again: it has 50,000 ILSVRC \
                 IDs, of which the first are 490, 361, 171",
    },
];

/// Reports what the dataset is, lists with another content than the known one, and photos without
/// truth.
pub(super) fn check(report: &mut DoctorReport, dataset: &Dataset) {
    add_facts(report, dataset);
    for (what, path) in &dataset.files {
        let Some(known) = KNOWN.iter().find(|known| known.what == *what) else {
            continue;
        };
        let Ok(numbers) = dataset::read_numbers(path) else {
            continue;
        };
        let text: String = numbers.iter().map(|number| format!("{number}\n")).collect();
        let found = digest::sha256(text);
        if found != known.sha256 {
            let finding = format!(
                "{}: not the known {what}: {} numbers, sha256 {}...",
                path.display(),
                numbers.len(),
                &found[..12]
            );
            report.add_finding(finding, known.advice);
        }
    }
    let without_truth: Vec<&str> = dataset
        .photos
        .iter()
        .filter(|photo| photo.boxes.is_empty() && photo.mask.is_none())
        .map(|photo| photo.id.as_str())
        .collect();
    if !without_truth.is_empty() && dataset.edges.boxes > 0 {
        let (count, names) = (without_truth.len(), first_few(without_truth));
        report.add_finding(
            format!("{count} photos have no true box: {names}"),
            "they count in classification only; add their boxes to count them in localisation",
        );
    }
}

fn add_facts(report: &mut DoctorReport, dataset: &Dataset) {
    let boxes: usize = dataset.photos.iter().map(|photo| photo.boxes.len()).sum();
    let fact = format!(
        "{}, {} photos, {boxes} boxes, {} classes ({})",
        dataset.name,
        dataset.photos.len(),
        dataset.classes.len(),
        dataset.classes.name
    );
    report.add_fact("dataset", fact);
    report.add_fact("profile", dataset.profile.name());
    for (what, place) in &dataset.sources {
        report.add_fact("found", format!("{what}: {place}"));
    }
    for note in &dataset.notes {
        report.add_fact("note", note.as_str());
    }
}
