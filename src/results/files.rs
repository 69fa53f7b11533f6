//! The names of what a run leaves in its folder.

/// The rows: all that was found.
pub(crate) const BOXES: &str = "boxes.csv";
/// The numbers.
pub(crate) const SUMMARY: &str = "summary.json";
/// What the results were made from, and on what.
pub(crate) const MANIFEST: &str = "manifest.json";
/// The run, to be run again.
pub(crate) const RUN: &str = "run.toml";
/// What it was scored against, and the classes of that.
pub(crate) const TRUTH: &str = "truth.csv";
/// See [`TRUTH`].
pub(crate) const CLASSES: &str = "classes.csv";
/// The photos that failed, where some did.
pub(crate) const FAILURES: &str = "failures.jsonl";
/// The pictures of a report.
pub(crate) const PICTURES: &str = "pictures.jsonl";
/// The report.
pub(crate) const REPORT: &str = "report.html";
/// A folder with the score map of each photo.
pub(crate) const MAPS: &str = "maps";
/// A folder with the mask of each photo.
pub(crate) const MASKS: &str = "masks";
