//! Gradient times input: `Σₖ Iₖ · ∂S/∂Iₖ` over the colours k, with the image as the network sees
//! it: zero is the mean colour.

use super::{Method, Shown, Wanted, mean, over_channels};
use onnx_grad::gradient::ReluRule;

pub(super) const METHOD: Method = Method {
    name: "gradient-input",
    paper: "Shrikumar, Greenside, Shcherbina and Kundaje 2016",
    published: "none of boxes",
    relu: ReluRule::Gradient,
    wanted: Wanted::Picture,
    shown: Shown::Crop,
    map: |samples| {
        mean(samples, |tensor| {
            over_channels(&(&tensor.values * &tensor.gradient))
        })
    },
};
