//! Two results compared, photo by photo.

use std::fmt::Write;

use serde::Serialize;

use crate::dataset::{Dataset, Photo};
use crate::prediction::Predictions;
use crate::remedy::Refused;
use crate::score::{self, Outcome, Paired, PairedHit, Rate};
use crate::stage::Stage;

/// What can be right about a photo; the first one compared decides which result is better.
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

    /// What both results know; the one that decides comes first.
    fn order(
        given: Option<Self>,
        classes: bool,
        outcomes: [&[Outcome]; 2],
    ) -> Result<Vec<Self>, Refused> {
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
            return Err(Refused::with_advice(
                format!("the {} of these results is not known", first.name()),
                format!("both results have: {can}"),
            ));
        }
        wanted.sort_by_key(|metric| *metric != first);
        Ok(wanted)
    }
}

/// The content of `localise compare --json`: B compared with A.
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
    /// How many photos both results cover.
    pub images: usize,
    /// Whether photos are weighted.
    pub weighted: bool,
    /// The GT-known accuracy of the centred box of half the area, with rounded edges.
    pub floor: Option<Rate>,
    /// What was compared. The first one decides.
    pub metrics: Vec<MetricComparison>,
    /// Mean CPU milliseconds per photo by stage, where both are runs: stage, A, B.
    pub cpu_ms_per_photo: Vec<(Stage, f64, f64)>,
    /// What there is to know of the results.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Which result is better, in one line.
    pub verdict: String,
}

/// One metric of both results.
#[derive(Clone, Debug, Serialize)]
pub struct MetricComparison {
    /// The metric.
    pub name: &'static str,
    /// The numbers: shares of photos that are right.
    #[serde(flatten)]
    pub paired: Paired,
    /// The photos that are right only in B.
    pub won_images: Vec<String>,
    /// The photos that are right only in A.
    pub lost_images: Vec<String>,
}

/// The largest number of photo names in the text.
const NAMES_SHOWN: usize = 10;

impl MetricComparison {
    fn new(metric: Decider, photos: &[Photo], outcomes: [&[Outcome]; 2]) -> Option<Self> {
        let (mut hits, mut won_images, mut lost_images) = (Vec::new(), Vec::new(), Vec::new());
        for (i, photo) in photos.iter().enumerate() {
            let [a, b] = outcomes.map(|side| metric.hit(&side[i]));
            let (Some(a), Some(b)) = (a, b) else {
                continue;
            };
            hits.push(PairedHit {
                weight: photo.weight,
                a,
                b,
            });
            match (a, b) {
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
    /// Compares two results on the same photos. By default, the box for the true class decides if both
    /// results know it, otherwise class and box of five guesses.
    ///
    /// # Errors
    /// [`Refused`] when there is nothing to compare, or the results do not know the `decider`.
    pub fn new(
        dataset: &Dataset,
        [a, b]: [String; 2],
        predictions: [&Predictions; 2],
        decider: Option<Decider>,
    ) -> Result<Self, Refused> {
        let [before, after] = predictions.map(|p| p.outcomes(dataset));
        let outcomes = [&before[..], &after[..]];
        let order = Decider::order(decider, predictions.iter().all(|p| p.classes), outcomes)?;
        let compared = |metric: Decider| MetricComparison::new(metric, &dataset.photos, outcomes);
        let metrics: Vec<MetricComparison> = order.into_iter().filter_map(compared).collect();
        let first = metrics.first().ok_or_else(|| {
            let message = "there is nothing to compare: no photo counts";
            Refused::with_advice(message, "compare photos that have true boxes")
        })?;
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
            notes: notes(dataset, predictions),
            verdict: match cover_different_photos(predictions) {
                Some(why) => format!("not compared: {why}"),
                None => Self::judge(dataset.profile.name(), first),
            },
            metrics,
            cpu_ms_per_photo: vec![],
        })
    }

    /// Whether the difference in the first metric is more than chance. Both the interval and McNemar's
    /// test must say so, because the interval is too narrow when few photos flipped.
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

/// How many photos have a prediction in A, in B, and in both.
fn covered([first, second]: [&Predictions; 2]) -> [usize; 3] {
    let mut counts = [0; 3];
    for (a, b) in first.photos.iter().zip(&second.photos) {
        let (in_a, in_b) = (!a.failed, !b.failed);
        for (count, is) in counts.iter_mut().zip([in_a, in_b, in_a && in_b]) {
            *count += usize::from(is);
        }
    }
    counts
}

/// A difference is not one of methods if more than this share of the photos that either result has
/// is missing in the other.
const MAX_UNSHARED: f64 = 0.1;

/// Why there is no verdict, where the results are on different photos.
fn cover_different_photos(predictions: [&Predictions; 2]) -> Option<String> {
    let [a, b, both] = covered(predictions);
    let either = a + b - both;
    ((either - both) as f64 > MAX_UNSHARED * either as f64).then(|| {
        format!(
            "A has predictions of {a} photos, B of {b}, and both of {both}; choose the photos that \
             both have"
        )
    })
}

/// The note on photos without a prediction.
fn notes(dataset: &Dataset, predictions: [&Predictions; 2]) -> Vec<String> {
    let ([a, b, _], all) = (covered(predictions), dataset.photos.len());
    let note = || {
        format!("A has predictions of {a} of {all} photos, and B of {b}; the others count as wrong")
    };
    (a.min(b) < all).then(note).into_iter().collect()
}

/// The comparison as text. The verdict is the last line.
#[must_use]
pub fn comparison(found: &Comparison) -> String {
    let Comparison {
        dataset, profile, ..
    } = found;
    let weights = if found.weighted { ", weighted" } else { "" };
    let mut text = format!(
        "A {}\nB {}\n{dataset}   {} photos{weights}   profile {profile}\n\n",
        found.a, found.b, found.images
    );
    for metric in &found.metrics {
        text += &metric_line(profile, metric);
    }
    if let Some(floor) = found.floor {
        let name = "  floor: centred box of half the area";
        let percent = floor.value * 100.0;
        let _ = writeln!(text, " {profile:<8} {name:<38} {percent:5.1} %");
    }
    if let Some(first) = found.metrics.first() {
        text += &names_line("won", &first.won_images);
        text += &names_line("lost", &first.lost_images);
    }
    if !found.cpu_ms_per_photo.is_empty() {
        let _ = writeln!(text, "\n CPU ms per photo");
    }
    for (stage, a, b) in &found.cpu_ms_per_photo {
        let _ = writeln!(text, "  {stage:<12} {a:8.1} -> {b:8.1}");
    }
    for note in &found.notes {
        let _ = writeln!(text, "\n note: {note}");
    }
    let _ = writeln!(text, "\n{}", found.verdict);
    text
}

/// A metric's two values, their difference with its interval, and the flips.
fn metric_line(profile: &str, MetricComparison { name, paired, .. }: &MetricComparison) -> String {
    let difference = paired.difference;
    format!(
        " {profile:<8} {name:<38} {:5.1} % -> {:5.1} %   {:+5.1} ({:+.1} to {:+.1})   \
         {} won, {} lost, p = {:.3}\n",
        paired.a * 100.0,
        paired.b * 100.0,
        difference.value * 100.0,
        difference.low * 100.0,
        difference.high * 100.0,
        paired.won,
        paired.lost,
        paired.p
    )
}

/// The first names of the photos that flipped; empty where none did.
fn names_line(what: &str, names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let shown = names[..names.len().min(NAMES_SHOWN)].join(", ");
    let more = if names.len() > NAMES_SHOWN {
        ", ... (the JSON output lists all)"
    } else {
        ""
    };
    format!("\n {what}: {shown}{more}\n")
}
