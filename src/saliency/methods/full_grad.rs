//! A variant of FullGrad: `Σₖ |Aₖ · ∂S/∂Aₖ|` over the channels k of the picture and of feature
//! maps, whose maps are then fused.
//!
//! FullGrad adds the picture times its gradient to the biases of every layer times their gradients.
//! Biases cannot be read off every ONNX file: they may be folded into other weights or hidden in
//! normalisations. So this method uses the activations in their place, and a selection of layers.

use onnx_grad::gradient::ReluRule;

use super::formula::{mean_over_samples, sum_over_channels};
use super::method::{Effect, LAST, Method, RequiredTensors, Sampling};

pub(super) const METHOD: Method = Method {
    name: "full-grad",
    paper: "after Srinivas and Fleuret 2019",
    published: "no box result",
    effect: Effect::Gradient(ReluRule::Gradient),
    tensors: RequiredTensors::Both,
    usual_layers: LAST,
    sampling: Sampling::Crop,
    map: |samples| {
        mean_over_samples(samples, |tensor| {
            sum_over_channels(&(&tensor.values * &tensor.gradient).mapv(f32::abs))
        })
    },
};
