//! Whitening: the directions in which features vary, each scaled to about unit variance.

use nalgebra::{DMatrix, SymmetricEigen};
use ndarray::{Array1, Array2, ArrayView2, Axis};

/// What is added to each variance, as a share of the largest one, so that directions of nearly no
/// variance are not blown up to noise.
const FLOOR: f64 = 1e-3;

/// y = (x − μ) V / √(λ + 10⁻³ λ₁), with the mean μ of the features, the eigenvectors V of their
/// covariance for its largest eigenvalues λ, and λ₁ the largest.
pub(super) struct Whitening {
    mean: Array1<f64>,
    /// V / √(λ + 10⁻³ λ₁), [features, components].
    directions: Array2<f64>,
}

impl Whitening {
    /// The whitening of features, [samples, features], with so many components, or as many as there
    /// are features.
    pub(super) fn new(features: ArrayView2<'_, f32>, components: usize) -> Self {
        let (mean, covariance) = moments(features);
        let count = mean.len();
        let matrix = DMatrix::from_row_iterator(count, count, covariance.iter().copied());
        let SymmetricEigen {
            eigenvalues,
            eigenvectors,
        } = SymmetricEigen::new(matrix);
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by(|&a, &b| eigenvalues[b].total_cmp(&eigenvalues[a]));
        let largest = eigenvalues[order[0]].max(f64::MIN_POSITIVE);
        order.truncate(components);
        let directions = Array2::from_shape_fn((count, order.len()), |(i, j)| {
            let variance = eigenvalues[order[j]].max(0.0) + FLOOR * largest;
            eigenvectors[(i, order[j])] / variance.sqrt()
        });
        Self { mean, directions }
    }

    /// The whitened features, [samples, components].
    pub(super) fn apply(&self, features: ArrayView2<'_, f32>) -> Array2<f32> {
        let shift = self.mean.dot(&self.directions).mapv(|v| v as f32);
        features.dot(&self.directions.mapv(|v| v as f32)) - &shift
    }

    /// Weights of the features, and a bias, that are the same linear function as these weights of
    /// the whitened features.
    pub(super) fn fold(&self, weights: &Array1<f64>, bias: f64) -> (Array1<f64>, f64) {
        let folded = self.directions.dot(weights);
        let bias = bias - self.mean.dot(&folded);
        (folded, bias)
    }
}

/// The mean of features and their covariance.
fn moments(features: ArrayView2<'_, f32>) -> (Array1<f64>, Array2<f64>) {
    /// Products of so many samples are added in single precision before they are added in double.
    const CHUNK: usize = 1024;
    let (samples, count) = features.dim();
    let mean = features.fold_axis(Axis(0), 0.0, |sum, &x| sum + f64::from(x)) / samples as f64;
    let shift = mean.mapv(|m| m as f32);
    let mut covariance = Array2::<f64>::zeros((count, count));
    for chunk in features.axis_chunks_iter(Axis(0), CHUNK) {
        let centred = &chunk - &shift;
        covariance.zip_mut_with(&centred.t().dot(&centred), |sum, &product| {
            *sum += f64::from(product);
        });
    }
    (mean, covariance / samples as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two features whose covariance is known: the whitened ones have variances λ / (λ + λ₁ / 1000)
    /// and no covariance, and a folded function has the same values.
    #[test]
    fn whitened_features_have_unit_variance() {
        let features = Array2::from_shape_fn((4000, 2), |(i, j)| {
            let (a, b) = ((i % 7) as f32 - 3.0, (i % 11) as f32 - 5.0);
            if j == 0 { 3.0 * a + b + 10.0 } else { a - b }
        });
        let whitening = Whitening::new(features.view(), 2);
        let white = whitening.apply(features.view());
        let (mean, covariance) = moments(white.view());
        assert!(mean.iter().all(|m| m.abs() < 1e-5), "{mean}");
        for (place, value) in covariance.indexed_iter() {
            let expected = f64::from(u8::from(place.0 == place.1));
            assert!((value - expected).abs() < 0.02, "{covariance}");
        }
        let (weights, bias) = whitening.fold(&ndarray::arr1(&[0.5, -2.0]), 0.25);
        for (x, y) in features.outer_iter().zip(white.outer_iter()).step_by(501) {
            let direct = 0.25 + 0.5 * f64::from(y[0]) - 2.0 * f64::from(y[1]);
            let folded = bias + weights[0] * f64::from(x[0]) + weights[1] * f64::from(x[1]);
            assert!((direct - folded).abs() < 1e-4, "{direct} {folded}");
        }
    }
}
