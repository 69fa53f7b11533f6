//! The class score: the tensor before whatever turns scores into probabilities.
//!
//! The posterior probability of a class can also rise because those of the other classes fall
//! (Simonyan, Vedaldi and Zisserman 2013, section 2), and where it is near 0 or 1, its gradient
//! vanishes. So the search goes back from the model's output through nodes that keep the order of
//! the classes:
//!
//! | nodes | the score is |
//! | --- | --- |
//! | `Softmax`, `LogSoftmax`, `Sigmoid`, `HardSigmoid`, `Tanh`, `Softsign`, `Softplus`, `Exp`, `Clip` | their input |
//! | `x − c`, `x / c`, where c is a reduction of x or of e^x, such as `ReduceMax` or `ReduceLogSumExp` | x |
//! | `x + c`, `x − c`, `c − x`, `x · c`, `x / c`, `c / x`, `−x`, `1 / x`, where c is one number | the result, unless one of the above is further back |
//! | `Log`, `Sqrt`, `Identity`, `Cast`, `Dropout`, `Reshape`, `Flatten`, `Squeeze`, `Unsqueeze`, `Transpose` | the same |
//!
//! A softmax or a sigmoid that is written in parts is a sequence of these. An even number of nodes
//! must reverse the order. [`confirm`] compares the order of the classes before and after these
//! nodes for a sample image; if it differs, the model's output itself is the score.

use std::collections::HashSet;

use super::engine;
use super::error::GradientError;
use super::graph::{keep_ancestors, output};
use super::prepare::Prepared;
use super::runtime::{Runtime, run};
use crate::onnx::Graph;
use crate::onnx::proto::{GraphProto, NodeProto, TensorProto};

/// Operators that keep all values and only arrange them.
const ARRANGING: [&str; 8] = [
    "Cast",
    "Dropout",
    "Flatten",
    "Identity",
    "Reshape",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
];

/// Increasing functions whose gradient vanishes for some inputs.
const SQUASHING: [&str; 9] = [
    "Clip",
    "Exp",
    "HardSigmoid",
    "LogSoftmax",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Softsign",
    "Tanh",
];

/// A tensor of class scores, and how the search came to it.
#[derive(Clone, Debug)]
pub(super) struct Score {
    /// The tensor.
    pub(super) tensor: String,
    /// Where the search began.
    pub(super) output: String,
    /// The operators between the two, from the score to the output.
    operators: Vec<String>,
}

impl Score {
    /// A tensor that the user names.
    pub(super) fn chosen(tensor: String) -> Self {
        Self {
            output: tensor.clone(),
            tensor,
            operators: Vec::new(),
        }
    }
}

/// The score from which `output` is made.
pub(super) fn find(graph: &Graph<'_>, output: &str) -> Score {
    let mut score = Score::chosen(output.to_owned());
    let (mut tensor, mut passed) = (output, Vec::new());
    let (mut squashed, mut falls) = (false, false);
    while let Some(node) = graph.producer(tensor)
        && let Some(step) = step(graph, node)
        && graph.producer(step.input).is_some()
    {
        tensor = step.input;
        passed.insert(0, node.op_type().to_owned());
        squashed |= step.squashes;
        falls ^= step.falls;
        if squashed && !falls {
            squashed = false;
            score.tensor = tensor.to_owned();
            score.operators.clone_from(&passed);
        }
    }
    score
}

/// A node that keeps or reverses the order of the classes.
struct Step<'a> {
    /// The tensor that it takes.
    input: &'a str,
    /// Whether its gradient can vanish.
    squashes: bool,
    /// Whether it reverses the order.
    falls: bool,
}

/// What `node` does to the order of the classes, or `None` if it does not keep it.
fn step<'a>(graph: &Graph<'a>, node: &'a NodeProto) -> Option<Step<'a>> {
    const FLOAT: i64 = 1;
    let plain = |squashes, falls| {
        Some(Step {
            input: node.input_name(0)?,
            squashes,
            falls,
        })
    };
    match node.op_type() {
        _ if !matches!(node.domain(), "" | "ai.onnx") => None,
        "Cast" if node.int("to", FLOAT) != FLOAT => None,
        "HardSigmoid" if node.float("alpha", 0.2) <= 0.0 => None,
        "Log" | "Sqrt" => plain(false, false),
        "Neg" | "Reciprocal" => plain(false, true),
        "Add" | "Sub" | "Mul" | "Div" => arithmetic(graph, node),
        op if SQUASHING.contains(&op) => plain(true, false),
        op if ARRANGING.contains(&op) => plain(false, false),
        _ => None,
    }
}

/// The same for a sum, difference, product or quotient.
fn arithmetic<'a>(graph: &Graph<'a>, node: &'a NodeProto) -> Option<Step<'a>> {
    let (a, b) = (node.input_name(0)?, node.input_name(1)?);
    let is_product = matches!(node.op_type(), "Mul" | "Div");
    let (commutes, inverts) = match node.op_type() {
        "Sub" | "Div" => (false, true),
        _ => (true, false),
    };
    if let Some(c) = number(graph, b) {
        return Some(Step {
            input: a,
            squashes: false,
            falls: is_product && c < 0.0,
        });
    }
    if let Some(c) = number(graph, a) {
        return Some(Step {
            input: b,
            squashes: false,
            falls: inverts ^ (is_product && c < 0.0),
        });
    }
    let input = if is_common(graph, b, a) {
        a
    } else if commutes && is_common(graph, a, b) {
        b
    } else if node.op_type() == "Div" && is_shifted(graph, a, b) {
        a
    } else {
        return None;
    };
    Some(Step {
        input,
        squashes: true,
        falls: false,
    })
}

/// The value of a constant of one number other than 0.
fn number(graph: &Graph<'_>, name: &str) -> Option<f32> {
    let tensor = graph
        .initializer(name)
        .or_else(|| graph.producer(name)?.tensor("value"))?;
    match tensor.floats().ok()?[..] {
        [value] if value != 0.0 => Some(value),
        _ => None,
    }
}

/// Whether a tensor is a reduction of `scores` or of a function of them, so that it is the same
/// number for all classes. Functions of a reduction are too.
fn is_common<'a>(graph: &Graph<'a>, mut name: &'a str, scores: &str) -> bool {
    const FUNCTIONS: [&str; 12] = [
        "Abs",
        "Add",
        "Clip",
        "Exp",
        "Expand",
        "Log",
        "Mul",
        "Neg",
        "Pow",
        "Reciprocal",
        "Sqrt",
        "Sub",
    ];
    let mut is_reduced = false;
    while name != scores || !is_reduced {
        let Some(node) = graph.producer(name) else {
            return false;
        };
        let op = node.op_type();
        is_reduced |= op.starts_with("Reduce");
        if !op.starts_with("Reduce") && !FUNCTIONS.contains(&op) && !ARRANGING.contains(&op) {
            return false;
        }
        let computed = |input: &&String| {
            graph
                .producer(input)
                .is_some_and(|n| n.op_type() != "Constant")
        };
        name = node.input.iter().find(computed).map_or("", String::as_str);
    }
    true
}

/// Whether `b` is `a` plus a number: a / (a + c) rises with a.
fn is_shifted(graph: &Graph<'_>, a: &str, b: &str) -> bool {
    graph.producer(b).is_some_and(|sum| {
        let others: Vec<_> = sum.input.iter().filter(|input| *input != a).collect();
        sum.op_type() == "Add" && matches!(others[..], [c] if number(graph, c).is_some())
    })
}

/// Checks, for a sample image, that the score orders the classes as the model's output does, and
/// adds warnings about a score whose gradient may vanish. Drops the nodes after the score.
pub(super) fn confirm(prepared: &mut Prepared, runtime: &dyn Runtime) -> Result<(), GradientError> {
    let Some(score) = prepared.tail.take() else {
        return Ok(());
    };
    let is_unclear = score.tensor != score.output && !keeps_order(prepared, &score, runtime)?;
    if is_unclear {
        prepared.target.clone_from(&score.output);
        prepared.scores.clone_from(&score.output);
        engine::check(prepared)?;
    }
    let kept = prepared.kept();
    let kept: Vec<_> = kept.iter().map(String::as_str).collect();
    keep_ancestors(prepared.graph_mut(), &kept);
    let warning = if is_unclear {
        Some(unclear(&score))
    } else {
        saturation(prepared, runtime)?
    };
    prepared.warnings.extend(warning);
    Ok(())
}

/// The warning about an output that does not order the classes as the tensor does that would be the
/// score.
fn unclear(score: &Score) -> String {
    let Score {
        tensor,
        output,
        operators,
    } = score;
    let operators = operators.join(", ");
    format!(
        "`{output}` is made from `{tensor}` by {operators}, which do not keep the order of the \
         classes. So the gradients are those of `{output}` itself, and vanish where it saturates; \
         the target should be the tensor of class scores"
    )
}

/// Whether the output orders the classes as the score does, ties aside.
fn keeps_order(
    prepared: &Prepared,
    score: &Score,
    runtime: &dyn Runtime,
) -> Result<bool, GradientError> {
    let index = Graph::new(prepared.graph());
    let mut names = vec![score.tensor.as_str(), &score.output];
    let mut transposes = Vec::new();
    let mut tensor = score.output.as_str();
    while tensor != score.tensor
        && let Some(node) = index.producer(tensor)
        && let Some(step) = step(&index, node)
    {
        tensor = step.input;
        if node.op_type() == "Transpose" {
            transposes.push(node);
            if !names.contains(&tensor) {
                names.push(tensor);
            }
        }
    }
    let values = values(prepared, &names, runtime)?;
    let find = |name: &str| names.iter().position(|n| *n == name).map(|i| &values[i]);
    let moves = |node: &&NodeProto| {
        find(&node.input[0]).is_none_or(|x| !keeps_flat_order(node, &x.shape()))
    };
    if transposes.iter().any(moves) {
        return Ok(false);
    }
    let floats = |name: &str| find(name).and_then(|x| x.floats().ok()).unwrap_or_default();
    let (scores, outputs) = (floats(&score.tensor), floats(&score.output));
    if scores.is_empty() || scores.len() != outputs.len() {
        return Ok(false);
    }
    let mut classes: Vec<_> = (0..scores.len()).collect();
    classes.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    Ok(classes.windows(2).all(|pair| {
        let [low, high] = [outputs[pair[0]], outputs[pair[1]]];
        scores[pair[0]] == scores[pair[1]] || low <= high || low - high <= low.abs() * 1e-6
    }))
}

/// Whether a `Transpose` of a tensor of this shape leaves its values in the same order: the axes
/// with more than one position keep theirs.
fn keeps_flat_order(node: &NodeProto, shape: &[usize]) -> bool {
    let reversed: Vec<i64> = (0..shape.len() as i64).rev().collect();
    let perm = node.ints("perm").unwrap_or(&reversed);
    let long = perm
        .iter()
        .filter(|&&axis| shape.get(axis as usize) != Some(&1));
    long.is_sorted()
}

/// A warning about scores whose gradient may vanish.
fn saturation(prepared: &Prepared, runtime: &dyn Runtime) -> Result<Option<String>, GradientError> {
    let index = Graph::new(prepared.graph());
    let target = prepared.target.as_str();
    let mut tensor = target;
    while let Some(node) = index.producer(tensor)
        && ARRANGING.contains(&node.op_type())
    {
        tensor = node.input_name(0).unwrap_or_default();
    }
    if index
        .producer(tensor)
        .is_some_and(|node| node.op_type() == "Relu")
    {
        return Ok(Some(format!(
            "`Relu` cuts the scores `{target}` off at 0: a class with the score 0 has no gradient"
        )));
    }
    let Some(squashing) = squashed_without_layer(&index, target) else {
        return Ok(None);
    };
    let scores = values(prepared, &[target], runtime)?[0].floats();
    if scores.is_ok_and(|scores| scores.iter().all(|&score| score <= 1.0)) {
        return Ok(Some(format!(
            "the scores `{target}` come from {} `{}`, and look like probabilities: where they \
             saturate, their gradients vanish. The target should be a tensor before that node",
            squashing.op_type(),
            squashing.label()
        )));
    }
    Ok(None)
}

/// A squashing node from which `target` is made by arithmetic alone, without a layer with weights.
fn squashed_without_layer<'a>(graph: &Graph<'a>, target: &str) -> Option<&'a NodeProto> {
    const ARITHMETIC: [&str; 24] = [
        "Abs",
        "Add",
        "AveragePool",
        "Concat",
        "Div",
        "Expand",
        "Gather",
        "GlobalAveragePool",
        "GlobalMaxPool",
        "Log",
        "Max",
        "MaxPool",
        "Mean",
        "Min",
        "Mul",
        "Neg",
        "Pow",
        "Reciprocal",
        "Slice",
        "Split",
        "Sqrt",
        "Sub",
        "Sum",
        "Where",
    ];
    let (mut open, mut seen) = (vec![target.to_owned()], HashSet::new());
    while let Some(name) = open.pop() {
        let Some(node) = graph.producer(&name).filter(|_| seen.insert(name.clone())) else {
            continue;
        };
        let op = node.op_type();
        // Both keep the size of large scores, so that these do not look like probabilities.
        if SQUASHING.contains(&op) && op != "Clip" && op != "Softplus" {
            return Some(node);
        }
        if ARITHMETIC.contains(&op)
            || ARRANGING.contains(&op)
            || op == "Clip"
            || op.starts_with("Reduce")
        {
            open.extend(node.input.iter().cloned());
        }
    }
    None
}

/// The values of some tensors for the sample image.
fn values(
    prepared: &Prepared,
    names: &[&str],
    runtime: &dyn Runtime,
) -> Result<Vec<TensorProto>, GradientError> {
    let mut model = prepared.model.clone();
    let graph: &mut GraphProto = model.graph.as_mut().expect("a prepared model has a graph");
    graph.output = names.iter().map(|name| output(name)).collect();
    keep_ancestors(graph, names);
    run(runtime, &model, &prepared.sample)
}
