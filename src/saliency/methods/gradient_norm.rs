//! The norm of the gradient inside: `√ Σₖ gₖ²` over the channels k of a feature map A, with g =
//! ∂S/∂A: how much the score hangs on a position, whatever the units there did. Ours; best with
//! `relu = "guided"`.

use ndarray::Axis;

use super::{Method, Shown, LayerTensor, Wanted, mean};
use onnx_grad::gradient::ReluRule;

pub(super) const METHOD: Method = Method {
    name: "gradient-norm",
    paper: "this project",
    published: "none",
    relu: ReluRule::Gradient,
    wanted: Wanted::Layers,
    shown: Shown::Crop,
    map: |samples| {
        let squares = |tensor: &LayerTensor<'_>| tensor.gradient.mapv(|g| g * g).sum_axis(Axis(0));
        mean(samples, |tensor| {
            squares(tensor).mapv(f32::sqrt).insert_axis(Axis(0))
        })
    },
};
