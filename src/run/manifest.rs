//! The manifest: what a result was made from, and on what.

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Carrying, RunOptions, method_name};
use crate::classifier::{self, Classifier};
use crate::dataset::{Dataset, Profile};
use crate::report::Summary;

/// Versions, hashes, the resolved pipeline and the machine; `manifest.json` is this.
#[derive(Clone, Debug, Serialize)]
pub struct Manifest {
    program: String,
    commit: &'static str,
    rustc: &'static str,
    onnx_runtime: String,
    command: Vec<String>,
    dataset: String,
    profile: Profile,
    classes: String,
    dataset_sha256: String,
    images: usize,
    model: String,
    model_sha256: String,
    pipeline: serde_json::Value,
    pipeline_sha256: String,
    method: String,
    seed: u64,
    machine: Machine,
    started: String,
    seconds: f64,
    cpu_ms_per_photo: BTreeMap<String, f64>,
    #[serde(skip)]
    clock: Instant,
}

#[derive(Clone, Debug, Serialize)]
struct Machine {
    cpu: String,
    /// Results on CPUs with other vector units may differ in the last bits.
    cpu_features: Vec<&'static str>,
    cores: usize,
    threads: usize,
    system: &'static str,
}

impl Manifest {
    pub(super) fn begin(
        options: &RunOptions,
        carrying: &Carrying,
        classifier: &Classifier,
        dataset: &Dataset,
    ) -> Result<Self> {
        let pipeline = options.pipeline.to_text();
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self {
            program: format!("localise {}", env!("CARGO_PKG_VERSION")),
            commit: env!("LOCALISE_COMMIT"),
            rustc: env!("LOCALISE_RUSTC"),
            onnx_runtime: classifier::version()?,
            command: std::env::args().collect(),
            dataset: dataset.name.clone(),
            profile: dataset.profile,
            classes: dataset.classes.name.clone(),
            dataset_sha256: dataset.sha256(),
            images: dataset.photos.len(),
            model: classifier.description.name.clone(),
            model_sha256: classifier.sha256.clone(),
            pipeline: serde_json::to_value(&options.pipeline)?,
            pipeline_sha256: Sha256::digest(&pipeline).iter().map(|b| format!("{b:02x}")).collect(),
            method: method_name(&options.pipeline),
            seed: options.seed,
            machine: Machine {
                cpu: cpu(),
                cpu_features: cpu_features(),
                cores,
                threads: if carrying.threads == 0 { cores } else { carrying.threads },
                system: std::env::consts::OS,
            },
            started: utc(seconds_since_1970()),
            seconds: 0.0,
            cpu_ms_per_photo: BTreeMap::new(),
            clock: Instant::now(),
        })
    }

    pub(super) fn end(mut self, summary: &Summary) -> Self {
        self.seconds = self.clock.elapsed().as_secs_f64();
        self.cpu_ms_per_photo = summary.cpu_ms_per_photo.iter().cloned().collect();
        self
    }
}

fn cpu() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or("unknown".into(), |(_, name)| name.to_owned())
}

fn cpu_features() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    let found = [
        ("sse4.2", std::is_x86_feature_detected!("sse4.2")),
        ("avx2", std::is_x86_feature_detected!("avx2")),
        ("fma", std::is_x86_feature_detected!("fma")),
        ("avx512f", std::is_x86_feature_detected!("avx512f")),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let found = [(std::env::consts::ARCH, true)];
    found.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
}

fn seconds_since_1970() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

/// Today's date, UTC.
pub(super) fn today() -> String {
    utc(seconds_since_1970())[..10].to_owned()
}

/// ISO 8601. Days are counted from 0000-03-01, so that a leap day ends its year.
fn utc(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let (month, year) = if month < 10 { (month + 3, year + era * 400) } else { (month - 9, year + era * 400 + 1) };
    format!("{year:04}-{month:02}-{date:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn dates() {
        let cases = [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_709_251_199, "2024-02-29"),
            (4_107_542_400, "2100-03-01"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(&utc(seconds)[..10], expected);
        }
        assert_eq!(utc(1_709_251_199), "2024-02-29T23:59:59Z");
    }
}
