//! Score-CAM: `max(0, Σₖ wₖ Aₖ)` over the channels k of a feature map A. The weights are the softmax
//! over channels of the class's score when the picture is shown only where the channel is active,
//!
//! ```text
//! w = softmaxₖ S(I · Hₖ),   Hₖ = (up Aₖ − min) / (max − min)
//! ```
//!
//! with `up` bilinear to the size of the picture I, in which the mean colour is 0. The scores are
//! those before the softmax over classes (algorithm 1). A channel that is the same everywhere hides
//! the whole picture. A map costs one forward pass for each channel.

use ndarray::{Array2, Array3, Axis};

use super::formula::{mean_over_samples, sum_weighted_by_mean_gradient};
use super::hiding::{Hidden, HiddenParts, Hiding, Masks, WatchedScore};
use super::method::{Effect, LAST, Method, RequiredTensors, Sampling};
use crate::saliency::filters::{min_max, resize_map};

pub(super) const METHOD: Method = Method {
    name: "score-cam",
    paper: "Wang, Wang, Du, Yang, Zhang, Ding, Mardziel and Hu 2020",
    published: "no box result by threshold; energy-based pointing game on ILSVRC 63.7 % with \
                VGG-16, Grad-CAM 48.1 %",
    effect: Effect::Hidden(Hiding {
        parts: HiddenParts::Picture(masks),
        score: WatchedScore::Logit,
        effect: |hidden, _, scores| {
            let max = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let weights: Vec<_> = scores.iter().map(|score| (score - max).exp()).collect();
            let sum: f32 = weights.iter().sum();
            Array3::from_shape_fn(hidden.values.dim(), |(k, _, _)| weights[k] / sum)
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

fn masks(hidden: &Hidden<'_>) -> Masks<'static> {
    let (channels, size) = (hidden.values.to_owned(), hidden.size);
    Box::new((0..channels.len_of(Axis(0))).map(move |k| {
        let enlarged = resize_map(&channels.index_axis(Axis(0), k).to_owned(), size);
        let (min, max) = min_max(&enlarged);
        if max > min {
            (enlarged - min) / (max - min)
        } else {
            Array2::zeros(size.shape())
        }
    }))
}
