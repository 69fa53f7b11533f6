//! What is suspicious about input that is read all the same.

use std::fmt;

/// Input that is read as it is written, although it probably means something else. Runs and scores
/// warn of it, and `doctor` reports it as a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspicion {
    /// What is suspicious, and where.
    pub what: String,
    /// What to check or to change.
    pub advice: String,
}

impl Suspicion {
    pub(crate) fn new(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            advice: advice.into(),
        }
    }
}

impl fmt::Display for Suspicion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.advice)
    }
}
