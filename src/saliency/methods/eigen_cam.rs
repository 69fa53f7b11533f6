//! Eigen-CAM: `max(0, p)`, with p the projection of a feature map on its first principal component.
//!
//! The positions are samples, and the channels are features, less their means: X is [positions,
//! channels], and p = X v with v the first right singular vector of X. The paper does not subtract
//! the means; its authors' code in pytorch-grad-cam does. See [`principal_component`] for the sign.
//! The map does not depend on the class.

use onnx_grad::gradient::ReluRule;

use super::formula::mean_over_samples;
use super::method::{Effect, LAST, Method, RequiredTensors, Sampling};
use super::principal_component::{linear_kernel, principal_component};

pub(super) const METHOD: Method = Method {
    name: "eigen-cam",
    paper: "Muhammad and Yeasin 2020",
    published: "no comparable box result",
    effect: Effect::Gradient(ReluRule::Gradient),
    tensors: RequiredTensors::Layers,
    usual_layers: LAST,
    sampling: Sampling::Crop,
    map: |samples| {
        mean_over_samples(samples, |tensor| {
            principal_component(tensor.values, linear_kernel).mapv(|v| v.max(0.0))
        })
    },
};
