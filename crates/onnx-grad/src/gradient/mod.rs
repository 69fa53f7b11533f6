//! The gradient compiler: from an ONNX classifier to an ONNX model that also returns
//! d score / d image.
//!
//! ONNX Runtime has no backward pass for inference models, so [`compile`] writes it into the graph,
//! with standard operators only. The engine is reverse-mode differentiation on the graph and knows
//! nothing about individual operators; each rule in [`rules`] is the formula of one operator and
//! knows nothing about the graph. Shapes are not inferred: they are read from a run of the model,
//! for which the compiler needs a [`Runtime`].
//!
//! ```text
//! model ─► prepare   one input, one score, no subgraphs, float32, one opset
//!       ─► batch     one image, where the model takes several
//!       ─► score     is the score that the outputs are made from found right?
//!       ─► dense     on request, the fully convolutional form, for a larger image
//!       ─► probe     shapes and constants, from a run of the model
//!       ─► rewrite   an equivalent forward half with a cheaper backward half
//!       ─► engine    backward half, from the rules
//!       ─► gradient model
//! ```
//!
//! # Several gradients, one forward pass
//!
//! The gradient model computes the forward half once, for one image. The backward half starts from
//! the output gradient [M, classes], one row per requested gradient, and returns M gradients:
//! row m = d (seed\[m\] · scores) / d image. The rows come from the caller or are made in the graph
//! for the highest scores ([`OutputGradient`]).
//!
//! In the backward half the rows take the place of the batch axis, so that the activations [1, ...]
//! of the one image broadcast against them. The gradient of a tensor that has no batch axis gets
//! one more axis in front.
//!
//! # Limits
//!
//! Gradients with respect to weights, several images at once, and loops (anywhere in the graph) are not
//! supported. An operator on the path from image to score that needs a rule and has none is refused
//! with a [`GradientError`] that names the operator and its nodes.

mod background;
mod batch;
mod builder;
mod chain;
mod compound;
mod dense;
mod engine;
mod error;
mod graph;
mod inline;
mod integer_input;
mod lift;
mod model;
mod names;
mod old_forms;
mod options;
mod outputs;
mod precision;
mod prepare;
mod probe;
mod relevance;
mod rewrite;
pub mod rules;
mod runtime;
mod score;
mod trace;
mod training;
mod variants;

pub use error::{GradientError, MissingRule};
pub use model::GradientModel;
pub use options::{
    ASKED, Background, CLASSES, Dense, ImageSize, Options, OutputGradient, RelevanceRule, ReluRule,
    SEED,
};
pub use runtime::Runtime;
pub use trace::{Trace, trace};
pub use variants::variants;

use crate::onnx::proto::ModelProto;

/// Compiles the backward pass of `model`.
///
/// `runtime` runs the model on images of made-up values, as [`Runtime`] says.
///
/// # Errors
/// [`GradientError`], which names the operators, nodes or tensors at fault.
pub fn compile(
    model: &ModelProto,
    options: &Options,
    runtime: &dyn Runtime,
) -> Result<GradientModel, GradientError> {
    let mut prepared = prepare::prepare(model, options, runtime)?;
    engine::check(&prepared)?;
    probe::refuse_hazards(prepared.graph())?;
    batch::take_one_image(&mut prepared, runtime)?;
    score::confirm(&mut prepared, runtime)?;
    if let Some(background) = options.background {
        background::leave_out(&mut prepared, background);
    }
    if let Some(dense) = options.dense {
        dense::rewrite(&mut prepared, dense, options.size, runtime)?;
    }
    let mut facts = probe::probe(&mut prepared, runtime)?;
    batch::warn_of_several(&mut prepared, &facts);
    rewrite::rewrite(&mut prepared, &mut facts, options);
    engine::differentiate(prepared, facts, options)
}
