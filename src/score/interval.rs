//! Rates and means with their 95 % intervals: Wilson's for shares of photos, the bootstrap for
//! everything else.

use serde::{Deserialize, Serialize};

use crate::random::SplitMix;

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

/// The weighted share of photos that are hits, with Wilson's interval; `None` without photos. Each
/// is (weight, hit), the weight from 0 on.
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

/// How many times the photos are drawn anew for an interval.
const RESAMPLES: usize = 1_000;

/// The 95 % interval of a statistic by the percentile bootstrap (Efron 1979): the statistic of as
/// many photos, drawn with replacement. `statistic` draws its `n` photos from the numbers it is
/// handed. The same interval for the same `n`.
pub(super) fn bootstrap(n: usize, mut statistic: impl FnMut(&mut SplitMix) -> f64) -> [f64; 2] {
    let mut random = SplitMix(n as u64);
    let mut values: Vec<f64> = (0..RESAMPLES).map(|_| statistic(&mut random)).collect();
    values.sort_by(f64::total_cmp);
    [RESAMPLES / 40, RESAMPLES - 1 - RESAMPLES / 40].map(|place| values[place])
}

/// The weighted mean of values, with its bootstrap interval; `None` without photos. Each is
/// (weight, value), the weight from 0 on. The interval is always the same for the same photos in
/// the same order.
#[must_use]
pub fn mean(photos: &[(f64, f64)]) -> Option<Rate> {
    let of = |sums: (f64, f64)| if sums.0 > 0.0 { sums.1 / sums.0 } else { 0.0 };
    let add = |sums: (f64, f64), &(w, v): &(f64, f64)| (sums.0 + w, sums.1 + w * v);
    let all = photos.iter().fold((0.0, 0.0), add);
    if all.0 <= 0.0 {
        return None;
    }
    let n = photos.len();
    let drawn = |random: &mut SplitMix| {
        of((0..n).fold((0.0, 0.0), |sums, _| add(sums, &photos[random.below(n)])))
    };
    let [low, high] = bootstrap(n, drawn);
    Some(Rate {
        value: of(all),
        low,
        high,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bootstrap's interval of a mean is the normal one, but for its own noise.
    #[test]
    fn the_bootstrap_of_a_mean_is_nearly_normal() {
        let values: Vec<_> = (0..1000).map(|i| (1.0, f64::from(i % 7) / 7.0)).collect();
        let found = mean(&values).expect("photos");
        let mu = values.iter().map(|v| v.1).sum::<f64>() / 1000.0;
        let sigma = (values.iter().map(|v| (v.1 - mu).powi(2)).sum::<f64>() / 1000.0).sqrt();
        let half = Z * sigma / 1000f64.sqrt();
        assert!((found.value - mu).abs() < 1e-12);
        assert!(
            (found.low - (mu - half)).abs() < 0.15 * half
                && (found.high - (mu + half)).abs() < 0.15 * half
        );
        assert_eq!(mean(&values), Some(found));
        assert_eq!(mean(&[]), None);
    }

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
