//! Attention rollout: how much of each patch reaches the class token through the blocks of a
//! transformer. With Aₗ the attention of block l, averaged over heads, and half of each token passed
//! on by the residual connection,
//!
//! ```text
//! R = Π ½ (Aₗ + I), later blocks on the left
//! ```
//!
//! The map is the class token's row of R. It does not depend on the class.

use ndarray::{Array2, Axis};
use onnx_grad::gradient::ReluRule;

use super::method::{Effect, LAST, Method, RequiredTensors, Sampling};
use super::tokens::{mean_over_heads, row_of_class};

pub(super) const METHOD: Method = Method {
    name: "attention-rollout",
    paper: "Abnar and Zuidema 2020",
    published: "no box result",
    effect: Effect::Gradient(ReluRule::Gradient),
    tensors: RequiredTensors::Attention,
    usual_layers: LAST,
    sampling: Sampling::Crop,
    map: |blocks| {
        let tokens = blocks[0].values.len_of(Axis(1));
        let mut rollout = Array2::eye(tokens);
        for block in blocks {
            let passed_on = (mean_over_heads(&block.values) + Array2::<f32>::eye(tokens)) / 2.0;
            rollout = passed_on.dot(&rollout);
        }
        row_of_class(&rollout)
    },
};
