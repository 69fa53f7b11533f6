//! Excitation backpropagation: `Σₖ Pₖ` over the channels k of a feature map, with P the marginal
//! winning probability of each activation. From a unit i, P passes to the units j below it:
//!
//! ```text
//! P(j) = Σᵢ aⱼ wᵢⱼ⁺ / (Σₗ aₗ wᵢₗ⁺) · P(i)
//! ```
//!
//! It starts with 1 at the class. [`RelevanceRule::Excitation`] says what passes which operators.

use onnx_grad::gradient::RelevanceRule;

use super::formula::{mean_over_samples, sum_over_channels};
use super::method::{Effect, INNER, Method, RequiredTensors, Sampling};

pub(super) const METHOD: Method = Method {
    name: "excitation",
    paper: "Zhang, Lin, Brandt, Shen and Sclaroff 2016",
    published: "no box result; pointing game on VOC07 77.1 % with VGG-16 (TorchRay)",
    effect: Effect::Relevance(RelevanceRule::Excitation),
    tensors: RequiredTensors::Layers,
    usual_layers: INNER,
    sampling: Sampling::Crop,
    map: |samples| {
        mean_over_samples(samples, |tensor| {
            sum_over_channels(&tensor.gradient.to_owned())
        })
    },
};
