//! The deconvolutional network: the gradient, but for the ReLU, which lets positive gradients pass
//! whatever the unit did, `dx = max(dy, 0)` (the paper, section 4). All else is the derivative;
//! Oxford's code of 2016 takes that of a local response normalisation to be the identity.

use super::{Method, Shown, Wanted, gradient};
use onnx_grad::gradient::ReluRule;

pub(super) const METHOD: Method = Method {
    name: "deconvnet",
    paper: "Zeiler and Fergus 2013; Simonyan, Vedaldi and Zisserman 2013, section 4",
    published: "none of boxes; pointing game on VOC07 67.5 % with VGG-16, the gradient 76.3 % (TorchRay)",
    relu: ReluRule::Deconvnet,
    wanted: Wanted::Picture,
    shown: Shown::Crop,
    map: gradient::map,
};
