//! Integrated gradients: `Σₖ (Iₖ − I'ₖ) · ∫₀¹ ∂S/∂Iₖ(I' + α (I − I')) dα`, with I' the mean colour.
//!
//! The integral is computed as the mean over the midpoints of equal steps. Up to the error of this
//! sum, the map adds up to S(I) − S(I').

use onnx_grad::gradient::ReluRule;

use super::formula::{mean_gradient, sum_over_channels};
use super::method::{Effect, LAST, Method, RequiredTensors, Sampling};

pub(super) const METHOD: Method = Method {
    name: "integrated-gradients",
    paper: "Sundararajan, Taly and Yan 2017",
    published: "no box result",
    effect: Effect::Gradient(ReluRule::Gradient),
    tensors: RequiredTensors::Picture,
    usual_layers: LAST,
    sampling: Sampling::Path,
    map: |samples| match samples {
        [] => unreachable!("a path has at least one step"),
        // The first and the last midpoint, relative to I', add up to I − I'.
        [first, .., last] => {
            sum_over_channels(&((&first.values + &last.values) * mean_gradient(samples)))
        }
        [middle] => sum_over_channels(&(2.0 * &middle.values * middle.gradient)),
    },
};
