//! Ablation-CAM: `max(0, Σₖ wₖ Aₖ)` over the channels k of a feature map A. The weight of a channel
//! is the share by which the class's score S falls when the channel is set to 0,
//!
//! ```text
//! wₖ = (S − Sₖ) / S
//! ```
//!
//! The scores are those before the softmax. If S is below 0, the formula inverts the signs, as in
//! the paper. A map costs a run of the layers behind the feature map for each channel.

use ndarray::Array3;

use super::formula::{mean_over_samples, sum_weighted_by_mean_gradient};
use super::hiding::{HiddenParts, Hiding, WatchedScore};
use super::method::{Effect, LAST, Method, RequiredTensors, Sampling};

pub(super) const METHOD: Method = Method {
    name: "ablation-cam",
    paper: "Desai and Ramaswamy 2020",
    published: "no comparable box result",
    effect: Effect::Hidden(Hiding {
        parts: HiddenParts::Channels,
        score: WatchedScore::Logit,
        effect: |hidden, whole, scores| {
            Array3::from_shape_fn(hidden.values.dim(), |(k, _, _)| (whole - scores[k]) / whole)
        },
    }),
    tensors: RequiredTensors::Layers,
    usual_layers: LAST,
    sampling: Sampling::Crop,
    map: |samples| {
        mean_over_samples(samples, |tensor| {
            sum_weighted_by_mean_gradient(tensor).mapv(|v| v.max(0.0))
        })
    },
};
