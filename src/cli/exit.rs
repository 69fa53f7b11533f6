//! The exit codes. They tell a script whether to run the same command again.

use crate::fs::OutputError;
use crate::run::{Incomplete, InternalFailure, Stopped};

/// A bug in this program.
pub(super) const BUG: u8 = 1;
/// Invalid input; retrying will not help.
pub(super) const BAD_INPUT: u8 = 2;
/// Complete, but some photos failed.
pub(super) const SOME_FAILED: u8 = 3;
/// `merge`: shards are missing.
pub(super) const INCOMPLETE: u8 = 4;
/// `compare --max-drop` and `nightly --max-drop`: worse than allowed.
pub(super) const WORSE: u8 = 5;
/// The output cannot be written.
pub(super) const OUTPUT: u8 = 74;
/// Stopped; the same command resumes the run.
pub(super) const STOPPED: u8 = 75;

/// How a subcommand ends, unless it ends with an error.
pub(super) enum Exit {
    Done,
    /// Complete, but some photos failed.
    SomeFailed,
    /// A check found a fault in the input.
    FaultFound,
    /// A result is worse than allowed.
    Worse,
    /// The exit code of another process.
    Code(u8),
}

impl Exit {
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::SomeFailed => SOME_FAILED,
            Self::FaultFound => BAD_INPUT,
            Self::Worse => WORSE,
            Self::Code(code) => code,
        }
    }
}

/// The exit code of a subcommand that ends with an error.
pub(super) fn error_code(error: &anyhow::Error) -> u8 {
    if error.is::<Stopped>() {
        STOPPED
    } else if error.is::<Incomplete>() {
        INCOMPLETE
    } else if error.is::<OutputError>() {
        OUTPUT
    } else if error.is::<InternalFailure>() {
        BUG
    } else {
        BAD_INPUT
    }
}
