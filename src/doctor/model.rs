//! ONNX Runtime and the model.

use std::num::NonZero;
use std::time::Instant;

use super::report::{DoctorReport, Finding};
use super::sample::network_input;
use crate::classifier::{self, Classifier, ModelDescription, ProbeOptions};
use crate::dataset::{Dataset, Photo};
use crate::remedy::Remedy;
use crate::storage;

/// The oldest tested version of ONNX Runtime. It is also the oldest that refuses external data
/// outside a model's folder.
const MIN_VERSION: [u32; 2] = [1, 32];
/// How many photos are timed.
const TIMED_PHOTOS: usize = 8;

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// Looks for ONNX Runtime, and returns whether models can be run.
pub fn check_runtime(report: &mut DoctorReport) -> bool {
    let (arch, os) = (std::env::consts::ARCH, std::env::consts::OS);
    report.add_fact("machine", format!("{} cores, {arch}-{os}", cores()));
    let (path, version) = match classifier::loaded_library() {
        Ok(loaded) => loaded,
        Err(error) => {
            let what = error.to_string();
            report
                .findings
                .push(Finding::new(what.trim_end(), [error.remedy()]));
            return false;
        }
    };
    let build = classifier::library_build().unwrap_or_default();
    let number = version.as_deref().unwrap_or("of unknown version");
    let runtime = format!("ONNX Runtime {number}, {}", path.display());
    report.add_fact("runtime", runtime);
    report.add_fact("build", build);
    if version.as_deref().is_some_and(is_old) {
        report.add_finding(
            format!(
                "ONNX Runtime {number} is older than 1.32: results may differ from the tested ones"
            ),
            "run scripts/fetch-onnxruntime for the tested version",
        );
    }
    true
}

fn is_old(version: &str) -> bool {
    let parts: Vec<u32> = version
        .split('.')
        .filter_map(|part| part.parse().ok())
        .collect();
    parts
        .get(..2)
        .is_some_and(|parts| parts < MIN_VERSION.as_slice())
}

/// Loads a model, and checks that it can be differentiated and fits its description. `None` where
/// it cannot be used.
pub fn check_model(report: &mut DoctorReport, description: ModelDescription) -> Option<Classifier> {
    let hash = classifier::sha256(&description.model).unwrap_or_default();
    match Classifier::load(description, ProbeOptions::default()) {
        Ok(classifier) => {
            let hash = hash.get(..12).unwrap_or_default();
            let shown = description_text(&classifier);
            report.add_fact("model", format!("{shown}, sha256 {hash}..."));
            for warning in &classifier.warnings {
                report.add_fact("warning", warning);
            }
            Some(classifier)
        }
        Err(error) => {
            let remedy = error.remedy().unwrap_or_else(|| {
                let advice = "use a model that ONNX Runtime runs and whose operators are in \
                              `localise list ops`";
                Remedy::Advice(advice.into())
            });
            let what = format!("{:#}", anyhow::Error::from(error));
            report
                .findings
                .push(Finding::new(what.trim_end(), [remedy]));
            None
        }
    }
}

/// A model's name, file, input and classes.
fn description_text(classifier: &Classifier) -> String {
    let ModelDescription {
        name,
        model,
        classes,
        background,
        size,
        canvas,
        channels,
        ..
    } = &classifier.description;
    let size = if size.width == size.height {
        size.width.to_string()
    } else {
        format!("{size} (width x height)")
    };
    let form = classifier.input.map_or(String::new(), |form| {
        format!(" {} {}", form.layout, form.dtype)
    });
    let extra = match background {
        Some(_) => " and the background",
        None => "",
    };
    format!(
        "{name}, {}, input {size} of {canvas} ({channels}{form}), {} classes{extra} ({})",
        model.display(),
        classes.len(),
        classes.name
    )
}

/// Times the gradients of a few photos, and reports how long a run with one gradient per photo will
/// take.
pub(super) fn time_gradients(
    report: &mut DoctorReport,
    dataset: &Dataset,
    classifier: &Classifier,
) {
    let mut worker = classifier.worker();
    let mut time = |photo: &Photo| {
        let started = Instant::now();
        let input = network_input(photo, classifier)?;
        let class = photo.class.unwrap_or(0);
        worker.gradients(input.view(), &[class]).ok()?;
        Some(started.elapsed().as_secs_f64())
    };
    let mut seconds = Vec::new();
    let is_there = |photo: &&Photo| storage::is_file(&photo.path);
    let there: Vec<&Photo> = dataset.photos.iter().filter(is_there).collect();
    for &photo in there.iter().take(TIMED_PHOTOS + 1) {
        seconds.extend(time(photo));
    }
    // The first gradient is not counted, because it also loads the model.
    let Some((_, seconds)) = seconds.split_first() else {
        return;
    };
    if seconds.is_empty() {
        return;
    }
    let mean = seconds.iter().sum::<f64>() / seconds.len() as f64;
    let (photos, cores) = (there.len(), cores());
    let total = mean * photos as f64 / cores as f64;
    let fact = format!(
        "{:.0} ms per gradient: about {:.0} s for {photos} photos on {cores} cores with one crop, \
         ten times as long with ten",
        mean * 1e3,
        total.max(1.0)
    );
    report.add_fact("time", fact);
}
