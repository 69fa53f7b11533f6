//! The runtime and the model.

use super::Report;
use crate::classifier::{self, Classifier, Description, Probe};

/// The oldest version that refuses external data outside a model's folder by itself.
const SAFE: [u32; 2] = [1, 32];

/// Looks for ONNX Runtime, and says whether models can be run.
pub fn library(report: &mut Report) -> bool {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    report.fact("machine", format!("{cores} cores, {}-{}", std::env::consts::ARCH, std::env::consts::OS));
    match classifier::loaded() {
        Err(error) => {
            report.error(&error.to_string(), "run scripts/fetch-onnxruntime");
            false
        }
        Ok((path, version)) => {
            let build = classifier::version().unwrap_or_default();
            let number = version.as_deref().unwrap_or("of unknown version");
            report.fact("runtime", format!("ONNX Runtime {number}, {}", path.display()));
            report.fact("build", build);
            let parts: Vec<u32> = number.split('.').filter_map(|part| part.parse().ok()).collect();
            if version.is_some() && parts.get(..2).is_some_and(|parts| parts < SAFE.as_slice()) {
                report.finding(
                    format!("ONNX Runtime {number} is older than 1.32: results may differ from the tested ones"),
                    "run scripts/fetch-onnxruntime for the tested version",
                );
            }
            true
        }
    }
}

pub(super) fn check(report: &mut Report, description: Description) -> Option<Classifier> {
    let Description { name, size, canvas, classes, model, .. } = &description;
    let shown =
        format!("{name}, {}, input {size} of {canvas}, {} classes ({})", model.display(), classes.len(), classes.name);
    let hash = classifier::sha256(model).unwrap_or_default();
    match Classifier::load(description, Probe::default()) {
        Ok(classifier) => {
            report.fact("model", format!("{shown}, sha256 {}...", hash.get(..12).unwrap_or_default()));
            Some(classifier)
        }
        Err(error) => {
            let error = format!("{:#}", anyhow::Error::from(error));
            report.error(&error, "bring a model that ONNX Runtime runs and whose operators `localise list ops` names");
            None
        }
    }
}
