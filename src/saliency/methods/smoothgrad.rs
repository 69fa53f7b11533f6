//! SmoothGrad: the mean of the gradient over noisy copies, `1/n Σᵢ ∂S/∂I(I + N(0, σ²))`.

use onnx_grad::gradient::ReluRule;

use super::formula::mean_gradient;
use super::method::{Effect, LAST, Method, RequiredTensors, Sampling};

pub(super) const METHOD: Method = Method {
    name: "smoothgrad",
    paper: "Smilkov, Thorat, Kim, Viégas and Wattenberg 2017",
    published: "no box result",
    effect: Effect::Gradient(ReluRule::Gradient),
    tensors: RequiredTensors::Picture,
    usual_layers: LAST,
    sampling: Sampling::Noisy,
    map: mean_gradient,
};
