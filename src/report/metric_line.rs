//! The lines of printed tables: a metric or a floor, its profile, and its value in per cent.

use std::fmt::Write;

use crate::score::{FloorValue, METRICS, Rate};

/// The floor that is printed below every metric of boxes.
pub(super) const CENTRE: &str = "  floor: centred box of half the area, edges rounded to pixels";
/// The floor that is also printed below the metric by which a method is judged.
pub(super) const WHOLE: &str = "  floor: the whole photo";

/// Adds a line.
pub(super) fn line(text: &mut String, profile: &str, name: &str, value: &str) {
    let _ = writeln!(text, " {profile:<8} {name:<64} = {value}");
}

/// The line of a metric, as `localise list metrics` knows it.
pub(super) fn named(metric: &str) -> &'static str {
    METRICS
        .iter()
        .find(|known| known.name == metric)
        .expect("a metric of the list")
        .line
}

/// What a constant box scores.
pub(super) fn floor_value(floor: Option<FloorValue>) -> String {
    match floor {
        Some(FloorValue::Rate(rate)) => shown(Some(rate)),
        Some(FloorValue::Mean(value)) => percent(value),
        None => maybe(None),
    }
}

/// A share in per cent.
pub(super) fn percent(share: f64) -> String {
    format!("{:5.1} %", share * 100.0)
}

/// The same, or a dash where it is not known.
pub(super) fn maybe(share: Option<f64>) -> String {
    share.map_or("   -".into(), percent)
}

/// A rate with its interval.
pub(super) fn shown(rate: Option<Rate>) -> String {
    match rate {
        None => maybe(None),
        Some(Rate { value, low, high }) => {
            format!(
                "{}  ({:.1} to {:.1})",
                percent(value),
                low * 100.0,
                high * 100.0
            )
        }
    }
}
