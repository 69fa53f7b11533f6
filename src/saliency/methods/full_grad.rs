//! After FullGrad: `Σₖ |Aₖ · ∂S/∂Aₖ|` over the channels k of the picture and of feature maps,
//! fused.
//!
//! FullGrad adds the picture times its gradient to every layer's biases times theirs. Biases are
//! not to be had from every ONNX file (they are folded, or hidden in normalisations), so the
//! activations stand in their place, and the layers are a selection.

use super::{Method, Shown, Wanted, mean, over_channels};
use onnx_grad::gradient::ReluRule;

pub(super) const METHOD: Method = Method {
    name: "full-grad",
    paper: "after Srinivas and Fleuret 2019",
    published: "none of boxes",
    relu: ReluRule::Gradient,
    wanted: Wanted::Both,
    shown: Shown::Crop,
    map: |samples| {
        mean(samples, |tensor| {
            over_channels(&(&tensor.values * &tensor.gradient).mapv(f32::abs))
        })
    },
};
