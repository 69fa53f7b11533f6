//! Expectation maximisation.

use super::density::Densities;
use super::gmm::Gmm;
use super::moments::Moments;
use super::samples::Samples;
use crate::segment::kernel::lanes::{Column, Sums};
use crate::segment::kernel::{Isa, Kernel};

/// One iteration of expectation and maximisation. Returns the new mixture and the mean
/// log-likelihood of the old one.
///
/// ```text
/// rᵢₖ = wₖ N(xᵢ; μₖ, Σₖ) / Σⱼ wⱼ N(xᵢ; μⱼ, Σⱼ)
/// ```
///
/// The new k-th Gaussian is that of the colours xᵢ weighted by rᵢₖ, with `regulariser` added to its
/// variances.
#[must_use]
pub fn expectation_maximisation(gmm: &Gmm, samples: &Samples, regulariser: f64) -> (Gmm, f64) {
    em_step(Isa::best(), gmm, samples, regulariser)
}

pub(in crate::segment) fn em_step(
    isa: Isa,
    gmm: &Gmm,
    samples: &Samples,
    regulariser: f64,
) -> (Gmm, f64) {
    let total = samples.len() as f64;
    let (moments, log2_likelihood) = isa.run(Expectation {
        densities: Densities::new(gmm),
        samples,
    });
    let components = moments
        .iter()
        .filter_map(|m| m.gaussian(total, regulariser))
        .collect();
    (
        Gmm { components },
        log2_likelihood * std::f64::consts::LN_2 / total,
    )
}

/// Computes the moments of each component relative to its mean, and the sum of the log₂ densities.
struct Expectation<'a> {
    densities: Densities,
    samples: &'a Samples,
}

impl Kernel for Expectation<'_> {
    type Output = (Vec<Moments>, f64);

    #[inline(always)]
    fn run(self) -> Self::Output {
        let Self {
            mut densities,
            samples,
        } = self;
        let mut moments: Vec<_> = densities
            .components
            .iter()
            .map(|c| Moments::about(c.mean))
            .collect();
        let mut scale = Column::ZERO;
        let mut likelihood = Sums::ZERO;
        for block in &samples.blocks {
            densities.evaluate(&block.colour);
            for i in 0..scale.0.len() {
                scale.0[i] = block.weight.0[i] / densities.total.0[i];
            }
            likelihood.add(|i| [block.weight.0[i] * densities.log2(i)]);
            for (of_component, term) in moments.iter_mut().zip(&densities.terms) {
                of_component.add(&block.colour, |i| term.0[i] * scale.0[i]);
            }
        }
        let [likelihood] = likelihood.totals();
        (moments, likelihood)
    }
}
