//! Learning a colour model from colours.

use serde::{Deserialize, Serialize};

use super::em::expectation_maximisation;
use super::gmm::Gmm;
use super::kmeans::start;
use super::samples::Samples;
use super::splitting::binary_splitting;

/// Rounds of EM after the start. A fixed number, so that the result is one function of the colours.
const ROUNDS: usize = 10;

/// How a colour model is learnt: the table `[colours]` of a pipeline.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ColourOptions {
    /// The method.
    pub fit: ColourFit,
    /// How many Gaussians each of the two models has at most: 1 to 64.
    pub components: usize,
    /// The most colours that a model is learnt from, 1 at least, taken evenly spread from the seeds
    /// row by row; left out, from all.
    pub sample: Option<usize>,
}

impl ColourOptions {
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.sample == Some(0) {
            return Err(
                "colours.sample 0 leaves no colours\nhelp: leave it out to learn from all".into(),
            );
        }
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
    /// Binary splitting of the colours, one Gaussian a part, no EM (Orchard and Bouman 1991;
    /// Oxford's `gsc-1.2`).
    Splitting,
    /// k-means++ and expectation maximisation.
    Em,
}

/// Learns a mixture from colours whose channels run from 0 to `range`. The same colours and seed
/// give the same mixture; only [`ColourFit::Em`] looks at the seed. [`ColourFit::Splitting`] wants
/// a range of 1. Without colours the mixture is empty, and where splitting has fewer than three.
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
/// assert!(grey < black && (white - black - 3f64.ln()).abs() < 1e-9); // white is three times as likely
/// ```
#[must_use]
pub fn fit(colours: &[[f32; 3]], options: &ColourOptions, range: f64, seed: u64) -> Gmm {
    let most = options.sample.unwrap_or(usize::MAX).min(colours.len());
    let samples: Samples = (0..most)
        .map(|i| colours[i * colours.len() / most])
        .collect();
    match options.fit {
        ColourFit::Splitting => binary_splitting(&samples, options.components),
        ColourFit::Em => {
            // One grey level of 256, squared, keeps flat regions from giving singular covariances.
            let regulariser = (range / 255.0).powi(2);
            let mut gmm = start(&samples, options.components, regulariser, seed);
            for _ in 0..ROUNDS {
                gmm = expectation_maximisation(&gmm, &samples, regulariser).0;
            }
            gmm
        }
    }
}
