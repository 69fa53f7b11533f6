//! The densities of a mixture at a block of colours, in f32.

use super::gmm::{Gaussian, Gmm};
use crate::segment::kernel::lanes::{BLOCK, Column, exp2, log2};

/// The parameters of the log₂ density of one Gaussian.
#[derive(Clone, Copy, Debug)]
pub(in crate::segment) struct Density {
    /// Its mean colour.
    pub(in crate::segment) mean: [f32; 3],
    /// The lower triangle of √(½ log₂ e) · L⁻¹, row by row, with L the Cholesky factor of the
    /// covariance.
    whitening: [f32; 6],
    /// log₂ weight − 3/2 log₂ 2π − log₂ det L
    constant: f32,
}

impl From<&Gaussian> for Density {
    fn from(component: &Gaussian) -> Self {
        let (w, log2_e) = (
            component.whitening * (0.5 * std::f64::consts::LOG2_E).sqrt(),
            std::f64::consts::LOG2_E,
        );
        Self {
            mean: component.mean.map(|v| v as f32).into(),
            whitening: [
                w[(0, 0)],
                w[(1, 0)],
                w[(1, 1)],
                w[(2, 0)],
                w[(2, 1)],
                w[(2, 2)],
            ]
            .map(|v| v as f32),
            constant: (component.constant * log2_e) as f32,
        }
    }
}

impl Density {
    /// log₂ (weight · density)
    #[inline(always)]
    fn log2(&self, [x, y, z]: [f32; 3]) -> f32 {
        let (x, y, z) = (x - self.mean[0], y - self.mean[1], z - self.mean[2]);
        let [xx, yx, yy, zx, zy, zz] = self.whitening;
        let (x, y, z) = (xx * x, yx * x + yy * y, zx * x + zy * y + zz * z);
        self.constant - (x * x + y * y + z * z)
    }
}

/// A mixture, and its densities at the colours of the block that was evaluated last.
#[derive(Clone, Debug)]
pub(in crate::segment) struct Densities {
    /// The components.
    pub(in crate::segment) components: Vec<Density>,
    /// For each component: weight · density / 2^peak.
    pub(in crate::segment) terms: Vec<Column>,
    /// The log₂ of the largest weight · density of a component.
    peak: Column,
    /// The sum of the terms: at least 1, or 0 for an empty mixture.
    pub(in crate::segment) total: Column,
}

impl Densities {
    /// The densities of a mixture, before any block is evaluated.
    pub(in crate::segment) fn new(gmm: &Gmm) -> Self {
        let components: Vec<_> = gmm.components.iter().map(Density::from).collect();
        let terms = vec![Column::ZERO; components.len()];
        Self {
            components,
            terms,
            peak: Column::ZERO,
            total: Column::ZERO,
        }
    }

    /// Evaluates the mixture at the colours of a block.
    #[inline(always)]
    pub(in crate::segment) fn evaluate(&mut self, colour: &[Column; 3]) {
        let Self {
            components,
            terms,
            peak,
            total,
        } = self;
        let ([red, green, blue], Column(peak), Column(total)) = (colour, peak, total);
        peak.fill(f32::MIN);
        total.fill(0.0);
        for (&component, Column(term)) in components.iter().zip(terms.iter_mut()) {
            for i in 0..BLOCK {
                term[i] = component.log2([red.0[i], green.0[i], blue.0[i]]);
                peak[i] = peak[i].max(term[i]);
            }
        }
        for Column(term) in terms {
            for i in 0..BLOCK {
                term[i] = exp2(term[i] - peak[i]);
                total[i] += term[i];
            }
        }
    }

    /// The log₂ density of the mixture at the i-th colour of the block.
    #[inline(always)]
    pub(in crate::segment) fn log2(&self, i: usize) -> f32 {
        self.peak.0[i] + log2(self.total.0[i])
    }
}
