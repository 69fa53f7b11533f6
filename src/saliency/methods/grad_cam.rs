//! Grad-CAM: `max(0, Σₖ ḡₖ Aₖ)` over the channels k of a feature map A, with ḡₖ the mean of ∂S/∂Aₖ
//! over positions.

use super::{Method, Shown, Wanted, cam, mean};
use onnx_grad::gradient::ReluRule;

pub(super) const METHOD: Method = Method {
    name: "grad-cam",
    paper: "Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra 2017",
    published: "top-1/top-5 43.5/53.6 % with VGG-16; GT-known 47.0 % with GoogLeNet, value threshold (Fong and Vedaldi 2017)",
    relu: ReluRule::Gradient,
    wanted: Wanted::Layers,
    shown: Shown::Crop,
    map: |samples| mean(samples, |tensor| cam::sum(tensor).mapv(|v| v.max(0.0))),
};
