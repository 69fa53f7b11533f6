//! Layer-wise relevance propagation by the ε rule, LRP-ε: `max(0, Σₖ Rₖ)` over the colours k, with R
//! the relevance of each input of the network for the score S. From a unit i with the sum
//! zᵢ = Σⱼ wᵢⱼ aⱼ + bᵢ, R passes to the units j below it:
//!
//! ```text
//! R(j) = Σᵢ aⱼ wᵢⱼ / (zᵢ + ε sign zᵢ) · R(i)
//! ```
//!
//! [`RelevanceRule::Epsilon`] says what passes which operators. Inputs against the class count as 0.

use onnx_grad::gradient::RelevanceRule;

use super::formula::{mean_over_samples, sum_over_channels};
use super::method::{Effect, LAST, Method, RequiredTensors, Sampling};

pub(super) const METHOD: Method = Method {
    name: "lrp",
    paper: "Bach, Binder, Montavon, Klauschen, Müller and Samek 2015, equation 58",
    published: "no box result",
    effect: Effect::Relevance(RelevanceRule::Epsilon),
    tensors: RequiredTensors::Picture,
    usual_layers: LAST,
    sampling: Sampling::Crop,
    map: |samples| {
        mean_over_samples(samples, |tensor| {
            sum_over_channels(&tensor.gradient.to_owned()).mapv(|v| v.max(0.0))
        })
    },
};
