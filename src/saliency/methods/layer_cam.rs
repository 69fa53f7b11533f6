//! LayerCAM: `max(0, Σₖ max(0, ∂S/∂Aₖ) · Aₖ)` over the channels k of a feature map A. Each position
//! is weighted by its own gradient, so that the method also works for layers far from the output.

use onnx_grad::gradient::ReluRule;

use super::formula::{mean_over_samples, sum_over_channels};
use super::method::{Effect, INNER, Method, RequiredTensors, Sampling};

pub(super) const METHOD: Method = Method {
    name: "layer-cam",
    paper: "Jiang, Zhang, Hou, Cheng and Wei 2021",
    published: "GT-known 61.2 % (conv5_2), 59.3 % (conv5_3), 58.2 % (conv5_1) with VGG-16, \
                ten crops, 15 % of the maximum",
    effect: Effect::Gradient(ReluRule::Gradient),
    tensors: RequiredTensors::Layers,
    usual_layers: INNER,
    sampling: Sampling::Crop,
    map: |samples| {
        mean_over_samples(samples, |tensor| {
            let product = &tensor.values * &tensor.gradient.mapv(|g| g.max(0.0));
            sum_over_channels(&product).mapv(|v| v.max(0.0))
        })
    },
};
