//! Learning a colour model from colours.

use nalgebra::Vector3;
use serde::{Deserialize, Serialize};

use super::colours::Gmm;
use super::em::{ROUNDS, expectation_maximisation, start};
use super::splitting::binary_splitting;

/// How a colour model is learnt: the table `[colours]` of a pipeline.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ColourOptions {
    /// The method.
    pub fit: ColourFit,
    /// How many Gaussians each of the two models has.
    pub components: usize,
}

impl ColourOptions {
    pub(crate) fn check(&self) -> Result<(), String> {
        match self.components {
            1..=64 => Ok(()),
            n => Err(format!("colours.components {n} is not in 1..64")),
        }
    }
}

/// How a colour model is learnt.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColourFit {
    /// Binary splitting of the colours, one Gaussian a part, no EM (Orchard and Bouman 1991; Oxford's `gsc-1.2`).
    Splitting,
    /// k-means++ and expectation maximisation.
    Em,
}

/// Learns a mixture from colours whose channels run from 0 to `range`. The same colours and seed give the same mixture.
#[must_use]
pub fn fit(colours: &[Vector3<f64>], options: &ColourOptions, range: f64, seed: u64) -> Gmm {
    match options.fit {
        ColourFit::Splitting => binary_splitting(colours, options.components),
        ColourFit::Em => {
            // One grey level of 256, squared, keeps flat regions from giving singular covariances.
            let regulariser = (range / 255.0).powi(2);
            let mut gmm = start(colours, options.components, regulariser, seed);
            for _ in 0..ROUNDS {
                gmm = expectation_maximisation(&gmm, colours, regulariser).0;
            }
            gmm
        }
    }
}
