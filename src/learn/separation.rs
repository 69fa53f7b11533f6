//! How well a head separates the labels of photos that it did not learn from.

use serde::Serialize;

/// How well logits separate foreground from background.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Separation {
    /// The area under the ROC curve: the chance that a foreground position has a higher logit than a
    /// background position; 1/2 says nothing, 1 everything.
    pub auc: f64,
    /// The share of positions that are labelled foreground.
    pub foreground: f64,
    /// The share of positions whose logit is above 0.
    pub above_zero: f64,
    /// The mean logit.
    pub mean: f64,
}

impl Separation {
    /// From the logit and the label of each position; a label of 1/2 or more is foreground.
    #[must_use]
    pub fn new(mut positions: Vec<(f32, f32)>) -> Self {
        if positions.is_empty() {
            return Self::default();
        }
        positions.sort_by(|a, b| a.0.total_cmp(&b.0));
        let is_foreground = |label: f32| label >= 0.5;
        // The sum of the ranks of foreground positions (Mann and Whitney 1947). Equal logits share
        // their mean rank.
        let (mut rank_sum, mut foreground, mut start) = (0.0, 0.0, 0);
        for equal in positions.chunk_by(|a, b| a.0 == b.0) {
            let rank = start as f64 + (equal.len() as f64 + 1.0) / 2.0;
            let count = equal.iter().filter(|(_, y)| is_foreground(*y)).count() as f64;
            rank_sum += rank * count;
            foreground += count;
            start += equal.len();
        }
        let n = positions.len() as f64;
        let pairs = foreground * (n - foreground);
        let auc = if pairs > 0.0 {
            (rank_sum - foreground * (foreground + 1.0) / 2.0) / pairs
        } else {
            0.5
        };
        let above = positions.iter().filter(|(z, _)| *z > 0.0).count() as f64;
        let sum: f64 = positions.iter().map(|(z, _)| f64::from(*z)).sum();
        Self {
            auc,
            foreground: foreground / n,
            above_zero: above / n,
            mean: sum / n,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auc_counts_pairs() {
        let auc = |positions: &[(f32, f32)]| Separation::new(positions.to_vec()).auc;
        assert_eq!(auc(&[(0.0, 0.0), (1.0, 1.0)]), 1.0);
        assert_eq!(auc(&[(0.0, 1.0), (1.0, 0.0)]), 0.0);
        assert_eq!(auc(&[(0.0, 1.0), (0.0, 0.0)]), 0.5);
        // Of 2 x 2 pairs, three are in order.
        assert_eq!(auc(&[(1.0, 0.0), (2.0, 1.0), (3.0, 0.0), (4.0, 1.0)]), 0.75);
        assert_eq!(auc(&[(1.0, 1.0)]), 0.5);
    }
}
