//! VarGrad: the variance of the gradient w over noisy copies, `1/n Σᵢ (wᵢ − w̄)²`.

use onnx_grad::gradient::ReluRule;

use super::formula::{mean_gradient, mean_over_samples};
use super::method::{Effect, LAST, Method, RequiredTensors, Sampling};

pub(super) const METHOD: Method = Method {
    name: "vargrad",
    paper: "Adebayo, Gilmer, Goodfellow and Kim 2018",
    published: "no box result",
    effect: Effect::Gradient(ReluRule::Gradient),
    tensors: RequiredTensors::Picture,
    usual_layers: LAST,
    sampling: Sampling::Noisy,
    map: |samples| {
        let mean = mean_gradient(samples);
        mean_over_samples(samples, |tensor| {
            (&tensor.gradient - &mean).mapv(|difference| difference * difference)
        })
    },
};
