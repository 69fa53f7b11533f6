//! Grad-CAM: `max(0, Σₖ ḡₖ Aₖ)` over the channels k of a feature map A, with ḡₖ the mean of ∂S/∂Aₖ
//! over positions.

use onnx_grad::gradient::ReluRule;

use super::formula::{mean_over_samples, sum_weighted_by_mean_gradient};
use super::method::{Effect, LAST, Method, RequiredTensors, Sampling};

pub(super) const METHOD: Method = Method {
    name: "grad-cam",
    paper: "Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra 2017",
    published: "top-1/top-5 43.5/53.6 % with VGG-16; GT-known 47.0 % with GoogLeNet, \
                value threshold (Fong and Vedaldi 2017)",
    effect: Effect::Gradient(ReluRule::Gradient),
    tensors: RequiredTensors::Layers,
    usual_layers: LAST,
    sampling: Sampling::Crop,
    map: |samples| {
        mean_over_samples(samples, |tensor| {
            sum_weighted_by_mean_gradient(tensor).mapv(|v| v.max(0.0))
        })
    },
};
