//! Rates with their intervals.

use serde::{Deserialize, Serialize};

/// A share of photos with its 95 % interval, each in 0..=1.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Rate {
    /// The share.
    pub value: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// The quantile of the normal distribution for 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// The weighted share of photos that are hits, with Wilson's interval; `None` without photos.
///
/// With weights w the interval is that of (Σw)² / Σw² photos.
///
/// ```
/// let rate = localise::score::rate([(1.0, true), (1.0, false), (1.0, true), (1.0, true)].into_iter()).unwrap();
/// assert_eq!(rate.value, 0.75);
/// assert!((rate.low - 0.3006).abs() < 1e-4 && (rate.high - 0.9544).abs() < 1e-4);
/// ```
#[must_use]
pub fn rate(photos: impl Iterator<Item = (f64, bool)>) -> Option<Rate> {
    let (mut total, mut squares, mut hits) = (0.0, 0.0, 0.0);
    for (weight, hit) in photos {
        total += weight;
        squares += weight * weight;
        hits += if hit { weight } else { 0.0 };
    }
    if total <= 0.0 {
        return None;
    }
    let (p, n) = (hits / total, total * total / squares);
    // (p + z²/2n ± z √(p(1 − p)/n + z²/4n²)) / (1 + z²/n)
    let centre = p + Z * Z / (2.0 * n);
    let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let divisor = 1.0 + Z * Z / n;
    // At p = 0 and 1 an end is p itself, but for rounding.
    Some(Rate {
        value: p,
        low: ((centre - half) / divisor).clamp(0.0, p),
        high: ((centre + half) / divisor).clamp(p, 1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_stay_in_range() {
        let all = rate((0..10).map(|_| (1.0, true))).expect("ten");
        assert_eq!((all.value, all.high), (1.0, 1.0));
        // The rule of thumb for ten of ten: 1 / (1 + z²/10).
        assert!((all.low - 0.7225).abs() < 1e-4);
        assert_eq!(rate(std::iter::empty()), None);
    }

    #[test]
    fn equal_weights_change_nothing() {
        let of = |w: f64| rate((0..20).map(|i| (w, i % 3 == 0))).expect("twenty");
        let (a, b) = (of(1.0), of(0.3));
        assert!((a.low - b.low).abs() < 1e-12 && (a.high - b.high).abs() < 1e-12);
    }
}
