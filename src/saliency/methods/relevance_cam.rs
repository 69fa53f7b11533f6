//! Relevance-CAM: `max(0, Σₖ R̄ₖ Aₖ)` over the channels k of a feature map A, with R̄ₖ the mean over
//! positions of the relevance of Aₖ for the class against all others
//! ([`RelevanceRule::OneAgainstOthers`]). It takes the place of the gradient in Grad-CAM.

use onnx_grad::gradient::RelevanceRule;

use super::formula::{mean_over_samples, sum_weighted_by_mean_gradient};
use super::method::{Effect, INNER, Method, RequiredTensors, Sampling};

pub(super) const METHOD: Method = Method {
    name: "relevance-cam",
    paper: "Lee, Kim, Park, Eo and Hwang 2021",
    published: "no comparable box result",
    effect: Effect::Relevance(RelevanceRule::OneAgainstOthers),
    tensors: RequiredTensors::Layers,
    usual_layers: INNER,
    sampling: Sampling::Crop,
    map: |samples| {
        mean_over_samples(samples, |tensor| {
            sum_weighted_by_mean_gradient(tensor).mapv(|v| v.max(0.0))
        })
    },
};
