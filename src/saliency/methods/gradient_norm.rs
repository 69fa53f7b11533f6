//! The norm of the gradient at a feature map: `√ Σₖ gₖ²` over the channels k of a feature map A,
//! with g = ∂S/∂A. It measures how much the score depends on a position, whatever its activations
//! are.
//!
//! The method is this project's own. It works best with `relu = "guided"`.

use ndarray::Axis;
use onnx_grad::gradient::ReluRule;

use super::formula::mean_over_samples;
use super::method::{Effect, INNER, Method, RequiredTensors, Sampling};

pub(super) const METHOD: Method = Method {
    name: "gradient-norm",
    paper: "this project",
    published: "none",
    effect: Effect::Gradient(ReluRule::Gradient),
    tensors: RequiredTensors::Layers,
    usual_layers: INNER,
    sampling: Sampling::Crop,
    map: |samples| {
        mean_over_samples(samples, |tensor| {
            let squares = tensor.gradient.mapv(|g| g * g).sum_axis(Axis(0));
            squares.mapv(f32::sqrt).insert_axis(Axis(0))
        })
    },
};
