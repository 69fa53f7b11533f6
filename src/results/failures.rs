//! `failures.jsonl`: the photos that have no box.

use serde::{Deserialize, Serialize};

use crate::localiser::FailureKind;

/// A line of `failures.jsonl`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Failure {
    /// The photo's name.
    pub id: String,
    /// Its file.
    pub path: String,
    /// What kind of failure it was.
    pub kind: FailureKind,
    /// What went wrong.
    pub reason: String,
}
