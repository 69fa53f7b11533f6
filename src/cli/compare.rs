//! `localise compare`

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Error, Result, bail};
use clap::Args;

use super::score::open_boxes;
use super::{Exit, print};
use crate::report::{self, Comparison, Decider};
use crate::results::FinishedRun;
use crate::stage::Stage;

const EXAMPLES: &str = "Examples:
  localise compare runs/A runs/B                 what flipped, and is it chance?
  localise compare runs/A runs/B --metric top1   by class and box of the first guess
  localise compare runs/A runs/B --max-drop 1    exit code 5 when B lost more than a point
  localise compare a.csv b.csv --dataset sample  boxes of anyone";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct CompareArgs {
    /// The first result: the folder of a run, or boxes in any format (with --dataset).
    a: PathBuf,
    /// The second.
    b: PathBuf,
    /// The truth of boxes that are no run's: a dataset's name, folder or file.
    #[arg(long, value_name = "NAME|PATH")]
    dataset: Option<PathBuf>,
    /// Where the dataset's files lie.
    #[arg(long, value_name = "DIR", env = "LOCALISE_DATA")]
    data_dir: Option<PathBuf>,
    /// What decides [default: gt-known, or top5 where the boxes for the true class are not known]
    #[arg(long, value_enum)]
    metric: Option<Decider>,
    /// End with exit code 5 when B has lost more than this, in points (per cent of the photos).
    #[arg(long, value_name = "POINTS", value_parser = points)]
    max_drop: Option<f64>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl CompareArgs {
    pub(super) fn run(self) -> Result<Exit> {
        let open =
            |path: &Path| open_boxes(path, self.dataset.as_deref(), self.data_dir.as_deref());
        let (a, b) = (open(&self.a)?, open(&self.b)?);
        if a.dataset.sha256() != b.dataset.sha256() {
            let (n, m) = (a.dataset.photos.len(), b.dataset.photos.len());
            bail!(
                "{} and {} were scored against other photos or another truth ({n} photos, {m} photos)\n\
                 help: compare results on the same photos; --dataset scores both against one truth",
                self.a.display(),
                self.b.display()
            );
        }
        let (names, of) = (
            [&self.a, &self.b].map(|path| path.display().to_string()),
            [&a.predictions, &b.predictions],
        );
        let mut found = Comparison::new(&a.dataset, names, of, self.metric).map_err(Error::msg)?;
        found.cpu_ms_per_photo = times(&self.a, &self.b);
        let drop = (found.metrics[0].paired.a - found.metrics[0].paired.b) * 100.0;
        let too_much = self.max_drop.filter(|most| drop > most + 1e-9);
        if let Some(most) = too_much {
            found.verdict +=
                &format!("\nFAILED: the drop of {drop:.2} points is more than {most} (--max-drop)");
        }
        let text = if self.json {
            serde_json::to_string(&found)? + "\n"
        } else {
            report::comparison(&found)
        };
        print(&text)?;
        Ok(if too_much.is_some() {
            Exit::Worse
        } else {
            Exit::Done
        })
    }
}

/// Points that a result may lose.
pub(super) fn points(text: &str) -> Result<f64, String> {
    let points = text
        .parse::<f64>()
        .ok()
        .filter(|points| points.is_finite() && *points >= 0.0);
    points.ok_or_else(|| "points from 0 on are wanted, such as 0.5".into())
}

/// The stages' times in both manifests, where there are two.
fn times(a: &Path, b: &Path) -> Vec<(Stage, f64, f64)> {
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
