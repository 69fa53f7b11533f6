//! The norm of the guided gradient inside: `√ Σₖ gₖ²` over the channels k of a feature map A, with g = ∂S/∂A by guided
//! backpropagation. How much the score hangs on a position, whatever the units there did; ours.

use ndarray::Axis;

use super::{Method, Shown, Wanted, mean};
use crate::gradient::ReluRule;

pub(super) const METHOD: Method = Method {
    name: "guided-norm",
    paper: "this project; the rule is that of Springenberg et al. 2014",
    published: "none",
    relu: ReluRule::Guided,
    wanted: Wanted::Layers,
    shown: Shown::Crop,
    map: |samples| {
        let square = |tensor: &super::Tensor<'_>| tensor.gradient.mapv(|g| g * g).sum_axis(Axis(0));
        mean(samples, |tensor| square(tensor).mapv(f32::sqrt).insert_axis(Axis(0)))
    },
};
