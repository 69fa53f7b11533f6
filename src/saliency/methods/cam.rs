//! The class activation map: `Σₖ wₖ Aₖ` over the channels k of the last feature map A, with wₖ the
//! weight of the class for channel k after global average pooling. The map is shifted so that its
//! minimum is 0.
//!
//! If the pooling averages over Z positions, ∂S/∂Aₖ is wₖ/Z at each of them. So the weights are
//! read off the gradient, as its mean over positions. For other layers these are the weights of
//! Grad-CAM.

use onnx_grad::gradient::ReluRule;

use super::formula::{mean_over_samples, sum_weighted_by_mean_gradient};
use super::method::{Effect, LAST, Method, RequiredTensors, Sampling};

pub(super) const METHOD: Method = Method {
    name: "cam",
    paper: "Zhou, Khosla, Lapedriza, Oliva and Torralba 2016",
    published: "top-1/top-5 41.1/50.7 % with GoogLeNet-GAP, GT-known 59.0 % with VGGnet-GAP, \
                both fine-tuned",
    effect: Effect::Gradient(ReluRule::Gradient),
    tensors: RequiredTensors::Layers,
    usual_layers: LAST,
    sampling: Sampling::Crop,
    map: |samples| {
        let map = mean_over_samples(samples, sum_weighted_by_mean_gradient);
        let min = map.iter().copied().fold(f32::INFINITY, f32::min);
        map - min
    },
};
