//! The runtime and the model.

use std::num::NonZero;
use std::time::Instant;

use super::{DoctorReport, input};
use crate::classifier::{self, Classifier, ModelDescription, ProbeOptions};
use crate::dataset::{Dataset, Photo};

/// The oldest version that refuses external data outside a model's folder by itself.
const SAFE: [u32; 2] = [1, 32];
/// How many photos are timed.
const TIMED: usize = 8;

/// Looks for ONNX Runtime, and says whether models can be run.
pub fn library(report: &mut DoctorReport) -> bool {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    report.fact(
        "machine",
        format!(
            "{cores} cores, {}-{}",
            std::env::consts::ARCH,
            std::env::consts::OS
        ),
    );
    match classifier::loaded() {
        Err(error) => {
            report.error(&error.to_string(), "run scripts/fetch-onnxruntime");
            false
        }
        Ok((path, version)) => {
            let build = classifier::version().unwrap_or_default();
            let number = version.as_deref().unwrap_or("of unknown version");
            report.fact(
                "runtime",
                format!("ONNX Runtime {number}, {}", path.display()),
            );
            report.fact("build", build);
            let parts: Vec<u32> = number
                .split('.')
                .filter_map(|part| part.parse().ok())
                .collect();
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

pub(super) fn check(report: &mut DoctorReport, description: ModelDescription) -> Option<Classifier> {
    let ModelDescription {
        name,
        size,
        canvas,
        classes,
        model,
        ..
    } = &description;
    let shown = format!(
        "{name}, {}, input {size} of {canvas}, {} classes ({})",
        model.display(),
        classes.len(),
        classes.name
    );
    let hash = classifier::sha256(model).unwrap_or_default();
    match Classifier::load(description, ProbeOptions::default()) {
        Ok(classifier) => {
            report.fact(
                "model",
                format!("{shown}, sha256 {}...", hash.get(..12).unwrap_or_default()),
            );
            Some(classifier)
        }
        Err(error) => {
            let error = format!("{:#}", anyhow::Error::from(error));
            report.error(&error, "bring a model that ONNX Runtime runs and whose operators `localise list ops` names");
            None
        }
    }
}

/// How long a run with one gradient a photo will take, by a few photos.
pub(super) fn time(report: &mut DoctorReport, dataset: &Dataset, classifier: &Classifier) {
    let mut worker = classifier.worker();
    let readable = dataset.photos.iter().filter(|photo| photo.path.is_file());
    let once = |photo: &Photo| {
        let started = Instant::now();
        worker
            .gradients(
                input(photo, classifier)?.view(),
                &[photo.class.unwrap_or(0)],
            )
            .ok()?;
        Some(started.elapsed().as_secs_f64())
    };
    // The first one loads the model.
    let seconds: Vec<f64> = readable.take(TIMED + 1).filter_map(once).skip(1).collect();
    if seconds.is_empty() {
        return;
    }
    let each = seconds.iter().sum::<f64>() / seconds.len() as f64;
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let all = each * dataset.photos.len() as f64 / cores as f64;
    report.fact(
        "time",
        format!(
            "{:.0} ms a gradient: about {:.0} s for {} photos on {cores} cores with one crop, ten times that with ten",
            each * 1e3,
            all.max(1.0),
            dataset.photos.len()
        ),
    );
}
