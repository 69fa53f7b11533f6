//! Integrated gradients: `Σₖ (Iₖ − I'ₖ) · ∫₀¹ ∂S/∂Iₖ(I' + α (I − I')) dα`, with I' the mean colour.
//! The integral is the mean over the middles of equal steps. The map adds up to S(I) − S(I').

use super::{Method, Shown, Wanted, gradient, over_channels};
use onnx_grad::gradient::ReluRule;

pub(super) const METHOD: Method = Method {
    name: "integrated-gradients",
    paper: "Sundararajan, Taly and Yan 2017",
    published: "none of boxes",
    relu: ReluRule::Gradient,
    wanted: Wanted::Picture,
    shown: Shown::Path,
    map: |samples| match samples {
        [] => unreachable!("a path has steps"),
        // The middles of the first and of the last step add up to the whole way.
        [first, .., last] => {
            over_channels(&((&first.values + &last.values) * gradient::map(samples)))
        }
        [middle] => over_channels(&(2.0 * &middle.values * middle.gradient)),
    },
};
