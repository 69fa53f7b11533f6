//! `localise merge`

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;

use super::Exit;
use super::run::print_summary;
use crate::run::{ExecutionOptions, merge};

const EXAMPLES: &str = "Examples:
  localise merge runs/A                    after run --out runs/A --shard 0/2, and 1/2
  localise merge runs/A --expect-shards 2  says so when one never began
  localise merge runs/A --json             for scripts; exit code 4 while shards are missing";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct MergeArgs {
    /// The folder that the shards were run into (`localise run --shard I/N --out DIR`).
    folder: PathBuf,
    /// How many shards there must be, in place of what they say themselves.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    expect_shards: Option<u32>,
    /// Where the dataset's files lie on this machine [default: where they lay for the shards]
    #[arg(long, value_name = "DIR", env = "LOCALISE_DATA")]
    data_dir: Option<PathBuf>,
    /// How long to wait for another process that merges here.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    lock_wait: u64,
    /// Print the summary as one JSON object in place of the table: summary.json, and `out`, where
    /// the results lie.
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
