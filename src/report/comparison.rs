//! Two results side by side.

use std::fmt::Write;

use serde::Serialize;

use crate::score::{Paired, Rate};

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
    pub metrics: Vec<Compared>,
    /// Mean CPU milliseconds a photo by stage, where both are runs: stage, A, B.
    pub cpu_ms_per_photo: Vec<(String, f64, f64)>,
    /// One line.
    pub verdict: String,
}

/// One metric of both.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
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

impl Comparison {
    /// The verdict on the first metric: is the difference more than chance. Both the interval and McNemar's test must say
    /// so; with few flips the interval is too narrow.
    #[must_use]
    pub fn judge(profile: &str, first: &Compared) -> String {
        let Paired { a, b, difference, won, lost, p } = first.paired;
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
    let Comparison { a, b, dataset, profile, images, weighted, .. } = found;
    let weights = if *weighted { ", weighted" } else { "" };
    let mut text = format!("A {a}\nB {b}\n{dataset}   {images} images{weights}   profile {profile}\n\n");
    for Compared { name, paired, .. } in &found.metrics {
        let Paired { a, b, difference, won, lost, p } = paired;
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
        let _ = writeln!(text, " {profile:<8} {name:<38} {:5.1} %", floor.value * 100.0);
    }
    if let Some(first) = found.metrics.first() {
        for (what, names) in [("won", &first.won_images), ("lost", &first.lost_images)] {
            let shown = names.iter().take(NAMES_SHOWN).cloned().collect::<Vec<_>>().join(", ");
            let more = if names.len() > NAMES_SHOWN { ", ... (--json has all)" } else { "" };
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
