//! The manifest: what the results were made from, and on which machines.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::fingerprint::Fingerprint;
use super::lock::host;
use crate::dataset::{Dataset, Profile};
use crate::localiser::{Member, method_name};
use crate::path_text;
use crate::results::RunOptions;

/// The content of `manifest.json`: versions, hashes, the resolved pipeline and the machines.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Manifest {
    #[serde(flatten)]
    pub(super) fingerprint: Fingerprint,
    pub(super) rustc: &'static str,
    pub(super) profile: Profile,
    pub(super) classes: String,
    pub(super) pipeline: serde_json::Value,
    pub(super) method: String,
    pub(super) shards: usize,
    /// Every process that worked on the run.
    #[serde(rename = "sessions")]
    pub(super) processes: Vec<ProcessRecord>,
    pub(super) cpu_ms_per_photo: BTreeMap<&'static str, f64>,
}

impl Manifest {
    pub(super) fn new(
        options: &RunOptions,
        dataset: &Dataset,
        fingerprint: Fingerprint,
    ) -> serde_json::Result<Self> {
        Ok(Self {
            fingerprint,
            rustc: env!("LOCALISE_RUSTC"),
            profile: dataset.profile,
            classes: dataset.classes.name.clone(),
            pipeline: serde_json::to_value(&options.pipeline)?,
            method: method_name(&options.pipeline),
            shards: 0,
            processes: vec![],
            cpu_ms_per_photo: BTreeMap::new(),
        })
    }
}

/// A process that worked on a run, and its machine.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct ProcessRecord {
    started: String,
    command: Vec<String>,
    host: String,
    cpu: String,
    /// Results on CPUs with other vector units may differ in the last bits.
    pub(super) cpu_features: Vec<String>,
    cores: usize,
    threads: usize,
    system: String,
    /// The tensors of the layers that were used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    layers: Vec<String>,
    /// The warnings about the model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<String>,
}

impl ProcessRecord {
    /// This process, with this many workers, and its classifiers.
    pub(super) fn now(threads: usize, members: &[Member]) -> Self {
        Self {
            started: jiff::Timestamp::now()
                .strftime("%Y-%m-%dT%H:%M:%SZ")
                .to_string(),
            command: std::env::args_os().map(path_text::encode).collect(),
            host: host(),
            cpu: cpu(),
            cpu_features: cpu_features().into_iter().map(str::to_owned).collect(),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            threads,
            system: std::env::consts::OS.into(),
            layers: Member::layers(members),
            warnings: Member::warnings(members),
        }
    }
}

fn cpu() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
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
    found
        .into_iter()
        .filter(|(_, there)| *there)
        .map(|(name, _)| name)
        .collect()
}

/// Today's date, UTC.
pub(super) fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}
