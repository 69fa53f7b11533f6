//! `localise report`

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Error, Result, bail};
use clap::Args;

use super::{Exit, print};
use crate::publish::{publish, try_place};
use crate::report::{Comparison, Page, PageFailure, PageRun, choices, page};
use crate::run::{Finished, files, pictures};

/// How many photos a choice has.
const PHOTOS: usize = 24;

const EXAMPLES: &str = "Examples:
  localise report runs/A                        runs/A/report.html, with pictures of some photos
  localise report runs/A runs/B                 B compared with A: runs/B/report.html
  localise report runs/A --data-dir DIR         the photos lie elsewhere on this machine
  localise report runs/A --photos 0             numbers only; needs no model and no ONNX Runtime";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Report {
    /// The folder of a finished run; of several, the first is what the others are compared with.
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// The file to write [default: report.html in the last run's folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How many of the worst, best, random and other photos get pictures; a photo is run once more
    /// for these.
    #[arg(long, value_name = "N", default_value_t = PHOTOS)]
    photos: usize,
    /// Where the dataset's files lie on this machine [default: where they lay for the run]
    #[arg(long, value_name = "DIR", env = "LOCALISE_DATA")]
    data_dir: Option<PathBuf>,
}

impl Report {
    /// The page of one run, with what is usual otherwise.
    pub(super) fn of(run: &Path) -> Self {
        Self {
            runs: vec![run.to_owned()],
            out: None,
            photos: PHOTOS,
            data_dir: None,
        }
    }

    pub(super) fn run(self, quiet: bool) -> Result<Exit> {
        print(&self.make(quiet)?)?;
        Ok(Exit::Done)
    }

    fn open(&self, folder: &Path) -> Result<Finished> {
        let mut run = Finished::open(folder)?;
        self.data_dir
            .as_deref()
            .map_or(Ok(()), |data_dir| run.look_below(data_dir))?;
        Ok(run)
    }

    /// Makes the page; gives what is to be said of it, its file last.
    pub(super) fn make(&self, quiet: bool) -> Result<String> {
        let runs: Vec<Finished> = self
            .runs
            .iter()
            .map(|folder| self.open(folder))
            .collect::<Result<_>>()?;
        let first = &runs[0];
        if let Some(other) = runs
            .iter()
            .find(|run| run.dataset.sha256() != first.dataset.sha256())
        {
            bail!(
                "{} and {} were scored against other photos or another truth\nhelp: make a report of each",
                first.folder.display(),
                other.folder.display()
            );
        }
        let out = self
            .out
            .clone()
            .unwrap_or_else(|| self.runs[runs.len() - 1].join(files::REPORT));
        try_place(&out)?;
        let names = names(&runs);
        let compare = |(run, name): (&Finished, &String)| {
            let names = [names[0].clone(), name.clone()];
            Comparison::of(
                &first.dataset,
                names,
                [&first.predictions, &run.predictions],
                None,
            )
            .map_err(Error::msg)
        };
        let comparisons: Vec<Comparison> = runs
            .iter()
            .zip(&names)
            .skip(1)
            .map(compare)
            .collect::<Result<_>>()?;
        let mut shown: Vec<PageRun<'_>> = runs
            .iter()
            .zip(&names)
            .map(|(run, name)| shown(run, name))
            .collect();
        let choices = choices(&first.dataset, &shown, &comparisons, self.photos);
        let mut places: Vec<usize> = choices
            .iter()
            .flat_map(|choice| choice.photos.iter().copied())
            .collect();
        places.sort_unstable();
        places.dedup();
        for (run, shown) in runs.iter().zip(&mut shown) {
            shown.pictures = pictures(run, &places, quiet);
        }
        let with_pictures = shown
            .iter()
            .map(|run| run.pictures.len())
            .max()
            .unwrap_or(0);
        let html = page(&Page {
            dataset: &first.dataset,
            runs: shown,
            comparisons,
            choices: choices.clone(),
        })?;
        publish(&out, html.as_bytes())?;
        let (photos, megabytes) = (first.dataset.photos.len(), html.len() as f64 / 1e6);
        let mut text =
            format!("{photos} photos, {with_pictures} with pictures, {megabytes:.1} MB\n");
        for name in ["lost", "failed", "worst"] {
            if let Some(choice) = choices.iter().find(|choice| choice.name == name) {
                let id = &first.dataset.photos[choice.photos[0]].id;
                text += &format!("{name:<7} {}#photo={}\n", out.display(), encoded(id));
            }
        }
        Ok(format!("{text}{}\n", out.display()))
    }
}

/// An id as a part of an address.
fn encoded(id: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    id.bytes().map(byte).collect()
}

/// A run as the page shows it, without pictures.
fn shown<'a>(run: &'a Finished, name: &str) -> PageRun<'a> {
    let remarks = || run.remarks.iter().enumerate();
    PageRun {
        name: name.to_owned(),
        title: &run.options.pipeline.title,
        summary: &run.summary,
        predictions: &run.predictions,
        outcomes: run.predictions.outcomes(&run.dataset),
        flags: remarks()
            .filter_map(|(place, remark)| Some((place, remark.flag?.name())))
            .collect(),
        messages: remarks()
            .filter_map(|(place, remark)| Some((place, remark.message.as_deref()?)))
            .collect(),
        failures: run
            .failures
            .iter()
            .map(|f| PageFailure {
                id: &f.id,
                path: &f.path,
                kind: &f.kind,
                reason: &f.reason,
            })
            .collect(),
        command: format!(
            "localise run --config {} --out NEW",
            quoted(&run.folder.join(files::RUN))
        ),
        show: format!("localise show --run {}", quoted(&run.folder)),
        manifest: &run.manifest,
        pictures: BTreeMap::new(),
    }
}

/// What the runs are called: their folders' names where these differ, else their paths.
fn names(runs: &[Finished]) -> Vec<String> {
    let names: Vec<String> = runs.iter().map(Finished::name).collect();
    let differ = names.iter().collect::<HashSet<_>>().len() == names.len();
    if differ {
        names
    } else {
        runs.iter()
            .map(|run| run.folder.display().to_string())
            .collect()
    }
}

/// A path as a shell reads it.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = path
        .chars()
        .all(|c| c.is_alphanumeric() || "/._-+".contains(c));
    if plain {
        path
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_paths_survive_addresses_and_shells() {
        assert_eq!(
            encoded("val/a b+c&d=e#f%41é.JPEG"),
            "val/a%20b%2Bc%26d%3De%23f%2541%C3%A9.JPEG"
        );
        assert_eq!(quoted("runs/a-1".as_ref()), "runs/a-1");
        assert_eq!(quoted("it's".as_ref()), r"'it'\''s'");
    }
}
