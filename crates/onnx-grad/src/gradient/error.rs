//! Why a model cannot be differentiated.

use super::options::ImageSize;
use crate::onnx::proto::NodeProto;

/// Why a model cannot be differentiated.
///
/// All errors are found while the model is compiled, so a model that compiles never fails for one
/// of these reasons when it is run. The variants with fields are the cases in which the caller can
/// change something: another tensor, another image size, another number of classes, another export
/// of the model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GradientError {
    /// Operators on the path from input to target that [`RULES`](super::rules::RULES) does not
    /// list.
    #[error("no gradient rule for {} operator(s) on the path from `{}` to `{target}`{}",
            .operators.len(), .wrt.join("`, `"), table(.operators))]
    NoRule {
        /// The tensors that the gradient is taken with respect to.
        wrt: Vec<String>,
        /// The tensor that is differentiated.
        target: String,
        /// The operators, sorted by name.
        operators: Vec<MissingRule>,
    },
    /// The operator has a rule, but the rule does not cover what this node does.
    #[error("{operator} node `{node}`: {reason}")]
    Unsupported {
        /// The operator.
        operator: String,
        /// The name of the node, or of its first output.
        node: String,
        /// What is not covered.
        reason: String,
    },
    /// The gradient would be zero everywhere: no differentiable path leads from `wrt` to `target`.
    #[error("`{target}` does not depend on `{wrt}`, or only in steps")]
    NoDependence {
        /// The tensor that is differentiated.
        target: String,
        /// The tensor that the gradient is taken with respect to.
        wrt: String,
    },
    /// None of the model's outputs, or more than one of them, could be the class scores.
    #[error("{fault}")]
    UnclearScores {
        /// What is wrong, with the outputs.
        fault: String,
        /// The tensors that could be the class scores.
        candidates: Vec<String>,
    },
    /// The model leaves dimensions of its input open, and
    /// [`Options::size`](super::options::Options::size) does not fill them in.
    #[error("input `{input}` leaves its size open ({})", dimensions(.dims))]
    OpenSize {
        /// The model's input.
        input: String,
        /// Its dimensions as the model declares them, `None` for an open one.
        dims: Vec<Option<usize>>,
    },
    /// The gradient with respect to the model's input is requested, but the input is not float32.
    #[error("input `{input}` is of type {kind}; only a float32 tensor has a gradient")]
    NotFloat {
        /// The model's input.
        input: String,
        /// Its element type in lower case, such as `uint8`.
        kind: String,
    },
    /// [`OutputGradient::Top`](super::options::OutputGradient::Top) with more classes than the
    /// model has, or with none.
    #[error("{asked} classes are asked for, but the model has {classes}")]
    ClassCount {
        /// The number of classes in the options.
        asked: usize,
        /// The number of classes of the model.
        classes: usize,
    },
    /// The options name a tensor that no node makes and that is not the model's input.
    #[error("no tensor of the model is called `{name}`{}", suggestion(.nearest.as_deref()))]
    UnknownTensor {
        /// The name in the options.
        name: String,
        /// The most similar name in the model, if the model has any tensor.
        nearest: Option<String>,
    },
    /// [`Options::wrt`](super::options::Options::wrt) names a tensor twice.
    #[error("the gradient with respect to `{wrt}` is asked for twice")]
    RepeatedTensor {
        /// The tensor.
        wrt: String,
    },
    /// A [`ReluRule`](super::options::ReluRule) other than the gradient for a network without a
    /// ReLU between input and target.
    #[error("the network has no ReLU, and the ReLU rules differ from the gradient only there")]
    NoRelu,
    /// A [`RelevanceRule`](super::options::RelevanceRule) for a network with an operator that none of
    /// them is defined for.
    #[error("{operator} node `{node}`: relevance rules are not defined for this operator")]
    NoRelevance {
        /// The operator.
        operator: String,
        /// The name of the node, or of its first output.
        node: String,
    },
    /// The image is smaller than the network's own input, so not even one position of a fully
    /// convolutional network fits.
    #[error("an image of {size} is smaller than the network's {network}")]
    ImageTooSmall {
        /// The size in the options.
        size: ImageSize,
        /// The size that the model declares.
        network: ImageSize,
    },
    /// [`Options::dense`](super::options::Options::dense) for a network that cannot be made fully
    /// convolutional.
    #[error("the model has no fully convolutional form: {0}")]
    NoDenseForm(String),
    /// The [`Runtime`](super::runtime::Runtime) cannot run the model. The text is its own.
    #[error("the model does not run: {0}")]
    Runtime(String),
    /// The model as a whole cannot be compiled: its opset, its inputs and outputs, or its weights.
    #[error("{0}")]
    Model(String),
    /// The same for a model that can be compiled after a change to the file.
    #[error("{fault}")]
    Export {
        /// What is wrong.
        fault: String,
        /// What to change.
        advice: &'static str,
    },
}

impl GradientError {
    /// An error of the model as a whole, and how the file must be changed.
    pub(super) fn export(fault: impl Into<String>, advice: &'static str) -> Self {
        let fault = fault.into();
        Self::Export { fault, advice }
    }

    /// What to do, where that does not depend on how the caller sets the options.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Export { advice, .. } => Some(advice),
            _ => None,
        }
    }
}

/// An operator without a gradient rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingRule {
    /// The operator, with its domain in front if that is not the standard one:
    /// `com.example:Operator`.
    pub operator: String,
    /// The nodes that use it.
    pub nodes: Vec<String>,
}

/// The error of a rule that does not cover what `node` does.
pub(super) fn unsupported(node: &NodeProto, reason: &str) -> GradientError {
    GradientError::Unsupported {
        operator: node.op_type().into(),
        node: node.label().into(),
        reason: reason.into(),
    }
}

/// A line for each operator, with the nodes that use it.
fn table(operators: &[MissingRule]) -> String {
    operators
        .iter()
        .map(|missing| {
            let nodes = missing.nodes.join(", ");
            format!("\n         {:<20} {nodes}", missing.operator)
        })
        .collect()
}

/// The dimensions as text, `1 x 3 x ? x ?`.
fn dimensions(dims: &[Option<usize>]) -> String {
    let dims: Vec<_> = dims
        .iter()
        .map(|dim| dim.map_or("?".into(), |n| n.to_string()))
        .collect();
    dims.join(" x ")
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map_or(String::new(), |name| format!("; the nearest is `{name}`"))
}
