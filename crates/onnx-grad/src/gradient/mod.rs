//! The gradient compiler: an ONNX classifier in, an ONNX model out that also returns d score / d
//! image.
//!
//! ONNX Runtime has no backward pass for inference models, so it is written into the graph with
//! standard operators. The mechanism (`engine`) is reverse-mode differentiation on the graph and
//! knows no operator; each rule in [`rules`] is the formula of one operator and knows no graph.
//! Shapes are read off one run of the model (`probe`) instead of being inferred.
//!
//! **K classes, one forward pass.** The forward half is that of one photo. The gradient model takes
//! `seed` [M, classes], one row per wanted gradient, or makes the rows itself for the highest
//! scores ([`OutputGradient`]), and returns M gradients: row m = d (seed\[m\] · scores) / d image. In the
//! backward half the rows take the place of the photo on the first axis, so that the photo's
//! activations [1, ...] broadcast against them; a tensor that has no such axis gets one more in
//! front (`builder`).
//!
//! ```text
//! model ─► prepare (one input, one score, no subgraphs, float32, one opset) ─► probe (shapes, constants)
//!       ─► rewrite (normalisations into convolutions, ...) ─► engine + rules (backward half) ─► gradient model
//! ```
//!
//! In: a model and something that runs it once ([`Runtime`]). Out: a [`GradientModel`]. Left out
//! are gradients with respect to weights, several photos at once, and loops on the way from image
//! to score. What has no rule is refused before work, by operator and node.
//!
//! ```
//! use onnx_grad::gradient::{Options, OutputGradient, compile};
//! use localise::{classifier, onnx};
//!
//! let model = onnx::load("tests/golden/gradients/residual/model.onnx".as_ref())?;
//! let options = Options { seed: OutputGradient::Top(2), ..Options::default() }; // of the two highest scores of eight
//! let compiled = compile(&model, &options, &classifier::runtime())?;
//! assert_eq!(compiled.input_shape, [1, 3, 24, 24]);
//! let outputs = compiled.model.graph.unwrap().output;
//! let outputs: Vec<_> = outputs.iter().map(onnx::declared).collect();
//! assert_eq!(outputs, ["logits [1, 8]", "classes [2]", "input_grad [2, 3, 24, 24]"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod builder;
mod compound;
mod dense;
mod engine;
mod graph;
mod inline;
mod lift;
mod precision;
mod prepare;
mod probe;
mod rewrite;
pub mod rules;

use crate::onnx::proto::{ModelProto, NodeProto, TensorProto};

/// The name of the seed input of a gradient model, [M, classes].
pub const SEED: &str = "seed";
/// The name of the output of class indices, int64, of a model with [`OutputGradient::Top`] or
/// [`OutputGradient::Asked`].
pub const CLASSES: &str = "classes";
/// The names of the inputs of a model with [`OutputGradient::Asked`]: how many of the highest scores, `[1]`
/// int64, and which classes besides, `[N]` int64.
pub const ASKED: [&str; 2] = ["top", "also"];

/// Runs a model once, for its shapes and constants. The classifier room implements it with ONNX
/// Runtime, so that this room needs none.
pub trait Runtime {
    /// All outputs of `model`, in its own order and under their names, for one named input.
    ///
    /// # Errors
    /// The runtime's own message.
    fn run(&self, model: &ModelProto, input: &TensorProto) -> Result<Vec<TensorProto>, String>;
}

/// What to differentiate, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The tensors that the gradient is taken with respect to; none means the image input. Others,
    /// such as the feature maps of the CAM family, become outputs of the gradient model too. One
    /// backward pass serves them all.
    pub wrt: Vec<String>,
    /// The tensor of class scores; by default the model's first output, or what enters its final
    /// softmax.
    pub target: Option<String>,
    /// Where the rows of the seed come from.
    pub seed: OutputGradient,
    /// How a gradient passes a ReLU.
    pub relu: ReluRule,
    /// Height and width of the image where the model leaves them open, or where [`Options::dense`]
    /// is set; the network's own by default.
    pub size: Option<[usize; 2]>,
    /// Rewrite the classifier to be fully convolutional first, so that it takes any image of at
    /// least its own size.
    pub dense: Option<Dense>,
}

/// What a fully convolutional classifier makes of its scores at many positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dense {
    /// The score of a class is its maximum over positions, its gradient that of the mean of its
    /// positive scores (Mahendran and Vedaldi 2016, `kssaliency_fcn_proper`).
    Positive,
    /// The score of a class is its mean over positions: at the network's own size the classifier
    /// itself.
    Mean,
}

/// Where the rows of the seed come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputGradient {
    /// An input [`SEED`] [M, classes]; M is free.
    #[default]
    Input,
    /// One row for each of the K highest scores, which [`CLASSES`] names.
    Top(usize),
    /// The inputs [`ASKED`]: one row for each of the highest scores and each other class, none
    /// twice. So the classes need not be known before the run.
    Asked,
}

/// How a gradient passes `y = max(x, 0)`: all in which the methods of the paper's section 4 differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum ReluRule {
    /// `dx = dy · [x > 0]`, the derivative (Simonyan et al. 2013).
    #[default]
    Gradient,
    /// `dx = max(dy, 0) · [x > 0]`, guided backpropagation (Springenberg et al. 2014).
    Guided,
    /// `dx = max(dy, 0)`, the deconvolutional network (Zeiler and Fergus 2013).
    Deconvnet,
}

/// A model that returns class scores and their gradient.
#[derive(Clone, Debug)]
pub struct GradientModel {
    /// The model: inputs [`GradientModel::input`] and, for [`OutputGradient::Input`], [`SEED`], for
    /// [`OutputGradient::Asked`], [`ASKED`]; outputs [`GradientModel::scores`], but for [`OutputGradient::Input`]
    /// [`CLASSES`], [`GradientModel::gradients`], and the tensors of [`Options::wrt`].
    pub model: ModelProto,
    /// The forward half alone: [`GradientModel::input`] to [`GradientModel::scores`].
    pub forward: ModelProto,
    /// The name of the model's input.
    pub input: String,
    /// Its shape for one photo.
    pub input_shape: Vec<usize>,
    /// The name of the class scores: the target's own.
    pub scores: String,
    /// How many classes the scores have, whatever their shape.
    pub classes: usize,
    /// The names of the gradients, those of their tensors with `_grad` behind; of shape [M, ...].
    pub gradients: Vec<String>,
    /// What the user should know about these gradients.
    pub warnings: Vec<String>,
}

/// Why a model cannot be differentiated. All are found before any photo is touched.
#[derive(Debug, thiserror::Error)]
pub enum GradientError {
    /// Operators between image and score that [`rules::RULES`] does not list.
    #[error("no gradient rule for {} operator(s) on the path from `{input}` to `{target}`{}\n\
             help: `localise list ops` lists the rules; differentiate up to an earlier score (`--target TENSOR`), from a \
             later tensor (`--wrt TENSOR`), or add a rule (CONTRIBUTING.md, \"Add a gradient rule\")",
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
    #[error(
        "{operator} node `{node}`: {reason}\n\
             help: differentiate up to an earlier score (`--target TENSOR`), or from a later tensor (`--wrt TENSOR`)"
    )]
    Unsupported {
        /// The operator.
        operator: String,
        /// The node.
        node: String,
        /// What it does that the rule does not know.
        reason: String,
    },
    /// The model as a whole does not fit: its input, its scores, or how the one depends on the
    /// other.
    #[error("{0}")]
    Shape(String),
    /// The runtime refuses the model.
    #[error(
        "the model does not run: {0}\n\
             help: export it for the ONNX Runtime that `localise doctor` names, or take a newer one"
    )]
    Probe(String),
}

/// The error of a rule that meets what it does not know.
fn unsupported(node: &NodeProto, reason: &str) -> GradientError {
    GradientError::Unsupported {
        operator: node.op_type().into(),
        node: node.label().into(),
        reason: reason.into(),
    }
}

fn list(operators: &[(String, Vec<String>)]) -> String {
    operators
        .iter()
        .map(|(op, nodes)| format!("\n         {op:<20} {}", nodes.join(", ")))
        .collect()
}

/// Compiles the backward pass of `model`.
///
/// # Errors
/// [`GradientError`], naming the operators and nodes at fault.
pub fn compile(
    model: &ModelProto,
    options: &Options,
    runtime: &dyn Runtime,
) -> Result<GradientModel, GradientError> {
    let mut prepared = prepare::prepare(model, options, runtime)?;
    engine::check(&prepared)?;
    if let Some(dense) = options.dense {
        dense::rewrite(&mut prepared, dense, options.size, runtime)?;
    }
    let mut facts = probe::probe(&mut prepared, runtime)?;
    rewrite::rewrite(&mut prepared, &mut facts, options.relu);
    engine::differentiate(prepared, facts, options)
}
