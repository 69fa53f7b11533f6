//! Grad-CAM++: `max(0, Σₖ wₖ Aₖ)` over the channels k of a feature map A, with g = ∂S/∂A and
//!
//! ```text
//! wₖ = Σᵢⱼ αᵢⱼₖ · max(0, gᵢⱼₖ),   α = g² / (2 g² + g³ Σₐᵦ Aₐᵦₖ)
//! ```
//!
//! This is the paper's closed form for the score exp S. The factor exp S itself scales the whole
//! map and is left out.

use ndarray::Axis;
use onnx_grad::gradient::ReluRule;

use super::formula::{mean_over_samples, weighted_sum};
use super::method::{Effect, LAST, LayerTensor, Method, RequiredTensors, Sampling};

pub(super) const METHOD: Method = Method {
    name: "grad-cam++",
    paper: "Chattopadhay, Sarkar, Howlader and Balasubramanian 2018",
    published: "no comparable box result",
    effect: Effect::Gradient(ReluRule::Gradient),
    tensors: RequiredTensors::Layers,
    usual_layers: LAST,
    sampling: Sampling::Crop,
    map: |samples| {
        mean_over_samples(samples, |tensor| {
            weighted_sum(tensor, |k| weight(tensor, k)).mapv(|v| v.max(0.0))
        })
    },
};

/// `Σᵢⱼ α g` over the positions where g > 0. There, `α g = g / (2 + g Σₐᵦ Aₐᵦₖ)`.
fn weight(tensor: &LayerTensor<'_>, k: usize) -> f32 {
    let [values, gradient] =
        [tensor.values, tensor.gradient].map(|t| t.index_axis_move(Axis(0), k));
    let sum = values.sum();
    let positive = gradient
        .iter()
        .filter(|&&g| g > 0.0 && 2.0 + sum * g != 0.0);
    positive.map(|g| g / (2.0 + sum * g)).sum()
}
