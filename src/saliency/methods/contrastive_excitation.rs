//! Contrastive excitation backpropagation: `max(0, Σₖ Pₖ − P̄ₖ)` over the channels k of a feature map,
//! with P the marginal winning probability of [excitation backpropagation](super::excitation), and P̄
//! that for the opposite of the class: the weights of the last layer have the other sign.

use onnx_grad::gradient::RelevanceRule;

use super::formula::{mean_over_samples, sum_over_channels};
use super::method::{Effect, INNER, Method, RequiredTensors, Sampling};

pub(super) const METHOD: Method = Method {
    name: "contrastive-excitation",
    paper: "Zhang, Lin, Brandt, Shen and Sclaroff 2016, section 3.3",
    published: "no comparable box result; pointing game on VOC07 79.9 % with VGG-16 (TorchRay)",
    effect: Effect::Relevance(RelevanceRule::ContrastiveExcitation),
    tensors: RequiredTensors::Layers,
    usual_layers: INNER,
    sampling: Sampling::Crop,
    map: |samples| {
        mean_over_samples(samples, |tensor| {
            sum_over_channels(&tensor.gradient.to_owned()).mapv(|v| v.max(0.0))
        })
    },
};
