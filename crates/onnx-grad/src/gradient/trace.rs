//! A model as the compiler sees it: its graph up to the class scores, with the shape of every tensor.

use std::collections::HashMap;

use super::error::GradientError;
use super::options::Options;
use super::runtime::Runtime;
use super::{batch, engine, names, prepare, probe, score};
use crate::onnx::proto::{GraphProto, ModelProto};

/// The forward half of a classifier for one image, with shapes.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The nodes and weights that lead to the scores, in topological order. What does not depend on
    /// the image is a weight.
    pub graph: GraphProto,
    /// The shape of every tensor that depends on the image.
    pub shapes: HashMap<String, Vec<usize>>,
    /// The name of the image input.
    pub input: String,
    /// The name of the class scores.
    pub scores: String,
}

impl Trace {
    /// Whether [`Options::wrt`] can name this tensor: the compiler makes others, whose names are
    /// its own.
    #[must_use]
    pub fn is_of_model(&self, tensor: &str) -> bool {
        self.shapes.contains_key(tensor) && !names::is_inner(tensor)
    }
}

/// The forward half of `model` with the shapes of its tensors, which are read from a run. It is that
/// of the model itself: [`Options::dense`] and what concerns gradients are ignored.
///
/// # Errors
/// [`GradientError`], as for [`compile`](super::compile).
pub fn trace(
    model: &ModelProto,
    options: &Options,
    runtime: &dyn Runtime,
) -> Result<Trace, GradientError> {
    let own = Options {
        wrt: vec![],
        ..options.clone()
    };
    let mut prepared = prepare::prepare(model, &own, runtime)?;
    engine::check(&prepared)?;
    probe::refuse_hazards(prepared.graph())?;
    batch::take_one_image(&mut prepared, runtime)?;
    score::confirm(&mut prepared, runtime)?;
    let facts = probe::probe(&mut prepared, runtime)?;
    Ok(Trace {
        input: prepared.sample.name().to_owned(),
        scores: prepared.scores,
        graph: prepared.model.graph.unwrap_or_default(),
        shapes: facts.shapes,
    })
}
