//! How a run ends without its results, told by types: the program's exit code tells scripts whether
//! to try again.

use std::fmt;
use std::path::PathBuf;

use super::shard::Shard;

/// How many of a shard's photos are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// These.
    pub done: usize,
    /// Of all these.
    pub all: usize,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.done, self.all)
    }
}

/// A run that stopped and goes on when the same command is given again.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// A signal came.
    #[error("stopped by {signal}; {done} done; run the same command to go on ({})", folder.display())]
    Signal {
        /// Where the results lie.
        folder: PathBuf,
        /// Its name.
        signal: &'static str,
        /// How far the run has come.
        done: Done,
    },
    /// Another process works on the same shard.
    #[error("{}: in use by pid {pid} on host {host}; wait for it, or stop it, and run the same command", path.display())]
    Locked {
        /// The lock.
        path: PathBuf,
        /// Who holds it.
        pid: String,
        /// And where.
        host: String,
    },
    /// Photos cannot be read, and that is not the photos' fault.
    #[error(
        "{}: {reason}; tried {tries} times; {done} done; mend it and run the same command to go on ({})",
        path.display(),
        folder.display()
    )]
    Outage {
        /// Where the results lie.
        folder: PathBuf,
        /// The photo that was to be read.
        path: PathBuf,
        /// What the file system says.
        reason: String,
        /// How often it was tried.
        tries: usize,
        /// How far the run has come.
        done: Done,
    },
}

/// Shards have still to be run.
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
        let (which, are) = if missing.len() == 1 {
            ("shard", "is")
        } else {
            ("shards", "are")
        };
        let (missing, count) = (missing.join(", "), self.count);
        let example = Shard {
            index: self.missing.first().copied().unwrap_or_default(),
            count,
        };
        write!(
            f,
            "{which} {missing} of {count} {are} missing\nhelp: run them, such as --shard {example}, and merge again"
        )
    }
}

/// The program failed on every photo: a mistake of its own.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Bug(pub String);
