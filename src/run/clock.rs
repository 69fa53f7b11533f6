//! CPU time by stage, of the thread that does the work.

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// Milliseconds of CPU by stage, in the order in which stages were first seen.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct StageTimes(Vec<(String, f64)>);

impl StageTimes {
    fn record(&mut self, stage: &str, ms: f64) {
        match self.0.iter_mut().find(|(name, _)| name == stage) {
            Some((_, total)) => *total += ms,
            None => self.0.push((stage.to_owned(), ms)),
        }
    }

    /// Adds the times of another photo.
    pub fn add(&mut self, other: &Self) {
        other
            .0
            .iter()
            .for_each(|(stage, ms)| self.record(stage, *ms));
    }

    /// The mean per photo, by stage, in milliseconds.
    #[must_use]
    pub fn per_photo(&self, photos: usize) -> Vec<(String, f64)> {
        self.0
            .iter()
            .map(|(stage, ms)| (stage.clone(), ms / photos.max(1) as f64))
            .collect()
    }
}

/// Measures the stages of one photo on the thread that it was made on.
#[derive(Debug)]
pub(crate) struct Clock {
    pub(crate) times: StageTimes,
    last: f64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            times: StageTimes::default(),
            last: thread_ms(),
        }
    }

    /// A clock that goes on from now with the same times.
    pub(crate) fn go_on(&self) -> Self {
        Self {
            times: self.times.clone(),
            last: thread_ms(),
        }
    }

    /// Ends a stage: all time since the last one ended is its.
    pub(crate) fn end(&mut self, stage: &'static str) {
        let now = thread_ms();
        self.times.record(stage, now - self.last);
        self.last = now;
    }
}

/// Milliseconds of CPU that the calling thread has used.
#[must_use]
pub fn thread_ms() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as f64 * 1e3 + now.tv_nsec as f64 / 1e6
}
