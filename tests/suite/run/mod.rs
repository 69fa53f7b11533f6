//! Runs: their results, and how they survive what can happen to them.

mod archives;
mod ecosystem;
mod ensembles;
mod heads;
mod interrupted;
mod memory;
mod model_forms;
mod nightly;
mod runs;
mod shards;
mod slurm;
mod small_rows;
mod studies;
mod watchdog;
