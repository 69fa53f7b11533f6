//! Rates and means with their 95 % intervals: Wilson's interval for shares of photos, and the
//! bootstrap for everything else.

use serde::{Deserialize, Serialize};

use crate::random::SplitMix;

/// A metric with its 95 % interval, each in 0..=1.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Rate {
    /// The value: a share of photos, or a mean over photos.
    pub value: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
}

/// The 97.5 % quantile of the normal distribution, for a two-sided interval of 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// The weighted share of photos that are hits, with Wilson's interval. Each item is (weight, hit);
/// weights are not negative. `None` if there are no photos or all weights are 0.
///
/// With weights w the interval is that of (Σw)² / Σw² photos.
///
/// ```
/// let hits = [(1.0, true), (1.0, false), (1.0, true), (1.0, true)];
/// let rate = localise::score::rate(hits.into_iter()).unwrap();
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
    // At p = 0 and p = 1 one end equals p, except for rounding.
    Some(Rate {
        value: p,
        low: ((centre - half) / divisor).clamp(0.0, p),
        high: ((centre + half) / divisor).clamp(p, 1.0),
    })
}

/// The number of resamples of a bootstrap.
const RESAMPLES: usize = 1_000;

impl Rate {
    /// A statistic of `n` photos with its 95 % interval by the percentile bootstrap (Efron 1979).
    /// `resampled` computes the statistic for `n` photos that it draws, with replacement, by means
    /// of the random numbers. The seed is `n`, so that the same photos get the same interval.
    pub(super) fn with_bootstrap(
        value: f64,
        n: usize,
        mut resampled: impl FnMut(&mut SplitMix) -> f64,
    ) -> Self {
        let mut random = SplitMix(n as u64);
        let mut values: Vec<f64> = (0..RESAMPLES).map(|_| resampled(&mut random)).collect();
        values.sort_by(f64::total_cmp);
        Self {
            value,
            low: values[RESAMPLES / 40],
            high: values[RESAMPLES - 1 - RESAMPLES / 40],
        }
    }
}

/// Σ w and Σ w v of values v with weights w.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WeightedSum {
    pub(super) weights: f64,
    pub(super) values: f64,
}

impl WeightedSum {
    /// Adds one value.
    pub(super) fn add(&mut self, weight: f64, value: f64) {
        self.weights += weight;
        self.values += weight * value;
    }

    /// The weighted mean; 0 if all weights are 0.
    pub(super) fn mean(self) -> f64 {
        if self.weights > 0.0 {
            self.values / self.weights
        } else {
            0.0
        }
    }
}

/// The weighted mean of values, with its bootstrap interval. Each item is (weight, value); weights
/// are not negative. `None` if there are no photos or all weights are 0. The interval is the same
/// for the same photos in the same order.
#[must_use]
pub fn mean(photos: &[(f64, f64)]) -> Option<Rate> {
    let mut all = WeightedSum::default();
    for &(weight, value) in photos {
        all.add(weight, value);
    }
    if all.weights <= 0.0 {
        return None;
    }
    let n = photos.len();
    Some(Rate::with_bootstrap(all.mean(), n, |random| {
        let mut drawn = WeightedSum::default();
        for _ in 0..n {
            let (weight, value) = photos[random.below(n)];
            drawn.add(weight, value);
        }
        drawn.mean()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bootstrap interval of a mean is close to the normal one.
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
        // If all of n are hits, the lower end is 1 / (1 + z²/n).
        assert!((all.low - 0.7225).abs() < 1e-4);
        assert_eq!(rate(std::iter::empty()), None);
    }

    #[test]
    fn equal_weights_change_nothing() {
        let weighted = |w: f64| rate((0..20).map(|i| (w, i % 3 == 0))).expect("twenty");
        let (a, b) = (weighted(1.0), weighted(0.3));
        assert!((a.low - b.low).abs() < 1e-12 && (a.high - b.high).abs() < 1e-12);
    }
}
