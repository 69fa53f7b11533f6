//! A run: every photo of a dataset through a pipeline, as a job that survives any interruption.
//!
//! ```text
//! shard ─► photos ─► journal (synced as results come) ─► merge: rows in the dataset's order ─► numbers
//! ```
//!
//! A run on one machine is a run with one shard. A photo that the journal records as done is never
//! processed again, however a process ends; photos that failed are retried. The merged results do
//! not depend on shards, threads or interruptions.
//!
//! In: [`RunOptions`], on which the results depend, and [`ExecutionOptions`], on which they do not.
//! Out: a [`Summary`], and the folder that `docs/run-folder.md` describes. One photo's path through
//! the pipeline is [`crate::localiser`]; reading a finished run is [`crate::results`]. Starting
//! processes on other machines is left to a scheduler: see `docs/cluster.md`.

mod breaker;
mod control;
mod dataset;
mod error;
mod fingerprint;
mod folder;
mod job;
mod journal;
mod journal_line;
mod lock;
mod manifest;
mod merge;
mod missing;
mod outage;
mod record;
mod shard;
mod work;

pub use control::{Control, ExecutionOptions, Interrupt};
pub use error::{Incomplete, InternalFailure, ShardCount, Stopped};
pub use fingerprint::Fingerprint;
pub use folder::default_folder;
pub use merge::merge;
pub use shard::Shard;

pub use crate::fs::OutputError;

use anyhow::Result;

use crate::results::{RunOptions, Summary};
use job::Job;

/// Runs a pipeline over a dataset and writes the results, or resumes an earlier run in the same
/// folder.
///
/// # Errors
/// When the run cannot start (an unusable model, dataset or folder), the folder holds another run,
/// too many photos fail, the run is [`Stopped`], or the output cannot be written ([`OutputError`]).
pub fn run(
    options: &RunOptions,
    execution: &ExecutionOptions,
    control: &Control<'_>,
) -> Result<Summary> {
    let job = Job::begin(options, execution)?;
    let journal = work::run_shard(&job, Shard::WHOLE, control)?;
    merge::write_results(&job, &[journal])
}

/// Runs one shard, for [`merge()`] to put together with the others. Returns how many of its photos
/// succeeded.
///
/// # Errors
/// As [`run`].
pub fn run_shard(
    options: &RunOptions,
    execution: &ExecutionOptions,
    shard: Shard,
    control: &Control<'_>,
) -> Result<ShardCount> {
    let job = Job::begin(options, execution)?;
    let journal = work::run_shard(&job, shard, control)?;
    Ok(ShardCount {
        done: journal.done(),
        total: journal.done() + journal.failed(),
    })
}
