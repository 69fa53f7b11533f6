//! Binary splitting (Orchard and Bouman 1991), with the Gaussians of Oxford's `gsc-1.2`.

use nalgebra::{Matrix3, SymmetricEigen, Vector3};

use super::gmm::{Gaussian, Gmm};
use super::samples::Samples;

/// Splits the colours, in 0..=1, into parts and fits one Gaussian to each; there is no EM.
///
/// The part with the greatest principal variance is split through its mean, across its principal
/// axis, until there are `components`. There are fewer where no part varies any more.
#[must_use]
pub fn binary_splitting(samples: &Samples, components: usize) -> Gmm {
    let mut parts = vec![Cluster::new(
        samples
            .iter()
            .map(|c| Vector3::from(c.map(f64::from)))
            .collect(),
    )];
    while parts.len() < components {
        let widest = (0..parts.len())
            .max_by(|&a, &b| parts[a].spread.total_cmp(&parts[b].spread).then(b.cmp(&a)));
        let Some(widest) = widest.filter(|&i| parts[i].spread > 0.0) else {
            break;
        };
        let part = parts.swap_remove(widest);
        let (above, below) = part
            .colours
            .iter()
            .partition(|&c| (c - part.mean).dot(&part.axis) > 0.0);
        let (above, below): (Vec<_>, Vec<_>) = (above, below);
        if above.is_empty() || below.is_empty() {
            parts.push(Cluster {
                spread: 0.0,
                ..part
            });
            continue;
        }
        parts.extend([Cluster::new(above), Cluster::new(below)]);
    }
    let total: usize = parts
        .iter()
        .filter(|p| p.counts())
        .map(|p| p.colours.len())
        .sum();
    let component = |part: &Cluster| {
        Gaussian::new(
            part.colours.len() as f64 / total as f64,
            part.mean,
            conditioned(part.covariance),
        )
    };
    Gmm {
        components: parts.iter().filter(|p| p.counts()).map(component).collect(),
    }
}

/// A part of the colours.
struct Cluster {
    colours: Vec<Vector3<f64>>,
    mean: Vector3<f64>,
    /// With the divisor n − 1.
    covariance: Matrix3<f64>,
    /// The greatest eigenvalue of the covariance, and its eigenvector.
    spread: f64,
    axis: Vector3<f64>,
}

impl Cluster {
    fn new(colours: Vec<Vector3<f64>>) -> Self {
        let n = colours.len() as f64;
        let mean = colours.iter().sum::<Vector3<f64>>() / n.max(1.0);
        let scatter: Matrix3<f64> = colours
            .iter()
            .map(|c| (c - mean) * (c - mean).transpose())
            .sum();
        let covariance = scatter / (n - 1.0).max(1.0);
        let eigen = SymmetricEigen::new(covariance);
        let largest = eigen.eigenvalues.imax();
        // Differences of equal colours can leave a rounding error of 1e-34.
        let spread = Some(eigen.eigenvalues[largest])
            .filter(|&s| s > 1e-20)
            .unwrap_or(0.0);
        Self {
            mean,
            covariance,
            spread,
            axis: eigen.eigenvectors.column(largest).into(),
            colours,
        }
    }

    /// A Gaussian is not learnt from two colours or fewer.
    fn counts(&self) -> bool {
        self.colours.len() > 2
    }
}

/// `gsc-1.2`'s repair: without variance 0.0001 · I; else, while nearly singular, + 0.01 · (greatest
/// variance) · I.
///
/// MATLAB's `rcond` is replaced by the ratio of the extreme eigenvalues.
fn conditioned(covariance: Matrix3<f64>) -> Matrix3<f64> {
    let variance = covariance.diagonal().max();
    if variance < 1e-12 {
        return Matrix3::identity() * 1e-4;
    }
    let mut covariance = covariance;
    loop {
        let eigenvalues = covariance.symmetric_eigenvalues();
        if eigenvalues.min() / eigenvalues.max() >= 1e-8 {
            return covariance;
        }
        covariance += Matrix3::identity() * (0.01 * variance);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_split_across_their_longest_axis() {
        // Ten colours near black, ten near red, ten near white: two splits find them.
        let near =
            |r: f32, g: f32| (0..10_u8).map(move |i| [r, g, g].map(|v| v + 0.001 * f32::from(i)));
        let gmm = binary_splitting(
            &near(0.0, 0.0)
                .chain(near(0.9, 0.0))
                .chain(near(0.9, 0.9))
                .collect(),
            3,
        );
        let mut means: Vec<_> = gmm
            .components
            .iter()
            .map(|c| (c.mean.sum() * 10.0).round() / 10.0)
            .collect();
        means.sort_by(f64::total_cmp);
        assert_eq!(means, [0.0, 0.9, 2.7]);
        assert!(
            gmm.components
                .iter()
                .all(|c| (c.weight - 1.0 / 3.0).abs() < 1e-12)
        );
    }

    #[test]
    fn few_or_equal_colours_give_few_components() {
        let cases = [
            (vec![[0.5; 3]; 100], 1),
            (vec![[0.0; 3]; 2], 0),
            (vec![], 0),
        ];
        for (colours, expected) in cases {
            let gmm = binary_splitting(&colours.into_iter().collect(), 5);
            assert_eq!(gmm.components.len(), expected);
            assert!(!gmm.log_density(&Vector3::repeat(0.5)).is_nan());
        }
    }
}
