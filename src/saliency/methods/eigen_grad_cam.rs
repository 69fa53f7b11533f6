//! Eigen-Grad-CAM: `max(0, p)`, with p the projection of `g · A` on its first principal component, for
//! a feature map A and g = ∂S/∂A: [Eigen-CAM](super::eigen_cam) of the product, which depends on the
//! class.
//!
//! No paper describes it; it is a method of the library pytorch-grad-cam.

use onnx_grad::gradient::ReluRule;

use super::formula::mean_over_samples;
use super::method::{Effect, LAST, Method, RequiredTensors, Sampling};
use super::principal_component::{linear_kernel, principal_component};

pub(super) const METHOD: Method = Method {
    name: "eigen-grad-cam",
    paper: "Gildenblat and contributors, pytorch-grad-cam, 2021",
    published: "no box result",
    effect: Effect::Gradient(ReluRule::Gradient),
    tensors: RequiredTensors::Layers,
    usual_layers: LAST,
    sampling: Sampling::Crop,
    map: |samples| {
        mean_over_samples(samples, |tensor| {
            let product = &tensor.values * &tensor.gradient;
            principal_component(product.view(), linear_kernel).mapv(|v| v.max(0.0))
        })
    },
};
