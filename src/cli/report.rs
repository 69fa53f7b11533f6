//! `localise report`

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use super::exit::Exit;
use super::help::with_help;
use super::output::print;
use super::progress::TerminalProgress;
use crate::path_text;
use crate::report::{ReportOptions, report};
use crate::results::FinishedRun;

/// How many photos of each group get pictures.
const PHOTOS: usize = 24;
/// How many photos a page lists: twice as many as ILSVRC's validation set has. Chromium opens such a
/// page in three seconds.
const LISTED: usize = 100_000;

const EXAMPLES: &str = "Examples:
  localise report runs/A                        write runs/A/report.html
  localise report runs/A runs/B                 compare B with A in runs/B/report.html
  localise report runs/A --data-dir DIR         if the photos are elsewhere on this machine
  localise report runs/A --photos 0             numbers only; needs no model and no ONNX Runtime";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct ReportArgs {
    /// Folders of finished runs; if there are several, the others are compared with the first.
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// The file to write [default: report.html in the last run's folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How many of the worst, best, random and other photos get pictures. Each of them is run
    /// again.
    #[arg(long, value_name = "N", default_value_t = PHOTOS)]
    photos: usize,
    /// List at most N photos. The numbers are still those of all photos.
    #[arg(long, value_name = "N", default_value_t = LISTED)]
    listed: usize,
    /// The folder of the dataset's files on this machine [default: where the run read them]
    #[arg(long, value_name = "DIR", env = "LOCALISE_DATA")]
    data_dir: Option<PathBuf>,
}

impl ReportArgs {
    /// The arguments for a report of one run with all defaults.
    pub(super) fn for_run(run: &Path) -> Self {
        Self {
            runs: vec![run.to_owned()],
            out: None,
            photos: PHOTOS,
            listed: LISTED,
            data_dir: None,
        }
    }

    pub(super) fn run(self, quiet: bool) -> Result<Exit> {
        print(&self.write(quiet)?)?;
        Ok(Exit::Done)
    }

    /// Writes the report, and returns what is printed about it; its path is the last line.
    pub(super) fn write(&self, quiet: bool) -> Result<String> {
        let mut runs = Vec::new();
        for folder in &self.runs {
            let mut run = FinishedRun::open(folder)?;
            if let Some(data_dir) = &self.data_dir {
                run.relocate_photos(data_dir)?;
            }
            runs.push(run);
        }
        let last = &self.runs[self.runs.len() - 1];
        let out = self.out.clone().unwrap_or_else(|| last.join("report.html"));
        let options = ReportOptions {
            out: Some(out),
            photos: self.photos,
            listed: self.listed,
        };
        let report = report(&runs, &options, &TerminalProgress { quiet })?;
        for error in &report.without_layers {
            tracing::warn!("{}", with_help(error, None));
        }
        let mut text = format!(
            "{} photos, {} with pictures, {:.1} MB\n",
            report.photos,
            report.with_pictures,
            report.bytes as f64 / 1e6
        );
        for (group, link) in &report.links {
            text += &format!("{group:<7} {link}\n");
        }
        Ok(format!("{text}{}\n", path_text::encode(&report.path)))
    }
}
