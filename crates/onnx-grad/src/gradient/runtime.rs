//! What the compiler needs of an ONNX runtime.

use super::error::GradientError;
use crate::onnx::proto::{ModelProto, TensorProto};

/// Runs a model.
///
/// The compiler runs the model once to learn the shapes of its tensors and the values of its
/// constants, and once more for each level of nested `If` nodes, for a model that ends in
/// probabilities, for the fully convolutional form, and some times for a model that takes a fixed
/// number of images. Any runtime that supports the operators of the model will do, and neither
/// speed nor graph optimisation matters.
pub trait Runtime {
    /// Runs `model` with one named input, and returns all its outputs in the model's own order.
    ///
    /// # Errors
    /// The runtime's own message. It becomes
    /// [`GradientError::Runtime`].
    fn run(&self, model: &ModelProto, input: &TensorProto) -> Result<Vec<TensorProto>, String>;
}

/// Runs `model`, and checks that there are as many results as the model has outputs.
pub(super) fn run(
    runtime: &dyn Runtime,
    model: &ModelProto,
    input: &TensorProto,
) -> Result<Vec<TensorProto>, GradientError> {
    let results = runtime.run(model, input).map_err(GradientError::Runtime)?;
    let outputs = model.graph.as_ref().map_or(0, |graph| graph.output.len());
    if results.len() == outputs {
        return Ok(results);
    }
    Err(GradientError::Runtime(format!(
        "it has {outputs} outputs, but the runtime returned {}",
        results.len()
    )))
}
