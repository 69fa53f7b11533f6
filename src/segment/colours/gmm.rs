//! A mixture of Gaussians over RGB, in f64.

use nalgebra::{Cholesky, Matrix3, Vector3};

/// One Gaussian of a mixture.
#[derive(Clone, Debug)]
pub struct Gaussian {
    /// Its weight in the mixture, 0..=1.
    pub weight: f64,
    /// Its mean colour (RGB), in the range of the colours that it was learnt from.
    pub mean: Vector3<f64>,
    /// Its covariance, in squared units of that range.
    pub covariance: Matrix3<f64>,
    /// The inverse of the Cholesky factor L of the covariance. Its product with x − mean has unit
    /// covariance.
    pub(in crate::segment) whitening: Matrix3<f64>,
    /// ln weight − 3/2 ln 2π − ln det L
    pub(in crate::segment) constant: f64,
}

impl Gaussian {
    /// A Gaussian. If the covariance is not positive definite, just enough is added to its diagonal
    /// to make it so.
    #[must_use]
    pub fn new(weight: f64, mean: Vector3<f64>, covariance: Matrix3<f64>) -> Self {
        let mut covariance = covariance;
        let mut extra = covariance.trace().abs().max(1e-300) * 1e-12;
        let factor = loop {
            match Cholesky::new(covariance) {
                Some(factor) => break factor.l(),
                None if extra > 1e300 => break Matrix3::identity(), // NaN or infinite
                None => {
                    covariance += Matrix3::identity() * extra;
                    extra *= 10.0;
                }
            }
        };
        let log_det: f64 = factor.diagonal().iter().map(|l| l.ln()).sum();
        let whitening = factor
            .try_inverse()
            .expect("a Cholesky factor has an inverse");
        let constant = weight.ln() - 1.5 * std::f64::consts::TAU.ln() - log_det;
        Self {
            weight,
            mean,
            covariance,
            whitening,
            constant,
        }
    }

    /// ln (weight · density) at a colour.
    #[must_use]
    pub fn log_density(&self, colour: &Vector3<f64>) -> f64 {
        let (x, w) = (colour - self.mean, &self.whitening);
        // The factor is lower triangular.
        let z0 = w[(0, 0)] * x[0];
        let z1 = w[(1, 0)] * x[0] + w[(1, 1)] * x[1];
        let z2 = w[(2, 0)] * x[0] + w[(2, 1)] * x[1] + w[(2, 2)] * x[2];
        self.constant - 0.5 * (z0 * z0 + z1 * z1 + z2 * z2)
    }
}

/// A mixture of Gaussians. It has no components of weight 0.
#[derive(Clone, Debug)]
pub struct Gmm {
    /// The components. There are none if nothing could be learnt.
    pub components: Vec<Gaussian>,
}

impl Gmm {
    /// ln Σ weight · density at a colour; −∞ for an empty mixture.
    #[must_use]
    pub fn log_density(&self, colour: &Vector3<f64>) -> f64 {
        log_sum_exp(self.components.iter().map(|c| c.log_density(colour)))
    }
}

/// ln Σ eˣ without overflow.
fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let max = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if max.is_finite() {
        max + values.map(|v| (v - max).exp()).sum::<f64>().ln()
    } else {
        max
    }
}
