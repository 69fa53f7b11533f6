//! Two results on the same photos: the paired difference, and whether it is more than chance.

use serde::Serialize;

use super::Rate;
use super::interval::bootstrap;

/// B compared with A, photo by photo.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Paired {
    /// The share of photos right in A.
    pub a: f64,
    /// The share of photos right in B.
    pub b: f64,
    /// B − A, with its paired bootstrap interval.
    pub difference: Rate,
    /// Photos right in B alone.
    pub won: usize,
    /// Photos right in A alone.
    pub lost: usize,
    /// McNemar's exact two-sided p: the probability of as uneven a split of the photos that
    /// flipped, were it chance.
    pub p: f64,
}

impl Paired {
    /// Compares hits, for each photo (weight, right in A, right in B); `None` without photos. The
    /// weights, from 0 on, count for shares and difference, not for the flips and their p.
    ///
    /// ```
    /// use localise::score::Paired;
    /// // Five photos are right in both, five in B alone.
    /// let photos: Vec<_> = (0..10).map(|i| (1.0, i < 5, true)).collect();
    /// let found = Paired::of(&photos).unwrap();
    /// assert_eq!((found.a, found.b, found.won, found.lost), (0.5, 1.0, 5, 0));
    /// // Five coins that all show heads, or all tails: 2 / 32. That may be chance.
    /// assert!((found.p - 0.0625).abs() < 1e-12);
    /// ```
    #[must_use]
    pub fn of(photos: &[(f64, bool, bool)]) -> Option<Self> {
        let total: f64 = photos.iter().map(|photo| photo.0).sum();
        if total <= 0.0 {
            return None;
        }
        // An empty sum is −0.
        let share = |hit: fn(&(f64, bool, bool)) -> bool| {
            photos
                .iter()
                .filter(|photo| hit(photo))
                .map(|photo| photo.0)
                .sum::<f64>()
                / total
                + 0.0
        };
        let [won, lost] = [|a: bool, b: bool| b && !a, |a: bool, b: bool| a && !b]
            .map(|flipped| photos.iter().filter(|&&(_, a, b)| flipped(a, b)).count());
        let n = photos.len();
        let [low, high] = bootstrap(n, |random| {
            let (mut sum, mut weights) = (0.0, 0.0);
            for _ in 0..n {
                let (w, a, b) = photos[random.below(n)];
                weights += w;
                sum += w * (f64::from(u8::from(b)) - f64::from(u8::from(a)));
            }
            if weights > 0.0 { sum / weights } else { 0.0 }
        });
        let (a, b) = (share(|&(_, a, _)| a), share(|&(_, _, b)| b));
        Some(Self {
            a,
            b,
            difference: Rate {
                value: b - a,
                low,
                high,
            },
            won,
            lost,
            p: mcnemar(won, lost),
        })
    }
}

/// McNemar's exact test: with n flips, min(1, 2 · Σ_{k ≤ min(won, lost)} C(n, k) / 2ⁿ).
fn mcnemar(won: usize, lost: usize) -> f64 {
    let n = won + lost;
    // ln C(n, k) grows term by term; the powers of two would overflow.
    let (mut log, mut sum) = (-(n as f64) * std::f64::consts::LN_2, 0.0);
    for k in 0..=won.min(lost) {
        sum += f64::exp(log);
        log += ((n - k) as f64 / (k + 1) as f64).ln();
    }
    (2.0 * sum).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scipy.stats.binomtest(3, 15).pvalue = 0.03515625; (40, 100): 0.0568879.
    #[test]
    fn mcnemars_p_is_scipys() {
        assert!((mcnemar(3, 12) - 0.035_156_25).abs() < 1e-12);
        assert!((mcnemar(60, 40) - 0.056_887_933).abs() < 1e-8);
        assert_eq!((mcnemar(0, 0), mcnemar(5, 5)), (1.0, 1.0));
        assert!(mcnemar(0, 20_000) < 1e-300 && mcnemar(10_000, 10_000) == 1.0);
    }

    #[test]
    fn differences_by_hand() {
        let photos: Vec<_> = (0..100)
            .map(|i| (1.0, i < 50, !(40..80).contains(&i)))
            .collect();
        let found = Paired::of(&photos).expect("photos");
        assert_eq!(
            (found.a, found.b, found.won, found.lost),
            (0.5, 0.6, 20, 10)
        );
        assert!((found.difference.value - 0.1).abs() < 1e-12);
        // The paired standard error is √(30 − 100 · 0.1²) / 100.
        assert!((found.difference.low - (0.1 - 1.96 * 0.0539)).abs() < 0.02);
        assert_eq!(Paired::of(&[]), None);
    }
}
