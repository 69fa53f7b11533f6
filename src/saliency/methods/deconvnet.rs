//! The deconvolutional network: the gradient, except that a ReLU lets every positive gradient pass,
//! whatever its input was: `dx = max(dy, 0)` (Simonyan et al. 2013, section 4).
//!
//! Everything else is the exact derivative. Oxford's code of 2016 differs for a local response
//! normalisation, whose derivative it takes to be the identity.

use onnx_grad::gradient::ReluRule;

use super::formula::mean_gradient;
use super::method::{Effect, LAST, Method, RequiredTensors, Sampling};

pub(super) const METHOD: Method = Method {
    name: "deconvnet",
    paper: "Zeiler and Fergus 2013; Simonyan, Vedaldi and Zisserman 2013, section 4",
    published: "no box result; pointing game on VOC07 67.5 % with VGG-16, \
                the gradient 76.3 % (TorchRay)",
    effect: Effect::Gradient(ReluRule::Deconvnet),
    tensors: RequiredTensors::Picture,
    usual_layers: LAST,
    sampling: Sampling::Crop,
    map: mean_gradient,
};
