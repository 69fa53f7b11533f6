//! Two results on the same photos: the paired difference, and whether chance explains it.

use serde::Serialize;

use super::interval::{Rate, WeightedSum};

/// Whether a photo is correct in each of two results, A and B.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedHit {
    /// The photo's weight, which is not negative.
    pub weight: f64,
    /// Whether the photo is correct in A.
    pub a: bool,
    /// Whether the photo is correct in B.
    pub b: bool,
}

/// B compared with A, photo by photo.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Paired {
    /// The share of photos that are correct in A.
    pub a: f64,
    /// The share of photos that are correct in B.
    pub b: f64,
    /// B − A, with its paired bootstrap interval.
    pub difference: Rate,
    /// The number of photos that are correct only in B.
    pub won: usize,
    /// The number of photos that are correct only in A.
    pub lost: usize,
    /// The two-sided p of McNemar's exact test: the probability that chance splits the photos that
    /// changed at least as unevenly.
    pub p: f64,
}

impl Paired {
    /// Compares two results; `None` if there are no photos or all weights are 0. The shares and the
    /// difference are weighted; the counts of photos that changed, and p, are not.
    ///
    /// ```
    /// use localise::score::{Paired, PairedHit};
    /// // Five photos are correct in both, five only in B.
    /// let photo = |i| PairedHit { weight: 1.0, a: i < 5, b: true };
    /// let photos: Vec<_> = (0..10).map(photo).collect();
    /// let found = Paired::from_hits(&photos).unwrap();
    /// assert_eq!((found.a, found.b, found.won, found.lost), (0.5, 1.0, 5, 0));
    /// // Five coins that all show heads, or all tails: 2 / 32. That may be chance.
    /// assert!((found.p - 0.0625).abs() < 1e-12);
    /// ```
    #[must_use]
    pub fn from_hits(photos: &[PairedHit]) -> Option<Self> {
        let total: f64 = photos.iter().map(|photo| photo.weight).sum();
        if total <= 0.0 {
            return None;
        }
        let share = |is_hit: fn(&PairedHit) -> bool| {
            let hits = photos.iter().filter(|photo| is_hit(photo));
            let weights: f64 = hits.map(|photo| photo.weight).sum();
            // An empty sum is −0.
            weights / total + 0.0
        };
        let (a, b) = (share(|photo| photo.a), share(|photo| photo.b));
        let won = photos.iter().filter(|photo| photo.b && !photo.a).count();
        let lost = photos.iter().filter(|photo| photo.a && !photo.b).count();
        let n = photos.len();
        let difference = Rate::with_bootstrap(b - a, n, |random| {
            let mut drawn = WeightedSum::default();
            for _ in 0..n {
                let photo = photos[random.below(n)];
                let difference = f64::from(u8::from(photo.b)) - f64::from(u8::from(photo.a));
                drawn.add(photo.weight, difference);
            }
            drawn.mean()
        });
        Some(Self {
            a,
            b,
            difference,
            won,
            lost,
            p: mcnemar(won, lost),
        })
    }
}

/// McNemar's exact test: with n changes, p = min(1, 2 · Σ_{k ≤ min(won, lost)} C(n, k) / 2ⁿ).
fn mcnemar(won: usize, lost: usize) -> f64 {
    let n = won + lost;
    // The logarithm of C(n, k) / 2ⁿ is updated term by term, because 2ⁿ would overflow.
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

    /// scipy.stats.binomtest(3, 15).pvalue is 0.03515625, that of (40, 100) is 0.0568879.
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
            .map(|i| PairedHit {
                weight: 1.0,
                a: i < 50,
                b: !(40..80).contains(&i),
            })
            .collect();
        let found = Paired::from_hits(&photos).expect("photos");
        assert_eq!(
            (found.a, found.b, found.won, found.lost),
            (0.5, 0.6, 20, 10)
        );
        assert!((found.difference.value - 0.1).abs() < 1e-12);
        // The paired standard error is √(30 − 100 · 0.1²) / 100.
        assert!((found.difference.low - (0.1 - 1.96 * 0.0539)).abs() < 0.02);
        assert_eq!(Paired::from_hits(&[]), None);
    }
}
