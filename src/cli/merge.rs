//! `localise merge`

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;

use super::exit::Exit;
use super::run::print_summary;
use crate::run::{ExecutionOptions, Shard, merge};

const EXAMPLES: &str = "Examples:
  localise merge runs/A                    after `run --out runs/A --shard 0/2` and 1/2
  localise merge runs/A --expect-shards 2  report a shard that was never started
  localise merge runs/A --json             for scripts; exit code 4 while shards are missing";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct MergeArgs {
    /// The folder of the shards (`localise run --shard I/N --out DIR`).
    folder: PathBuf,
    /// How many shards there must be [default: what the shards themselves say]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=Shard::MAX_COUNT as i64))]
    expect_shards: Option<u32>,
    /// The folder of the dataset's files on this machine [default: where the shards read them]
    #[arg(long, value_name = "DIR", env = "LOCALISE_DATA")]
    data_dir: Option<PathBuf>,
    /// How long to wait for another process that merges the same folder.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    lock_wait: u64,
    /// Print one JSON object in place of the table: summary.json, and `out`, the folder of the
    /// results.
    #[arg(long)]
    json: bool,
}

impl MergeArgs {
    pub(super) fn run(self) -> Result<Exit> {
        let Self {
            folder: out,
            expect_shards,
            data_dir,
            lock_wait,
            json,
        } = self;
        let execution = ExecutionOptions {
            out,
            lock_wait: Duration::from_secs(lock_wait),
            ..ExecutionOptions::default()
        };
        let summary = merge(
            &execution,
            expect_shards.map(|n| n as usize),
            data_dir.as_deref(),
        )?;
        print_summary(&summary, &execution.out, json)
    }
}
