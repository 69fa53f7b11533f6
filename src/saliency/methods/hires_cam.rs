//! HiResCAM: `max(0, Σₖ gₖ · Aₖ)` over the channels k of a feature map A, with g = ∂S/∂A, position by
//! position. Where Grad-CAM first averages a channel's gradient over positions, HiResCAM does not.

use onnx_grad::gradient::ReluRule;

use super::formula::{mean_over_samples, sum_over_channels};
use super::method::{Effect, LAST, Method, RequiredTensors, Sampling};

pub(super) const METHOD: Method = Method {
    name: "hires-cam",
    paper: "Draelos and Carin 2020",
    published: "no box result",
    effect: Effect::Gradient(ReluRule::Gradient),
    tensors: RequiredTensors::Layers,
    usual_layers: LAST,
    sampling: Sampling::Crop,
    map: |samples| {
        mean_over_samples(samples, |tensor| {
            sum_over_channels(&(&tensor.values * &tensor.gradient)).mapv(|v| v.max(0.0))
        })
    },
};
