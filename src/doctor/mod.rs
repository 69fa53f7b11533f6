//! Checks before a long run: ONNX Runtime, a dataset's files, its boxes and labels, and a model.
//! Each says what is wrong and what to do.
//!
//! The functions of this module fill a [`DoctorReport`] of facts and findings, one after the other.
//! They change nothing else. A dataset that cannot be read at all is a finding too. Boxes that a
//! run would refuse are read leniently, because all boxes together show what is wrong with them.

mod boxes;
mod labels;
mod lists;
mod model;
mod photos;
mod presets;
mod report;
mod sample;

pub use labels::check_labels;
pub use model::{check_model, check_runtime};
pub use presets::{FitVerdict, PhotoLoss, PresetFit, constant_rate, fit_presets, fit_verdict};
pub use report::{DoctorReport, Finding};

use crate::dataset::{Dataset, Request};

/// Checks a dataset's truth and its photos. `decoded` photos, evenly spread, are decoded; of the
/// others, the header is read. `None` where the truth cannot be read.
pub fn check_dataset(
    report: &mut DoctorReport,
    request: &Request<'_>,
    decoded: usize,
) -> Option<Dataset> {
    let lenient = Request {
        lenient: true,
        ..*request
    };
    match Dataset::open(&lenient) {
        Ok(dataset) => {
            lists::check(report, &dataset);
            boxes::check(report, &dataset);
            photos::check(report, &dataset, decoded);
            Some(dataset)
        }
        Err(error) => {
            report.add_dataset_error(&error);
            None
        }
    }
}
