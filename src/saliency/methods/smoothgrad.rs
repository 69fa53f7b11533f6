//! SmoothGrad: the mean over noisy copies, `1/n Σᵢ ∂S/∂I(I + N(0, σ²))`.

use super::{Method, Shown, Wanted, gradient};
use onnx_grad::gradient::ReluRule;

pub(super) const METHOD: Method = Method {
    name: "smoothgrad",
    paper: "Smilkov, Thorat, Kim, Viégas and Wattenberg 2017",
    published: "none of boxes",
    relu: ReluRule::Gradient,
    wanted: Wanted::Picture,
    shown: Shown::Noisy,
    map: gradient::map,
};
