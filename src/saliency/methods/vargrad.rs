//! VarGrad: the variance over noisy copies, `1/n Σᵢ (wᵢ − w̄)²`.

use super::{Method, Shown, Wanted, gradient};
use onnx_grad::gradient::ReluRule;

pub(super) const METHOD: Method = Method {
    name: "vargrad",
    paper: "Adebayo, Gilmer, Goodfellow and Kim 2018",
    published: "none of boxes",
    relu: ReluRule::Gradient,
    wanted: Wanted::Picture,
    shown: Shown::Noisy,
    map: |samples| {
        let middle = gradient::map(samples);
        super::mean(samples, |tensor| {
            (&tensor.gradient - &middle).mapv(|difference| difference * difference)
        })
    },
};
