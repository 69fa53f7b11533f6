//! `localise report`

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Error, Result, bail};
use clap::Args;

use super::{Outcome, print};
use crate::report::{Choice, Comparison, Page, PageFailure, PageRun, page};
use crate::run::{Finished, pictures, publish, seed_of, try_place};
use crate::score;

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
    /// How many of the worst, best, random and other photos get pictures; a photo is run once more for these.
    #[arg(long, value_name = "N", default_value_t = PHOTOS)]
    photos: usize,
    /// Where the dataset's files lie on this machine [default: where they lay for the run]
    #[arg(long, value_name = "DIR", env = "LOCALISE_DATA")]
    data_dir: Option<PathBuf>,
}

impl Report {
    /// The page of one run, with what is usual otherwise.
    pub(super) fn of(run: &Path) -> Self {
        Self { runs: vec![run.to_owned()], out: None, photos: PHOTOS, data_dir: None }
    }

    pub(super) fn run(self, quiet: bool) -> Result<Outcome> {
        print(&self.make(quiet)?)?;
        Ok(Outcome::Done)
    }

    /// Makes the page; gives what is to be said of it, its file last.
    pub(super) fn make(&self, quiet: bool) -> Result<String> {
        let runs: Vec<Finished> = self.runs.iter().map(|folder| Finished::open(folder)).collect::<Result<_>>()?;
        let (first, last) = (&runs[0], &runs[runs.len() - 1]);
        if let Some(other) = runs.iter().find(|run| run.dataset.sha256() != first.dataset.sha256()) {
            bail!(
                "{} and {} were scored against other photos or another truth\nhelp: make a report of each",
                first.folder.display(),
                other.folder.display()
            );
        }
        let out = self.out.clone().unwrap_or_else(|| last.folder.join("report.html"));
        try_place(&out)?;
        let names = names(&runs);
        let compare = |(run, name): (&Finished, &String)| {
            let names = [names[0].clone(), name.clone()];
            Comparison::of(&first.dataset, names, [&first.predictions, &run.predictions], None).map_err(Error::msg)
        };
        let comparisons: Vec<Comparison> = runs.iter().zip(&names).skip(1).map(compare).collect::<Result<_>>()?;
        let choices = choices(&runs, &comparisons, self.photos);
        let mut places: Vec<usize> = choices.iter().flat_map(|choice| choice.photos.iter().copied()).collect();
        places.sort_unstable();
        places.dedup();
        let runs: Vec<PageRun<'_>> = runs
            .iter()
            .zip(&names)
            .map(|(run, name)| {
                let pictures = pictures(run, &places, self.data_dir.as_deref(), quiet)?;
                Ok(PageRun { name: name.clone(), pictures, ..shown(run) })
            })
            .collect::<Result<_>>()?;
        let with_pictures = runs.iter().map(|run| run.pictures.len()).max().unwrap_or(0);
        let html = page(&Page { dataset: &first.dataset, runs, comparisons, choices: choices.clone() })?;
        publish(&out, html.as_bytes())?;
        let (photos, megabytes) = (first.dataset.photos.len(), html.len() as f64 / 1e6);
        let mut text = format!("{photos} photos, {with_pictures} with pictures, {megabytes:.1} MB\n");
        for name in ["lost", "failed", "worst"] {
            if let Some(choice) = choices.iter().find(|choice| choice.name == name) {
                let id = &first.dataset.photos[choice.photos[0]].id;
                text += &format!("{name:<7} {}#photo={id}\n", out.display());
            }
        }
        Ok(format!("{text}{}\n", out.display()))
    }
}

/// A run as the page shows it, without name and pictures.
fn shown(run: &Finished) -> PageRun<'_> {
    let remarks = || run.remarks.iter().enumerate();
    PageRun {
        name: String::new(),
        title: &run.options.pipeline.title,
        summary: &run.summary,
        predictions: &run.predictions,
        outcomes: run.predictions.outcomes(&run.dataset),
        flags: remarks().filter_map(|(place, remark)| Some((place, remark.flag?.name()))).collect(),
        messages: remarks().filter_map(|(place, remark)| Some((place, remark.message.as_deref()?))).collect(),
        failures: run
            .failures
            .iter()
            .map(|f| PageFailure { id: &f.id, path: &f.path, kind: &f.kind, reason: &f.reason })
            .collect(),
        command: format!("localise run --config {} --out NEW", quoted(&run.folder.join("run.toml"))),
        show: format!("localise show --run {}", quoted(&run.folder)),
        manifest: &run.manifest,
        pictures: BTreeMap::new(),
    }
}

/// What the runs are called: their folders' names where these differ, else their paths.
fn names(runs: &[Finished]) -> Vec<String> {
    let names: Vec<String> = runs.iter().map(Finished::name).collect();
    let differ = names.iter().collect::<HashSet<_>>().len() == names.len();
    if differ { names } else { runs.iter().map(|run| run.folder.display().to_string()).collect() }
}

/// A path as a shell reads it.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = path.chars().all(|c| c.is_alphanumeric() || "/._-+".contains(c));
    if plain { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

/// Photos that are worth a look, up to `most` a choice: the worst and the best of the last run, some at random, those that
/// failed, and those that flipped against the first run, the largest change of IoU first.
fn choices(runs: &[Finished], comparisons: &[Comparison], most: usize) -> Vec<Choice> {
    let (Some(first), Some(last)) = (runs.first(), runs.last()) else { return vec![] };
    let iou = |run: &Finished| -> Vec<f64> {
        run.predictions.outcomes(&run.dataset).iter().map(|outcome| outcome.iou.unwrap_or(0.0)).collect()
    };
    let (before, after) = (iou(first), iou(last));
    let photos = &last.dataset.photos;
    // Ties are broken by a hash of the name: the first photos of a dataset are not typical.
    let order: Vec<u64> = photos.iter().map(|photo| seed_of(&format!("report/{}", photo.id))).collect();
    let chosen = |name: &'static str, title: String, mut places: Vec<usize>, key: &dyn Fn(usize) -> f64| {
        let by_key = |a: &usize, b: &usize| -> Ordering {
            key(*a).total_cmp(&key(*b)).then(order[*a].cmp(&order[*b])).then(a.cmp(b))
        };
        places.sort_by(by_key);
        places.truncate(most);
        Choice { name, title, photos: places }
    };
    let failed = |place: usize| last.predictions.photos[place].failed;
    let all = |keep: &dyn Fn(usize) -> bool| (0..photos.len()).filter(|place| keep(*place)).collect::<Vec<_>>();
    let known = |place: usize| photos[place].localised() && !last.predictions.photos[place].guesses.is_empty();
    let mut choices = Vec::new();
    if let Some(flips) = comparisons.last().and_then(|found| found.metrics.first()) {
        let places = last.dataset.places();
        let change = |place: usize| -(after[place] - before[place]).abs();
        let of = |ids: &[String]| ids.iter().filter_map(|id| places.get(id)).collect();
        let title = |word: &str| format!("{word} by {} ({})", last.name(), flips.name);
        choices.push(chosen("lost", title("Lost"), of(&flips.lost_images), &change));
        choices.push(chosen("won", title("Won"), of(&flips.won_images), &change));
    }
    let wrong = |place: usize| known(place) && after[place] < score::LEAST_IOU;
    choices.push(chosen("worst", "Worst boxes".into(), all(&wrong), &|place| after[place]));
    let right = |place: usize| known(place) && after[place] >= score::LEAST_IOU;
    choices.push(chosen("best", "Best boxes".into(), all(&right), &|place| -after[place]));
    choices.push(chosen("random", "At random".into(), all(&|place| !failed(place)), &|_| 0.0));
    choices.push(chosen("failed", "Failed".into(), all(&failed), &|_| 0.0));
    choices.retain(|choice| !choice.photos.is_empty());
    choices
}
