//! Grad-CAM++: `max(0, Σₖ wₖ Aₖ)` with `wₖ = Σᵢⱼ αᵢⱼₖ · max(0, gᵢⱼₖ)` and `α = g² / (2 g² + g³ Σₐᵦ
//! Aₐᵦₖ)`, g = ∂S/∂A: the closed form for a score exp S, whose own factor drops out of the map's
//! shape.

use ndarray::Axis;

use super::{Method, Shown, LayerTensor, Wanted, mean, weighted};
use onnx_grad::gradient::ReluRule;

pub(super) const METHOD: Method = Method {
    name: "grad-cam++",
    paper: "Chattopadhay, Sarkar, Howlader and Balasubramanian 2018",
    published: "none of boxes that is comparable",
    relu: ReluRule::Gradient,
    wanted: Wanted::Layers,
    shown: Shown::Crop,
    map: |samples| {
        mean(samples, |tensor| {
            weighted(tensor, |k| weight(tensor, k)).mapv(|v| v.max(0.0))
        })
    },
};

/// `Σᵢⱼ α g` over the positions where g > 0; there `α g = g / (2 + g Σₐᵦ Aₐᵦₖ)`.
fn weight(tensor: &LayerTensor<'_>, k: usize) -> f32 {
    let [values, gradient] =
        [tensor.values, tensor.gradient].map(|t| t.index_axis_move(Axis(0), k));
    let sum = values.sum();
    let positive = gradient
        .iter()
        .filter(|&&g| g > 0.0 && 2.0 + sum * g != 0.0);
    positive.map(|g| g / (2.0 + sum * g)).sum()
}
