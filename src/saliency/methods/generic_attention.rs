//! The generic attention explanation of Chefer et al.: [attention rollout](super::attention_rollout)
//! with each attention weighted by its gradient. With Aₗ the attention of block l and ∇Aₗ the
//! gradient of the class's score with respect to it, R starts with the identity I, and each block
//! adds to it:
//!
//! ```text
//! R ← R + Āₗ R,   Āₗ = mean over heads of max(0, ∇Aₗ · Aₗ)
//! ```
//!
//! The map is the class token's row of R (equations 5, 6 and 10).

use ndarray::{Array2, Axis};
use onnx_grad::gradient::ReluRule;

use super::method::{Effect, LAST, Method, RequiredTensors, Sampling};
use super::tokens::{mean_over_heads, row_of_class};

pub(super) const METHOD: Method = Method {
    name: "generic-attention",
    paper: "Chefer, Gur and Wolf 2021, Generic attention-model explainability",
    published: "no box result",
    effect: Effect::Gradient(ReluRule::Gradient),
    tensors: RequiredTensors::Attention,
    usual_layers: LAST,
    sampling: Sampling::Crop,
    map: |blocks| {
        let mut relevance = Array2::eye(blocks[0].values.len_of(Axis(1)));
        for block in blocks {
            let weighted = (&block.values * &block.gradient).mapv(|v| v.max(0.0));
            relevance = &relevance + &mean_over_heads(&weighted.view()).dot(&relevance);
        }
        row_of_class(&relevance)
    },
};
