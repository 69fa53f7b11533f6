//! `localise study`

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;

use super::progress::TerminalProgress;
use super::{Exit, print};
use crate::fs::{write_atomically, ensure_writable};
use crate::study::{self, StudyOptions, Findings};

const EXAMPLES: &str = "Examples:
  localise study smoke                              a table of pipelines, on the sample
  localise study smoke --limit 3 --json smoke.json  quicker, and as JSON too
  localise study methods --data-dir DIR             every saliency method, on ILSVRC's photos";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct StudyArgs {
    /// A study's name (`localise list studies`) or file.
    study: PathBuf,
    /// Where the dataset's files lie.
    #[arg(long, value_name = "DIR", env = "LOCALISE_DATA")]
    data_dir: Option<PathBuf>,
    /// A model in place of the study's; may be given several times.
    #[arg(long, value_name = "NAME|PATH")]
    model: Vec<PathBuf>,
    /// Only this many photos, of a fixed shuffle: for testing.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// How many photos to work on at once; the results do not depend on it [default: one per core]
    #[arg(long, value_name = "T", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// Write the findings as JSON to this file too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// What `--json` writes.
#[derive(Serialize)]
struct StudyJson<'a> {
    /// The version of this layout.
    schema: u32,
    #[serde(flatten)]
    findings: &'a Findings,
}

impl StudyArgs {
    pub(super) fn run(self, quiet: bool) -> Result<Exit> {
        let Self {
            study,
            data_dir,
            model: models,
            limit,
            threads,
            json,
        } = self;
        let study = study::Study::load(&study)?;
        json.as_deref().map_or(Ok(()), ensure_writable)?;
        let limit = limit.map(|n| n as usize);
        let findings = study.run(
            &StudyOptions {
            data_dir,
            models,
            limit,
            threads,
            },
            &TerminalProgress { quiet },
        )?;
        print(&study::table(&findings))?;
        if let Some(path) = json {
            let written = StudyJson {
                schema: 1,
                findings: &findings,
            };
            let text = serde_json::to_string_pretty(&written).context("the findings as JSON")?;
            write_atomically(&path, text.as_bytes())?;
        }
        let failed = findings.lines.iter().any(|line| line.failed > 0);
        Ok(if failed { Exit::SomeFailed } else { Exit::Done })
    }
}
