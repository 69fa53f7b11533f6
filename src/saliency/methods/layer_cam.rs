//! LayerCAM: `max(0, Σₖ max(0, ∂S/∂Aₖ) · Aₖ)` over the channels k of a feature map A, each position
//! weighted by its own gradient: made for inner layers.

use super::{Method, Shown, Wanted, mean, over_channels};
use onnx_grad::gradient::ReluRule;

pub(super) const METHOD: Method = Method {
    name: "layer-cam",
    paper: "Jiang, Zhang, Hou, Cheng and Wei 2021",
    published: "GT-known 61.2 % (conv5_2), 59.3 % (conv5_3), 58.2 % (conv5_1) with VGG-16, ten crops, 15 % of the maximum",
    relu: ReluRule::Gradient,
    wanted: Wanted::Layers,
    shown: Shown::Crop,
    map: |samples| {
        let product =
            |tensor: &super::LayerTensor<'_>| &tensor.values * &tensor.gradient.mapv(|g| g.max(0.0));
        mean(samples, |tensor| {
            over_channels(&product(tensor)).mapv(|v| v.max(0.0))
        })
    },
};
