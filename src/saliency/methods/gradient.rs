//! The gradient: `w = ∂S/∂I`, the saliency of Simonyan et al. 2013 before the maximum over colours.

use onnx_grad::gradient::ReluRule;

use super::formula::mean_gradient;
use super::method::{Effect, LAST, Method, RequiredTensors, Sampling};

pub(super) const METHOD: Method = Method {
    name: "gradient",
    paper: "Simonyan, Vedaldi and Zisserman 2013, section 3.1",
    published: "GT-known 58.3 % with GoogLeNet, one warp, mean threshold (Fong and Vedaldi 2017)",
    effect: Effect::Gradient(ReluRule::Gradient),
    tensors: RequiredTensors::Picture,
    usual_layers: LAST,
    sampling: Sampling::Crop,
    map: mean_gradient,
};
