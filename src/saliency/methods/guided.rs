//! Guided backpropagation: the gradient, except that a ReLU lets only positive gradients of active
//! units pass: `dx = max(dy, 0) · [x > 0]`. Everything else is the exact derivative.

use onnx_grad::gradient::ReluRule;

use super::formula::mean_gradient;
use super::method::{Effect, LAST, Method, RequiredTensors, Sampling};

pub(super) const METHOD: Method = Method {
    name: "guided",
    paper: "Springenberg, Dosovitskiy, Brox and Riedmiller 2014",
    published: "GT-known 58.0 % with GoogLeNet, one warp, mean threshold (Fong and Vedaldi 2017)",
    effect: Effect::Gradient(ReluRule::Guided),
    tensors: RequiredTensors::Picture,
    usual_layers: LAST,
    sampling: Sampling::Crop,
    map: mean_gradient,
};
