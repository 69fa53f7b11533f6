//! XGrad-CAM: `max(0, Σₖ wₖ Aₖ)` over the channels k of a feature map A, with g = ∂S/∂A and
//!
//! ```text
//! wₖ = Σᵢⱼ gᵢⱼₖ Aᵢⱼₖ / Σᵢⱼ Aᵢⱼₖ
//! ```
//!
//! A channel whose activations add up to 0 has weight 0.

use ndarray::Axis;
use onnx_grad::gradient::ReluRule;

use super::formula::{mean_over_samples, weighted_sum};
use super::method::{Effect, LAST, LayerTensor, Method, RequiredTensors, Sampling};

pub(super) const METHOD: Method = Method {
    name: "xgrad-cam",
    paper: "Fu, Hu, Dong, Guo, Gao and Li 2020",
    published: "no box result",
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

fn weight(tensor: &LayerTensor<'_>, k: usize) -> f32 {
    let [values, gradient] =
        [tensor.values, tensor.gradient].map(|t| t.index_axis_move(Axis(0), k));
    let sum = values.sum();
    if sum == 0.0 {
        return 0.0;
    }
    (&values * &gradient).sum() / sum
}
