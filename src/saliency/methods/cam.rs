//! The class activation map: `Σₖ wₖ Aₖ` over the channels k of the last feature map A, with wₖ the
//! class's weight behind the global average pool; brought up so that its least value is 0.
//!
//! Behind such a pool of Z positions ∂S/∂Aₖ is wₖ/Z at each of them, so the weights are read off
//! the gradient: their mean, which at other layers is Grad-CAM's.

use ndarray::Array3;

use super::{Method, Shown, LayerTensor, Wanted, mean, weighted};
use onnx_grad::gradient::ReluRule;

pub(super) const METHOD: Method = Method {
    name: "cam",
    paper: "Zhou, Khosla, Lapedriza, Oliva and Torralba 2016",
    published: "top-1/top-5 41.1/50.7 % with GoogLeNet-GAP, GT-known 59.0 % with VGGnet-GAP, both fine-tuned",
    relu: ReluRule::Gradient,
    wanted: Wanted::Layers,
    shown: Shown::Crop,
    map: |samples| {
        let map = mean(samples, sum);
        let least = map.iter().copied().fold(f32::INFINITY, f32::min);
        map - least
    },
};

/// `Σₖ ḡₖ Aₖ` with ḡₖ the mean of ∂S/∂Aₖ over positions.
pub(super) fn sum(tensor: &LayerTensor<'_>) -> Array3<f32> {
    weighted(tensor, |k| {
        tensor
            .gradient
            .index_axis(ndarray::Axis(0), k)
            .mean()
            .unwrap_or(0.0)
    })
}
