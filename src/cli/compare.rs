//! `localise compare`

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::score::{Boxes, open_boxes};
use super::{Outcome, print};
use crate::dataset::Photo;
use crate::report::{self, Compared, Comparison};
use crate::score::{self, Paired};

#[derive(Args, Debug)]
pub(super) struct Compare {
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
    metric: Option<Metric>,
    /// End with exit code 5 when B has lost more than this, in points (per cent of the photos).
    #[arg(long, value_name = "POINTS", value_parser = points)]
    max_drop: Option<f64>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What a photo can be right in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Metric {
    /// The box for the true class.
    GtKnown,
    /// Class and box of the first guess.
    Top1,
    /// Class and box of one of five guesses.
    Top5,
    /// The class of the first guess.
    Top1Class,
}

impl Metric {
    const ALL: [Self; 4] = [Self::GtKnown, Self::Top1, Self::Top5, Self::Top1Class];

    fn name(self) -> &'static str {
        match self {
            Self::GtKnown => "GT-known accuracy",
            Self::Top1 => "top-1 localisation accuracy",
            Self::Top5 => "top-5 localisation accuracy",
            Self::Top1Class => "top-1 classification accuracy",
        }
    }

    /// Whether the photo is right; `None` where it does not count.
    fn hit(self, outcome: &score::Outcome) -> Option<bool> {
        match self {
            Self::GtKnown => outcome.localised.then(|| outcome.iou.is_some_and(|iou| iou >= score::LEAST_IOU)),
            Self::Top1 => outcome.localised.then_some(outcome.hit_rank == Some(0)),
            Self::Top5 => outcome.localised.then(|| outcome.hit_rank.is_some_and(|rank| rank < 5)),
            Self::Top1Class => outcome.class.map(|_| outcome.class_rank == Some(0)),
        }
    }
}

impl Compare {
    pub(super) fn run(self) -> Result<Outcome> {
        let open = |path: &Path| open_boxes(path, self.dataset.as_deref(), self.data_dir.as_deref());
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
        let before = a.predictions.outcomes(&a.dataset);
        let after = b.predictions.outcomes(&b.dataset);
        let wanted = self.metrics(&a, &b, &before, &after)?;
        let compared = |metric: &Metric| compared(*metric, &a, &before, &after);
        let metrics: Vec<Compared> = wanted.iter().filter_map(compared).collect();
        let Some(first) = metrics.first() else { bail!("there is nothing to compare: no photo counts") };
        let drop = (first.paired.a - first.paired.b) * 100.0;
        let too_much = self.max_drop.filter(|most| drop > most + 1e-9);
        let mut verdict = Comparison::judge(a.dataset.profile.name(), first);
        if let Some(most) = too_much {
            verdict = format!("{verdict}\nFAILED: the drop of {drop:.2} points is more than {most} (--max-drop)");
        }
        let weight = |photo: &Photo| if a.dataset.weighted { photo.weight } else { 1.0 };
        let found = Comparison {
            schema: 1,
            a: self.a.display().to_string(),
            b: self.b.display().to_string(),
            dataset: a.dataset.name.clone(),
            profile: a.dataset.profile.name().into(),
            images: a.dataset.photos.len(),
            weighted: a.dataset.weighted,
            cpu_ms_per_photo: times(&self.a, &self.b),
            floor: score::floors(&a.dataset.photos, weight).centre_half_area_rounded.gt_known_accuracy,
            metrics,
            verdict,
        };
        let text = if self.json { serde_json::to_string(&found)? + "\n" } else { report::comparison(&found) };
        print(&text)?;
        Ok(if too_much.is_some() { Outcome::Worse } else { Outcome::Done })
    }

    /// What both results know, the one that decides first.
    fn metrics(
        &self,
        a: &Boxes,
        b: &Boxes,
        before: &[score::Outcome],
        after: &[score::Outcome],
    ) -> Result<Vec<Metric>> {
        let known = before.iter().chain(after).all(|o| !o.localised || o.iou.is_some());
        let classes = a.predictions.classes && b.predictions.classes;
        let possible = |metric: &Metric| if *metric == Metric::GtKnown { known } else { classes };
        let mut wanted: Vec<Metric> = Metric::ALL.into_iter().filter(possible).collect();
        let first = self.metric.unwrap_or(if known { Metric::GtKnown } else { Metric::Top5 });
        if self.metric.is_some() && !wanted.contains(&first) {
            let can: Vec<&str> = wanted.iter().map(|metric| metric.name()).collect();
            let can = if can.is_empty() { "none".into() } else { can.join(", ") };
            bail!("--metric: the {} of these results is not known\nhelp: known to both: {can}", first.name());
        }
        wanted.sort_by_key(|metric| *metric != first);
        Ok(wanted)
    }
}

/// Points that a result may lose.
fn points(text: &str) -> Result<f64, String> {
    let points = text.parse::<f64>().ok().filter(|points| points.is_finite() && *points >= 0.0);
    points.ok_or_else(|| "points from 0 on are wanted, such as 0.5".into())
}

fn compared(metric: Metric, a: &Boxes, before: &[score::Outcome], after: &[score::Outcome]) -> Option<Compared> {
    let (mut hits, mut won_images, mut lost_images) = (Vec::new(), Vec::new(), Vec::new());
    for ((photo, before), after) in a.dataset.photos.iter().zip(before).zip(after) {
        let (Some(before), Some(after)) = (metric.hit(before), metric.hit(after)) else { continue };
        hits.push((photo.weight, before, after));
        match (before, after) {
            (false, true) => won_images.push(photo.id.clone()),
            (true, false) => lost_images.push(photo.id.clone()),
            _ => {}
        }
    }
    Some(Compared { name: metric.name(), paired: Paired::of(&hits)?, won_images, lost_images })
}

/// The stages' times in both manifests, where there are two.
fn times(a: &Path, b: &Path) -> Vec<(String, f64, f64)> {
    let read = |folder: &Path| -> Option<serde_json::Map<String, Value>> {
        let manifest: Value = serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).ok()?).ok()?;
        manifest["cpu_ms_per_photo"].as_object().cloned()
    };
    let (Some(a), Some(b)) = (read(a), read(b)) else { return vec![] };
    let ms =
        |times: &serde_json::Map<String, Value>, stage: &str| times.get(stage).and_then(Value::as_f64).unwrap_or(0.0);
    let mut stages: Vec<&String> = a.keys().chain(b.keys()).collect();
    stages.sort();
    stages.dedup();
    stages.into_iter().map(|stage| (stage.clone(), ms(&a, stage), ms(&b, stage))).collect()
}
