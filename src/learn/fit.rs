//! Logistic regression: from features and labels to the weights of a head.

use nalgebra::{Cholesky, DMatrix, DVector};
use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::whitening::Whitening;

/// Features of positions, and their labels.
#[derive(Clone, Debug)]
pub struct Samples {
    /// [samples, features].
    pub features: Array2<f32>,
    /// The share of each position that is foreground, 0..=1.
    pub labels: Array1<f32>,
}

/// How a head is fitted.
#[derive(Clone, Copy, Debug)]
pub struct FitOptions {
    /// How many directions of the features are used, those of the largest variance.
    pub components: usize,
    /// The weight λ of the penalty.
    pub penalty: f64,
}

/// The largest change of a weight with which Newton's method ends.
const TOLERANCE: f64 = 1e-6;
/// The largest number of its steps. It takes about eight.
const MAX_STEPS: usize = 50;

/// The weights of the features and the bias b that minimise
///
/// ```text
/// mean over samples of −y ln p − (1 − y) ln(1 − p), plus λ/2 |v|²,   p = 1 / (1 + exp(−b − v·x))
/// ```
///
/// with the whitened features x, the labels y, and the weights v of the former. The minimum is
/// unique, and is found by Newton's method. The logarithm of the odds of foreground in the labels is
/// then taken from b, so that the function is the logarithm of p(x | foreground) / p(x | background),
/// and does not depend on how large the objects of these photos are.
#[must_use]
pub fn fit(samples: &Samples, options: FitOptions) -> (Array1<f64>, f64) {
    let whitening = Whitening::new(samples.features.view(), options.components);
    let white = whitening.apply(samples.features.view());
    let parameters = minimise(white.view(), &samples.labels, options.penalty);
    let (bias, weights) = parameters.as_slice().split_last().expect("there is a bias");
    let share = f64::from(samples.labels.mean().unwrap_or(0.5)).clamp(1e-6, 1.0 - 1e-6);
    let bias = bias - (share / (1.0 - share)).ln();
    whitening.fold(&Array1::from(weights.to_vec()), bias)
}

/// The weights that minimise the mean loss, and after them the bias.
fn minimise(features: ArrayView2<'_, f32>, labels: &Array1<f32>, penalty: f64) -> DVector<f64> {
    let (samples, count) = features.dim();
    let mut with_bias = Array2::<f32>::ones((samples, count + 1));
    with_bias
        .slice_mut(ndarray::s![.., ..count])
        .assign(&features);
    let mut parameters = DVector::<f64>::zeros(count + 1);
    for _ in 0..MAX_STEPS {
        let (gradient, hessian) = derivatives(&with_bias, labels, &parameters, penalty);
        let factors = Cholesky::new(hessian).expect("the penalty makes it positive definite");
        let step = factors.solve(&gradient);
        parameters -= &step;
        if step.amax() < TOLERANCE {
            break;
        }
    }
    parameters
}

/// The gradient and the Hessian of the penalised mean loss.
fn derivatives(
    features: &Array2<f32>,
    labels: &Array1<f32>,
    parameters: &DVector<f64>,
    penalty: f64,
) -> (DVector<f64>, DMatrix<f64>) {
    /// Sums of so many samples are formed in single precision.
    const CHUNK: usize = 1024;
    let (samples, count) = features.dim();
    let current = Array1::from_iter(parameters.iter().map(|&v| v as f32));
    let (mut gradient, mut hessian) = (vec![0.0; count], Array2::<f64>::zeros((count, count)));
    let chunks = features.axis_chunks_iter(Axis(0), CHUNK);
    for (chunk, truth) in chunks.zip(labels.axis_chunks_iter(Axis(0), CHUNK)) {
        let p = chunk.dot(&current).mapv(|z| 1.0 / (1.0 + (-z).exp()));
        let error = &p - &truth;
        for (sum, value) in gradient.iter_mut().zip(error.dot(&chunk)) {
            *sum += f64::from(value);
        }
        let root = p.mapv(|p| (p * (1.0 - p)).sqrt()).insert_axis(Axis(1));
        let scaled = &chunk * &root;
        hessian.zip_mut_with(&scaled.t().dot(&scaled), |sum, &product| {
            *sum += f64::from(product);
        });
    }
    let scale = 1.0 / samples as f64;
    // The bias, which is last, is hardly penalised: only as much as makes the minimum unique.
    let penalty_of = |i: usize| {
        if i + 1 < count {
            penalty
        } else {
            penalty * 1e-6
        }
    };
    let gradient = DVector::from_fn(count, |i, _| {
        gradient[i] * scale + penalty_of(i) * parameters[i]
    });
    let hessian = DMatrix::from_fn(count, count, |i, j| {
        hessian[[i, j]] * scale + if i == j { penalty_of(i) } else { 0.0 }
    });
    (gradient, hessian)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array, Array1};
    use serde::Deserialize;

    use super::*;

    /// What `tests/golden/make_logistic.py` has computed with scikit-learn.
    #[derive(Deserialize)]
    struct Reference {
        components: usize,
        penalty: f64,
        features: Vec<Vec<f32>>,
        labels: Vec<f32>,
        weights: Vec<f64>,
        bias: f64,
    }

    #[test]
    fn the_fit_agrees_with_scikit_learn() {
        let text = include_str!("../../tests/golden/logistic.json");
        let reference: Reference = serde_json::from_str(text).expect("a reference");
        let (rows, columns) = (reference.features.len(), reference.features[0].len());
        let flat = reference.features.concat();
        let samples = Samples {
            features: Array::from_shape_vec((rows, columns), flat).expect("a matrix"),
            labels: Array1::from(reference.labels),
        };
        let options = FitOptions {
            components: reference.components,
            penalty: reference.penalty,
        };
        let (weights, bias) = fit(&samples, options);
        for (own, theirs) in weights.iter().zip(&reference.weights) {
            assert!((own - theirs).abs() < 1e-4, "{own} {theirs}");
        }
        assert!((bias - reference.bias).abs() < 1e-4, "{bias}");
    }
}
