//! `localise compare`

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use super::exit::Exit;
use super::output::print;
use super::score::{ensure_same_truth, open_boxes};
use crate::path_text;
use crate::report::{self, Comparison, Decider};
use crate::results::FinishedRun;
use crate::stage::Stage;

const EXAMPLES: &str = "Examples:
  localise compare runs/A runs/B                 list the photos that flipped
  localise compare runs/A runs/B --metric top1   decide by class and box of the first guess
  localise compare runs/A runs/B --max-drop 1    exit code 5 if B loses more than a point
  localise compare a.csv b.csv --dataset sample  boxes from any source";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct CompareArgs {
    /// The first result: the folder of a run, or, with --dataset, boxes in any format.
    a: PathBuf,
    /// The second result.
    b: PathBuf,
    /// The dataset to score against, a name, folder or file [default: that of each run]
    #[arg(long, value_name = "NAME|PATH")]
    dataset: Option<PathBuf>,
    /// The folder of the dataset's files.
    #[arg(long, value_name = "DIR", env = "LOCALISE_DATA")]
    data_dir: Option<PathBuf>,
    /// Compare only the photos named in this file, one per line, or only those in this folder.
    #[arg(long, value_name = "FILE|DIR")]
    images: Option<PathBuf>,
    /// The metric that decides [default: gt-known, or top5 if a result has no boxes for the true
    /// class]
    #[arg(long, value_enum)]
    metric: Option<Decider>,
    /// End with exit code 5 if B loses more than this, in points (per cent of the photos).
    #[arg(long, value_name = "POINTS", value_parser = points)]
    max_drop: Option<f64>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl CompareArgs {
    pub(super) fn run(self) -> Result<Exit> {
        let [dataset, data_dir, images] = [&self.dataset, &self.data_dir, &self.images];
        let [dataset, data_dir, images] = [dataset, data_dir, images].map(Option::as_deref);
        let open = |path: &Path| open_boxes(path, dataset, data_dir, images);
        let (a, b) = (open(&self.a)?, open(&self.b)?);
        ensure_same_truth((&self.a, &a.dataset), (&self.b, &b.dataset))?;
        let names = [&self.a, &self.b].map(path_text::encode);
        let predictions = [&a.predictions, &b.predictions];
        let mut comparison = Comparison::new(&a.dataset, names, predictions, self.metric)?;
        comparison.cpu_ms_per_photo = cpu_times(&self.a, &self.b);
        let decider = &comparison.metrics[0].paired;
        let drop = (decider.a - decider.b) * 100.0;
        let exceeded = self.max_drop.filter(|max_drop| drop > max_drop + 1e-9);
        if let Some(max_drop) = exceeded {
            comparison.verdict += &format!(
                "\nFAILED: the drop of {drop:.2} points is more than {max_drop} (--max-drop)"
            );
        }
        let text = if self.json {
            serde_json::to_string(&comparison)? + "\n"
        } else {
            report::comparison(&comparison)
        };
        print(&text)?;
        Ok(if exceeded.is_some() {
            Exit::Worse
        } else {
            Exit::Done
        })
    }
}

/// Parses the number of points that a result may lose.
pub(super) fn points(text: &str) -> Result<f64, String> {
    let points = text
        .parse::<f64>()
        .ok()
        .filter(|points| points.is_finite() && *points >= 0.0);
    points.ok_or_else(|| "not a number of points from 0 on, such as 0.5".into())
}

/// The mean CPU time in ms that each stage takes for a photo, in A and B. Empty unless both are
/// runs.
fn cpu_times(a: &Path, b: &Path) -> Vec<(Stage, f64, f64)> {
    let (Some(a), Some(b)) = (FinishedRun::times_in(a), FinishedRun::times_in(b)) else {
        return vec![];
    };
    let stages: BTreeSet<Stage> = a.keys().chain(b.keys()).copied().collect();
    let mut stages = Vec::from_iter(stages);
    stages.sort_by_key(|stage| stage.name());
    let ms = |times: &BTreeMap<Stage, f64>, stage| times.get(&stage).copied().unwrap_or(0.0);
    stages
        .into_iter()
        .map(|stage| (stage, ms(&a, stage), ms(&b, stage)))
        .collect()
}
