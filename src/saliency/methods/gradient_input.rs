//! Gradient times input: `Σₖ Iₖ · ∂S/∂Iₖ` over the colours k, with the image I as the network sees
//! it, in which the mean colour is zero.

use onnx_grad::gradient::ReluRule;

use super::formula::{mean_over_samples, sum_over_channels};
use super::method::{Effect, LAST, Method, RequiredTensors, Sampling};

pub(super) const METHOD: Method = Method {
    name: "gradient-input",
    paper: "Shrikumar, Greenside, Shcherbina and Kundaje 2016",
    published: "no box result",
    effect: Effect::Gradient(ReluRule::Gradient),
    tensors: RequiredTensors::Picture,
    usual_layers: LAST,
    sampling: Sampling::Crop,
    map: |samples| {
        mean_over_samples(samples, |tensor| {
            sum_over_channels(&(&tensor.values * &tensor.gradient))
        })
    },
};
