//! How a run is executed, and how its caller watches and stops it. None of this changes its numbers.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::progress::Progress;

/// How a run is executed; its numbers do not depend on it. Whether maps and masks are written is
/// part of the run's fingerprint all the same: a journal records that its photos have theirs.
#[derive(Clone, Debug, Default)]
pub struct ExecutionOptions {
    /// The folder of the results.
    pub out: PathBuf,
    /// Start over; existing results are kept as `NAME.old`.
    pub fresh: bool,
    /// How long to wait for another process that runs the same shard.
    pub lock_wait: Duration,
    /// How many worker threads to use; 0 for one on each core.
    pub threads: usize,
    /// Also write the saliency map of the true class, as a score map of wsolevaluation.
    pub maps: bool,
    /// Also write the mask of the true class.
    pub masks: bool,
}

/// How the caller watches and stops a run.
#[derive(Clone)]
pub struct Control<'a> {
    /// Stops the run.
    pub interrupt: Interrupt,
    /// Shows how far it has come.
    pub progress: &'a dyn Progress,
}

/// A request to stop, shared by those who make it and those who obey it.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<OnceLock<&'static str>>);

impl Interrupt {
    /// Requests a stop; `cause` is the name of the signal, for example. The first cause is kept.
    pub fn request(&self, cause: &'static str) {
        let _ = self.0.set(cause);
    }

    /// Whether a stop was requested.
    #[must_use]
    pub fn requested(&self) -> bool {
        self.0.get().is_some()
    }

    /// What requested the stop.
    #[must_use]
    pub fn cause(&self) -> &'static str {
        self.0.get().copied().unwrap_or("request")
    }
}
