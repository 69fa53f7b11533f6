//! Guided backpropagation: the gradient, where each ReLU lets only positive gradients of active
//! units pass, `dx = max(dy, 0) · [x > 0]`. Convolutions and pools are those of the gradient.

use super::{Method, Shown, Wanted, gradient};
use onnx_grad::gradient::ReluRule;

pub(super) const METHOD: Method = Method {
    name: "guided",
    paper: "Springenberg, Dosovitskiy, Brox and Riedmiller 2014",
    published: "GT-known 58.0 % with GoogLeNet, one warp, mean threshold (Fong and Vedaldi 2017)",
    relu: ReluRule::Guided,
    wanted: Wanted::Picture,
    shown: Shown::Crop,
    map: gradient::map,
};
