//! The manifest: what a result was made from, and on what.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::lock::host;
use super::{Fingerprint, RunOptions, method_name};
use crate::dataset::{Dataset, Profile};

/// Versions, hashes, the resolved pipeline and the machines; `manifest.json` is this.
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
    pub(super) sessions: Vec<Session>,
    pub(super) cpu_ms_per_photo: BTreeMap<String, f64>,
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
            sessions: vec![],
            cpu_ms_per_photo: BTreeMap::new(),
        })
    }
}

/// A process that worked on a run, and where.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Session {
    started: String,
    command: Vec<String>,
    host: String,
    cpu: String,
    /// Results on CPUs with other vector units may differ in the last bits.
    pub(super) cpu_features: Vec<String>,
    cores: usize,
    threads: usize,
    system: String,
}

impl Session {
    /// This process, with so many workers.
    pub(super) fn now(threads: usize) -> Self {
        Self {
            started: utc(seconds_since_1970()),
            command: std::env::args_os()
                .map(|argument| argument.to_string_lossy().into_owned())
                .collect(),
            host: host(),
            cpu: cpu(),
            cpu_features: cpu_features().into_iter().map(str::to_owned).collect(),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            threads,
            system: std::env::consts::OS.into(),
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

fn seconds_since_1970() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs())
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
    let (month, year) = if month < 10 {
        (month + 3, year + era * 400)
    } else {
        (month - 9, year + era * 400 + 1)
    };
    format!(
        "{year:04}-{month:02}-{date:02}T{:02}:{:02}:{:02}Z",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
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
