//! The gradient: `w = ∂S/∂I`, the paper's saliency before its maximum over colours.

use ndarray::Array3;

use super::{Method, Shown, LayerTensor, Wanted, mean};
use onnx_grad::gradient::ReluRule;

pub(super) const METHOD: Method = Method {
    name: "gradient",
    paper: "Simonyan, Vedaldi and Zisserman 2013, section 3.1",
    published: "GT-known 58.3 % with GoogLeNet, one warp, mean threshold (Fong and Vedaldi 2017)",
    relu: ReluRule::Gradient,
    wanted: Wanted::Picture,
    shown: Shown::Crop,
    map,
};

pub(super) fn map(samples: &[LayerTensor<'_>]) -> Array3<f32> {
    mean(samples, |tensor| tensor.gradient.to_owned())
}
