//! How a colour model is learnt: the table `[colours]` of a pipeline.

use serde::{Deserialize, Serialize};

use super::em::expectation_maximisation;
use super::gmm::Gmm;
use super::kmeans::k_means_mixture;
use super::samples::Samples;
use super::splitting::binary_splitting;
use crate::remedy::Refused;

/// The number of iterations of EM. It is fixed, so that there is no criterion for convergence whose
/// rounding could matter.
const ITERATIONS: usize = 10;

/// How a colour model is learnt: the table `[colours]` of a pipeline.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ColourOptions {
    /// The method.
    pub fit: ColourFit,
    /// The largest number of Gaussians in each of the two models, 1 to 64.
    pub components: usize,
    /// The largest number of colours that a model is learnt from, at least 1. They are spread
    /// evenly over the seeds, row by row. By default a model is learnt from all seeds.
    pub sample: Option<usize>,
}

impl ColourOptions {
    pub(crate) fn check(&self) -> Result<(), Refused> {
        if self.sample == Some(0) {
            return Err(Refused::with_advice(
                "colours.sample is 0, which leaves no colours",
                "leave it out to learn from all",
            ));
        }
        match self.components {
            1..=64 => Ok(()),
            n => Err(format!("colours.components {n} is not in 1..64").into()),
        }
    }
}

/// How a colour model is learnt.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColourFit {
    /// Binary splitting of the colours into parts, with one Gaussian for each part and no EM
    /// (Orchard and Bouman 1991; Oxford's `gsc-1.2`).
    Splitting,
    /// k-means++, k-means, and expectation maximisation.
    Em,
}

/// Learns a mixture from colours whose channels are in 0..=`range`.
///
/// The same colours and seed give the same mixture. Only [`ColourFit::Em`] uses the seed.
/// [`ColourFit::Splitting`] is meant for a range of 1. Without colours, the mixture is empty; with
/// [`ColourFit::Splitting`] it is also empty if there are fewer than three colours.
///
/// ```
/// use localise::segment::{ColourFit, ColourOptions, fit};
/// use nalgebra::Vector3;
/// // Four black pixels and twelve white ones.
/// let colours: Vec<[f32; 3]> = (0..16).map(|i| if i < 4 { [0.0; 3] } else { [1.0; 3] }).collect();
/// let options = ColourOptions { fit: ColourFit::Splitting, components: 2, sample: None };
/// let gmm = fit(&colours, &options, 1.0, 0);
/// let mut weights: Vec<_> = gmm.components.iter().map(|component| component.weight).collect();
/// weights.sort_by(f64::total_cmp);
/// assert_eq!(weights, [0.25, 0.75]);
/// let [black, grey, white] = [0.0, 0.5, 1.0].map(|v| gmm.log_density(&Vector3::repeat(v)));
/// assert!(grey < black);
/// assert!((white - black - 3f64.ln()).abs() < 1e-9); // white is three times as likely
/// ```
#[must_use]
pub fn fit(colours: &[[f32; 3]], options: &ColourOptions, range: f64, rng_seed: u64) -> Gmm {
    let count = options.sample.unwrap_or(usize::MAX).min(colours.len());
    let samples: Samples = (0..count)
        .map(|i| colours[i * colours.len() / count])
        .collect();
    match options.fit {
        ColourFit::Splitting => binary_splitting(&samples, options.components),
        ColourFit::Em => {
            // The square of one grey level of 256, so that flat regions have no singular
            // covariance.
            let regulariser = (range / 255.0).powi(2);
            let mut gmm = k_means_mixture(&samples, options.components, regulariser, rng_seed);
            for _ in 0..ITERATIONS {
                gmm = expectation_maximisation(&gmm, &samples, regulariser).0;
            }
            gmm
        }
    }
}
