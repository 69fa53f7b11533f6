//! Runs: their results, and how they survive what can happen to them.

mod ecosystem;
mod interrupted;
mod memory;
mod nightly;
mod runs;
mod shards;
mod slurm;
mod studies;
mod watchdog;
