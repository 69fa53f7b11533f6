//! `localise study`

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;

use super::exit::Exit;
use super::output::print;
use super::progress::TerminalProgress;
use crate::classifier::Preset;
use crate::fs::{ensure_writable, write_atomically};
use crate::study::{self, Findings, StudyOptions};

const EXAMPLES: &str = "Examples:
  localise study smoke                              compare some pipelines on the sample
  localise study smoke --limit 3 --json smoke.json  faster, and with JSON
  localise study methods --data-dir DIR             every saliency method on ILSVRC's photos";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct StudyArgs {
    /// A study's name (`localise list studies`) or file.
    study: PathBuf,
    /// The folder of the dataset's files.
    #[arg(long, value_name = "DIR", env = "LOCALISE_DATA")]
    data_dir: Option<PathBuf>,
    /// A model to use in place of the study's. May be given several times.
    #[arg(long, value_name = "NAME|PATH")]
    model: Vec<PathBuf>,
    /// How the pixels of an ONNX file without a description are scaled.
    #[arg(long, value_name = "PRESET", value_enum, requires = "model")]
    like: Option<Preset>,
    /// Process at most N photos, the first of a fixed shuffle. For testing.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// How many photos to process at once; the results do not depend on it [default: one per core]
    #[arg(long, value_name = "T", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// Also write the findings to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// The object that `--json` writes.
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
            like,
            limit,
            threads,
            json,
        } = self;
        let study = study::Study::load(&study)?;
        if let Some(path) = &json {
            ensure_writable(path)?;
        }
        let options = StudyOptions {
            data_dir,
            models,
            like,
            limit: limit.map(|n| n as usize),
            threads,
        };
        let findings = study.run(&options, &TerminalProgress { quiet })?;
        print(&study::table(&findings))?;
        if let Some(path) = json {
            let object = StudyJson {
                schema: 1,
                findings: &findings,
            };
            let text = serde_json::to_string_pretty(&object).context("the findings as JSON")?;
            write_atomically(&path, text.as_bytes())?;
        }
        let failed = findings.lines.iter().any(|line| line.failed > 0);
        Ok(if failed { Exit::SomeFailed } else { Exit::Done })
    }
}
