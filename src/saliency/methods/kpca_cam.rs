//! KPCA-CAM: `max(0, p)`, with p the projection of a feature map on its first principal component
//! under a sigmoid kernel. With x and y the activations of two positions over the C channels, less
//! their means over positions,
//!
//! ```text
//! K(x, y) = tanh(x · y / C + 1)
//! ```
//!
//! These are the kernel and the constants of pytorch-grad-cam and scikit-learn. Otherwise this is
//! [Eigen-CAM](super::eigen_cam). The map does not depend on the class.

use onnx_grad::gradient::ReluRule;

use super::formula::mean_over_samples;
use super::method::{Effect, LAST, Method, RequiredTensors, Sampling};
use super::principal_component::{linear_kernel, principal_component};

pub(super) const METHOD: Method = Method {
    name: "kpca-cam",
    paper: "Karmani, Sivakaran, Prasad, Ali, Yang and Tang 2024",
    published: "no comparable box result",
    effect: Effect::Gradient(ReluRule::Gradient),
    tensors: RequiredTensors::Layers,
    usual_layers: LAST,
    sampling: Sampling::Crop,
    map: |samples| {
        mean_over_samples(samples, |tensor| {
            let sigmoid_kernel = |features: &_| {
                let channels = tensor.values.dim().0 as f64;
                linear_kernel(features).mapv(|product| (product / channels + 1.0).tanh())
            };
            principal_component(tensor.values, sigmoid_kernel).mapv(|v| v.max(0.0))
        })
    },
};
