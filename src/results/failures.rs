//! `failures.jsonl`: the photos that have no box.

use serde::{Deserialize, Serialize};

use crate::localiser::FailureKind;

/// A line of `failures.jsonl`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Failure {
    /// The photo's name.
    pub id: String,
    /// Its file, as the text that `src/path_text.rs` makes of a path.
    pub path: String,
    /// What kind of failure it was.
    pub kind: FailureKind,
    /// What went wrong.
    pub reason: String,
}
