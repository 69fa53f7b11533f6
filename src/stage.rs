//! The stages that a photo passes through, and the CPU time that each takes.
//!
//! One list serves the clock, the journal, the manifest, the table and the report.

use std::collections::BTreeMap;
use std::fmt;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// A stage of the method, in the order in which a photo passes through them.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Reading and decoding the file.
    Decode,
    /// Resizing and cropping.
    View,
    /// The forward and backward passes.
    Network,
    /// The edges of the cut, and the costs of each pixel.
    Energy,
    /// From gradients to the saliency map.
    Saliency,
    /// A threshold on the map, in place of a cut.
    Threshold,
    /// Choosing the pixels that the colour models learn from.
    Seeds,
    /// Learning the colour models.
    Colours,
    /// The minimum cut.
    Cut,
    /// The largest connected component, and its box.
    Component,
    /// Everything from the map to the box, where a study measures it as one.
    Box,
}

impl Stage {
    /// All stages, in order.
    pub const ALL: [Self; 11] = [
        Self::Decode,
        Self::View,
        Self::Network,
        Self::Energy,
        Self::Saliency,
        Self::Threshold,
        Self::Seeds,
        Self::Colours,
        Self::Cut,
        Self::Component,
        Self::Box,
    ];

    /// The stage as files and tables spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::View => "view",
            Self::Network => "network",
            Self::Energy => "energy",
            Self::Saliency => "saliency",
            Self::Threshold => "threshold",
            Self::Seeds => "seeds",
            Self::Colours => "colours",
            Self::Cut => "cut",
            Self::Component => "component",
            Self::Box => "box",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Told when a stage ends.
pub type StageObserver<'a> = &'a mut dyn FnMut(Stage);

/// Milliseconds of CPU time by stage, in the order in which the stages first ended.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct StageTimes(Vec<(Stage, f64)>);

impl StageTimes {
    fn record(&mut self, stage: Stage, ms: f64) {
        match self.0.iter_mut().find(|(known, _)| *known == stage) {
            Some((_, total)) => *total += ms,
            None => self.0.push((stage, ms)),
        }
    }

    /// Adds the times of another photo.
    pub fn add(&mut self, other: &Self) {
        for &(stage, ms) in &other.0 {
            self.record(stage, ms);
        }
    }

    /// The mean for each photo of `photos`, by stage, in milliseconds.
    #[must_use]
    pub fn per_photo(&self, photos: usize) -> Vec<(Stage, f64)> {
        let mean = |&(stage, ms): &(Stage, f64)| (stage, ms / photos.max(1) as f64);
        self.0.iter().map(mean).collect()
    }
}

/// Mean milliseconds by stage as a JSON object, sorted by the stages' names.
#[must_use]
pub fn by_name(times: &[(Stage, f64)]) -> BTreeMap<&'static str, f64> {
    times
        .iter()
        .map(|&(stage, ms)| (stage.name(), ms))
        .collect()
}

/// Measures the stages of one photo on the thread that it was started on.
#[derive(Debug)]
pub struct StageClock {
    times: StageTimes,
    last: f64,
}

impl StageClock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self {
            times: StageTimes::default(),
            last: thread_ms(),
        }
    }

    /// A clock that starts now and already holds the times of this one.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self {
            times: self.times.clone(),
            last: thread_ms(),
        }
    }

    /// Ends a stage: it took all CPU time since the stage before it ended.
    pub fn end(&mut self, stage: Stage) {
        let now = thread_ms();
        self.times.record(stage, now - self.last);
        self.last = now;
    }

    /// What was measured.
    #[must_use]
    pub fn into_times(self) -> StageTimes {
        self.times
    }
}

/// Milliseconds of CPU time that the calling thread has used.
#[must_use]
pub fn thread_ms() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as f64 * 1e3 + now.tv_nsec as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_spell_a_stage_by_its_name() {
        for stage in Stage::ALL {
            let text = serde_json::to_string(&stage).expect("a stage");
            assert_eq!(text, format!("\"{stage}\""));
        }
    }
}
