//! Two results side by side.

use std::fmt::Write;

use serde::Serialize;

use crate::dataset::{Dataset, Photo};
use crate::prediction::Predictions;
use crate::score::{self, Outcome, Paired, PairedHit, Rate};
use crate::stage::Stage;

/// What a photo can be right in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decider {
    /// The box for the true class.
    GtKnown,
    /// Class and box of the first guess.
    Top1,
    /// Class and box of one of five guesses.
    Top5,
    /// The class of the first guess.
    Top1Class,
}

impl Decider {
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
    fn hit(self, outcome: &Outcome) -> Option<bool> {
        match self {
            Self::GtKnown => outcome
                .counts_in_localisation
                .then(|| outcome.iou_at_least(score::IOU_THRESHOLD)),
            Self::Top1 => outcome
                .counts_in_localisation
                .then(|| outcome.hit_in_top(1)),
            Self::Top5 => outcome
                .counts_in_localisation
                .then(|| outcome.hit_in_top(5)),
            Self::Top1Class => outcome.class.map(|_| outcome.class_in_top(1)),
        }
    }

    /// What both results know, the one that decides first.
    fn order(
        given: Option<Self>,
        classes: bool,
        outcomes: [&[Outcome]; 2],
    ) -> Result<Vec<Self>, String> {
        let known = outcomes
            .into_iter()
            .flatten()
            .all(|o| !o.counts_in_localisation || o.iou.is_some());
        let possible = |metric: &Self| {
            if *metric == Self::GtKnown {
                known
            } else {
                classes
            }
        };
        let mut wanted: Vec<Self> = Self::ALL.into_iter().filter(possible).collect();
        let first = given.unwrap_or(if known { Self::GtKnown } else { Self::Top5 });
        if given.is_some() && !wanted.contains(&first) {
            let can: Vec<&str> = wanted.iter().map(|metric| metric.name()).collect();
            let can = if can.is_empty() {
                "none".into()
            } else {
                can.join(", ")
            };
            return Err(format!(
                "the {} of these results is not known\nhelp: both results have: {can}",
                first.name()
            ));
        }
        wanted.sort_by_key(|metric| *metric != first);
        Ok(wanted)
    }
}

/// B compared with A; `localise compare --json` is this.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The version of this layout.
    pub schema: u32,
    /// The first result.
    pub a: String,
    /// The second.
    pub b: String,
    /// The dataset.
    pub dataset: String,
    /// The metric profile.
    pub profile: String,
    /// How many photos both speak of.
    pub images: usize,
    /// Whether photos are weighted.
    pub weighted: bool,
    /// What the centred box of half the area, its edges rounded, scores with the true class known.
    pub floor: Option<Rate>,
    /// What was compared. The first decides.
    pub metrics: Vec<MetricComparison>,
    /// Mean CPU milliseconds a photo by stage, where both are runs: stage, A, B.
    pub cpu_ms_per_photo: Vec<(Stage, f64, f64)>,
    /// One line.
    pub verdict: String,
}

/// One metric of both.
#[derive(Clone, Debug, Serialize)]
pub struct MetricComparison {
    /// What it is.
    pub name: &'static str,
    /// The numbers: shares of photos that are right.
    #[serde(flatten)]
    pub paired: Paired,
    /// The photos that are right in B alone.
    pub won_images: Vec<String>,
    /// The photos that are right in A alone.
    pub lost_images: Vec<String>,
}

/// How many names of photos are shown.
const NAMES_SHOWN: usize = 10;

impl MetricComparison {
    fn of(metric: Decider, photos: &[Photo], [before, after]: [&[Outcome]; 2]) -> Option<Self> {
        let (mut hits, mut won_images, mut lost_images) = (Vec::new(), Vec::new(), Vec::new());
        for ((photo, before), after) in photos.iter().zip(before).zip(after) {
            let (Some(before), Some(after)) = (metric.hit(before), metric.hit(after)) else {
                continue;
            };
            hits.push(PairedHit {
                weight: photo.weight,
                a: before,
                b: after,
            });
            match (before, after) {
                (false, true) => won_images.push(photo.id.clone()),
                (true, false) => lost_images.push(photo.id.clone()),
                _ => {}
            }
        }
        Some(Self {
            name: metric.name(),
            paired: Paired::from_hits(&hits)?,
            won_images,
            lost_images,
        })
    }
}

impl Comparison {
    /// Compares two results of the same photos, which have these names. `decider` is what decides:
    /// left out, the box for the true class where both know it, else class and box of five guesses.
    ///
    /// # Errors
    /// A text when there is nothing to compare, or not by what is to decide.
    pub fn new(
        dataset: &Dataset,
        [a, b]: [String; 2],
        predictions: [&Predictions; 2],
        decider: Option<Decider>,
    ) -> Result<Self, String> {
        let [before, after] = predictions.map(|p| p.outcomes(dataset));
        let outcomes = [&before[..], &after[..]];
        let order = Decider::order(decider, predictions.iter().all(|p| p.classes), outcomes)?;
        let compared = |metric: Decider| MetricComparison::of(metric, &dataset.photos, outcomes);
        let metrics: Vec<MetricComparison> = order.into_iter().filter_map(compared).collect();
        let first = metrics
            .first()
            .ok_or("there is nothing to compare: no photo counts\nhelp: compare photos that have true boxes")?;
        let weight = |photo: &Photo| if dataset.weighted { photo.weight } else { 1.0 };
        Ok(Self {
            schema: 1,
            a,
            b,
            dataset: dataset.name.clone(),
            profile: dataset.profile.name().into(),
            images: dataset.photos.len(),
            weighted: dataset.weighted,
            floor: score::floors(&dataset.photos, weight)
                .centre_half_area_rounded
                .gt_known_accuracy,
            verdict: Self::judge(dataset.profile.name(), first),
            metrics,
            cpu_ms_per_photo: vec![],
        })
    }

    /// The verdict on the first metric: is the difference more than chance. Both the interval and
    /// McNemar's test must say so; with few flips the interval is too narrow.
    fn judge(profile: &str, first: &MetricComparison) -> String {
        let Paired {
            a,
            b,
            difference,
            won,
            lost,
            p,
        } = first.paired;
        let word = match (difference.low > 0.0, difference.high < 0.0) {
            (true, _) if p < 0.05 => "B is better",
            (_, true) if p < 0.05 => "B is worse",
            _ if won + lost == 0 => "no photo flipped",
            _ => "no difference shown",
        };
        format!(
            "{word}: {profile} {} {:.1} % -> {:.1} %, {:+.1} points ({:+.1} to {:+.1}), {won} won, {lost} lost, McNemar p = {p:.3}",
            first.name,
            a * 100.0,
            b * 100.0,
            difference.value * 100.0,
            difference.low * 100.0,
            difference.high * 100.0
        )
    }
}

/// The comparison as text; the verdict stands last.
#[must_use]
pub fn comparison(found: &Comparison) -> String {
    let Comparison {
        a,
        b,
        dataset,
        profile,
        images,
        weighted,
        ..
    } = found;
    let weights = if *weighted { ", weighted" } else { "" };
    let mut text =
        format!("A {a}\nB {b}\n{dataset}   {images} photos{weights}   profile {profile}\n\n");
    for MetricComparison { name, paired, .. } in &found.metrics {
        let Paired {
            a,
            b,
            difference,
            won,
            lost,
            p,
        } = paired;
        let _ = writeln!(
            text,
            " {profile:<8} {name:<38} {:5.1} % -> {:5.1} %   {:+5.1} ({:+.1} to {:+.1})   {won} won, {lost} lost, p = {p:.3}",
            a * 100.0,
            b * 100.0,
            difference.value * 100.0,
            difference.low * 100.0,
            difference.high * 100.0
        );
    }
    if let Some(floor) = found.floor {
        let name = "  floor: centred box of half the area";
        let _ = writeln!(
            text,
            " {profile:<8} {name:<38} {:5.1} %",
            floor.value * 100.0
        );
    }
    if let Some(first) = found.metrics.first() {
        for (what, names) in [("won", &first.won_images), ("lost", &first.lost_images)] {
            let shown = names
                .iter()
                .take(NAMES_SHOWN)
                .cloned()
                .collect::<Vec<_>>()
                .join(", ");
            let more = if names.len() > NAMES_SHOWN {
                ", ... (the JSON output lists all)"
            } else {
                ""
            };
            if !names.is_empty() {
                let _ = writeln!(text, "\n {what}: {shown}{more}");
            }
        }
    }
    if !found.cpu_ms_per_photo.is_empty() {
        let _ = writeln!(text, "\n CPU ms per photo");
        for (stage, a, b) in &found.cpu_ms_per_photo {
            let _ = writeln!(text, "  {stage:<12} {a:8.1} -> {b:8.1}");
        }
    }
    let _ = writeln!(text, "\n{}", found.verdict);
    text
}
