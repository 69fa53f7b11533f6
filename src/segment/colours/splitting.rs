//! Binary splitting (Orchard and Bouman 1991), with Gaussians as in Oxford's `gsc-1.2`.

use nalgebra::{Matrix3, SymmetricEigen, Vector3};

use super::gmm::{Gaussian, Gmm};
use super::samples::Samples;

/// Splits the colours, whose channels are in 0..=1, into parts and fits one Gaussian to each part.
///
/// Until there are `components` parts, the part with the largest principal variance is split at its
/// mean, perpendicular to its principal axis. There are fewer parts if all colours in each part are
/// the same.
#[must_use]
pub fn binary_splitting(samples: &Samples, components: usize) -> Gmm {
    let colours = samples
        .iter()
        .map(|colour| Vector3::from(colour.map(f64::from)))
        .collect();
    let mut parts = vec![Cluster::new(colours)];
    while parts.len() < components {
        let widest = (0..parts.len())
            .max_by(|&a, &b| parts[a].spread.total_cmp(&parts[b].spread).then(b.cmp(&a)));
        let Some(widest) = widest.filter(|&i| parts[i].spread > 0.0) else {
            break;
        };
        let part = parts.swap_remove(widest);
        let (above, below): (Vec<_>, Vec<_>) = part
            .colours
            .iter()
            .partition(|&c| (c - part.mean).dot(&part.axis) > 0.0);
        if above.is_empty() || below.is_empty() {
            parts.push(Cluster {
                spread: 0.0,
                ..part
            });
            continue;
        }
        parts.extend([Cluster::new(above), Cluster::new(below)]);
    }
    parts.retain(Cluster::is_large_enough);
    let total: usize = parts.iter().map(|part| part.colours.len()).sum();
    let component = |part: &Cluster| {
        let weight = part.colours.len() as f64 / total as f64;
        Gaussian::new(weight, part.mean, conditioned(part.covariance))
    };
    Gmm {
        components: parts.iter().map(component).collect(),
    }
}

/// A part of the colours.
struct Cluster {
    colours: Vec<Vector3<f64>>,
    mean: Vector3<f64>,
    /// The covariance, with the divisor n − 1.
    covariance: Matrix3<f64>,
    /// The largest eigenvalue of the covariance.
    spread: f64,
    /// The eigenvector of this eigenvalue.
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
        // The variance of equal colours can be up to 1e-34 because of rounding.
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

    /// Whether there are enough colours to learn a Gaussian from: at least three.
    fn is_large_enough(&self) -> bool {
        self.colours.len() > 2
    }
}

/// The covariance, conditioned as in `gsc-1.2`: 0.0001 · I if there is no variance. Otherwise, as
/// long as it is nearly singular, 0.01 · (largest variance) · I is added.
///
/// Where `gsc-1.2` uses MATLAB's `rcond`, this uses the ratio of the extreme eigenvalues.
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
    fn parts_are_split_perpendicular_to_their_longest_axis() {
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
