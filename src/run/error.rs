//! The ways in which a run ends without its results. They are types, because the program's exit code
//! tells scripts whether to try again.

use std::fmt;
use std::path::PathBuf;

/// How many photos of a shard are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardCount {
    /// How many are done.
    pub done: usize,
    /// How many there are.
    pub total: usize,
}

impl fmt::Display for ShardCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.done, self.total)
    }
}

/// A run that stopped, and that the same call resumes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Stopped {
    /// A signal came.
    #[error(
        "stopped by {signal}; {done} photos done; run the same command again to resume ({})",
        folder.display()
    )]
    Signal {
        /// The folder of the results.
        folder: PathBuf,
        /// The signal's name.
        signal: &'static str,
        /// How far the shard has come.
        done: ShardCount,
    },
    /// Another process runs the same shard.
    #[error(
        "{}: in use by pid {pid} on host {host}; wait for it or stop it, then run the same command \
         again",
        path.display()
    )]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// The process that holds the lock.
        pid: String,
        /// Its machine.
        host: String,
    },
    /// Photos cannot be read, for a reason that is not theirs.
    #[error(
        "{}: {reason}; tried {tries} times; {done} photos done; fix this and run the same command \
         again to resume ({})",
        path.display(),
        folder.display()
    )]
    Outage {
        /// The folder of the results.
        folder: PathBuf,
        /// The photo that was to be read.
        path: PathBuf,
        /// The file system's error.
        reason: String,
        /// How many times it was tried.
        tries: usize,
        /// How far the shard has come.
        done: ShardCount,
    },
}

/// Some shards have not been run yet.
#[derive(Debug, thiserror::Error)]
pub struct Incomplete {
    /// The shards without a result.
    pub missing: Vec<usize>,
    /// How many shards there are.
    pub count: usize,
}

impl fmt::Display for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let missing: Vec<_> = self.missing.iter().map(ToString::to_string).collect();
        let (shards, are) = if missing.len() == 1 {
            ("shard", "is")
        } else {
            ("shards", "are")
        };
        write!(
            f,
            "{shards} {} of {} {are} missing",
            missing.join(", "),
            self.count
        )
    }
}

/// The program or ONNX Runtime failed on every photo, so the photos are not the cause.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InternalFailure(pub String);
