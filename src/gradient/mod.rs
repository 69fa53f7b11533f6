//! The gradient compiler: an ONNX classifier in, an ONNX model out that also returns d score / d image.
//!
//! ONNX Runtime has no backward pass for inference models, so it is written into the graph with standard
//! operators. The mechanism (`engine`) is reverse-mode differentiation on the graph and knows no operator; each
//! rule in [`rules`] is the formula of one operator and knows no graph. Shapes are read off one run of the model
//! (`probe`) instead of being inferred.
//!
//! **K classes, one forward pass.** The gradient model takes `seed` [M, classes], one row per wanted gradient, and
//! returns `gradient` [M, C, H, W] with row m = d (seed\[m\] · scores) / d image. The rows travel through the
//! backward half in the place of the batch: with one photo, its activations [1, ...] broadcast against the M rows;
//! with N photos, give N rows, one a photo. So N = 1 or M = N, and no other shape is baked in for the batch.

mod builder;
mod dense;
mod engine;
mod prepare;
mod probe;
pub mod rules;

use crate::onnx::proto::{ModelProto, TensorProto};

pub use prepare::SCORES;

/// The name of the seed input of a gradient model, [M, classes].
pub const SEED: &str = "seed";
/// The name of the gradient output of a gradient model, [M, C, H, W].
pub const GRADIENT: &str = "gradient";

/// Runs a model once, for its shapes and constants. The classifier room implements it with ONNX Runtime, so that
/// this room needs none.
pub trait Runtime {
    /// All outputs of `model` for one named input.
    ///
    /// # Errors
    /// The runtime's own message.
    fn run(&self, model: &ModelProto, input: &TensorProto) -> Result<Vec<TensorProto>, String>;
}

/// What to differentiate.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The tensor of class scores; by default the model's first output, or what enters its final softmax.
    pub target: Option<String>,
    /// Height and width of the image where the model leaves them open, or where [`Options::dense`] is set.
    pub size: Option<[usize; 2]>,
    /// Rewrite the classifier to be fully convolutional first, so that it takes any image of at least its own size:
    /// the score of a class is then its maximum over positions, and its gradient that of the mean of its positive
    /// scores (Mahendran and Vedaldi 2016, `kssaliency_fcn_proper`).
    pub dense: bool,
}

/// A model that returns class scores and, for a seed, their gradient with respect to its input.
#[derive(Clone, Debug)]
pub struct GradientModel {
    /// The model: inputs [`GradientModel::input`] and [`SEED`], outputs [`SCORES`] and [`GRADIENT`].
    pub model: ModelProto,
    /// The forward half alone: [`GradientModel::input`] to [`SCORES`].
    pub forward: ModelProto,
    /// The name of the image input, [N, C, H, W].
    pub input: String,
    /// C, H, W.
    pub input_shape: [usize; 3],
    /// How many classes the scores have.
    pub classes: usize,
}

/// Why a model cannot be differentiated. All are found before any photo is touched.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Operators between image and score that [`rules::RULES`] does not list.
    #[error("no gradient rule for {} operator(s) on the path from `{input}` to `{target}`{}\n\
             help: name an earlier score with `target`, or add a rule (CONTRIBUTING.md, \"Add a gradient rule\")",
            .operators.len(), list(.operators))]
    NoRule {
        /// The image input.
        input: String,
        /// The score tensor.
        target: String,
        /// Operator and the nodes that use it.
        operators: Vec<(String, Vec<String>)>,
    },
    /// A rule exists, but not for what this node does.
    #[error("{operator} node `{node}`: {reason}")]
    Unsupported {
        /// The operator.
        operator: String,
        /// The node.
        node: String,
        /// What it does that the rule does not know.
        reason: String,
    },
    /// The model has no image input, no scores, or scores that do not depend on the image.
    #[error("{0}")]
    Shape(String),
    /// The runtime refuses the model.
    #[error("the model does not run: {0}")]
    Probe(String),
}

fn list(operators: &[(String, Vec<String>)]) -> String {
    operators.iter().map(|(op, nodes)| format!("\n         {op:<20} {}", nodes.join(", "))).collect()
}

/// Compiles the backward pass of `model`.
///
/// # Errors
/// [`Error`], naming the operators and nodes at fault.
pub fn compile(model: &ModelProto, options: &Options, runtime: &dyn Runtime) -> Result<GradientModel, Error> {
    let mut prepared = prepare::prepare(model, options)?;
    if options.dense {
        dense::rewrite(&mut prepared, options, runtime)?;
    }
    let facts = probe::probe(&mut prepared, runtime)?;
    engine::differentiate(prepared, facts)
}
