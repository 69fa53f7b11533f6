//! The relevance of values for a score, in place of its gradient.
//!
//! The score is handed back from layer to layer, and each value gets a share of it. A value passes
//! its relevance on to the values that it was computed from:
//!
//! ```text
//! linear      y = Σⱼ wⱼ xⱼ + b     R(xⱼ) = Σ over y of share(xⱼ, y) · R(y), see RelevanceRule
//! unchanged   y = f(x)             R(x) = R(y), for functions of each value alone
//! moved       y is one of the x    R goes to the value that y is, as a gradient does
//! ```
//!
//! With the Jacobian W of a linear layer, R(x) = x ⊙ Wᵀ (R(y) / z). So the rule of the operator's
//! gradient does the work between a division by z and a product with x.

use super::builder::{Builder, Value};
use super::chain::Link;
use super::error::GradientError;
use super::options::RelevanceRule;
use crate::onnx::proto::{NodeProto, TensorProto};

/// The ε of LRP-ε, which keeps the quotient finite where z is 0.
const EPSILON: f32 = 1e-6;

/// How relevance passes an operator.
#[derive(Clone, Copy, PartialEq)]
enum Passage {
    /// A weighted layer, whose weights are its second input.
    Weighted,
    /// A sum, with weights that are not negative.
    Sum,
    Unchanged,
    Moved,
}

/// How relevance passes a node; `None` if the rules have no form for it.
fn passage(g: &Builder, node: &NodeProto) -> Option<Passage> {
    let varying = || node.input.iter().filter(|name| !g.is_constant(name));
    Some(match node.op_type() {
        "Conv" | "Gemm" | "MatMul" if varying().count() == 1 && !g.is_constant(&node.input[0]) => {
            Passage::Weighted
        }
        "Add" | "Sum" | "Mean" | "AveragePool" | "GlobalAveragePool" | "ReduceMean"
        | "ReduceSum" => Passage::Sum,
        // With a factor of its own for each value.
        "Mul" if varying().count() == 1 && keeps_shape(g, node) => Passage::Unchanged,
        "Div" | "BatchNormalization" if varying().eq([&node.input[0]]) && keeps_shape(g, node) => {
            Passage::Unchanged
        }
        "Celu" | "Clip" | "Elu" | "Gelu" | "HardSwish" | "LRN" | "LeakyRelu" | "Mish" | "PRelu"
        | "Relu" | "Selu" | "Softplus" | "Swish" | "Tanh" => Passage::Unchanged,
        "Cast" | "Concat" | "DepthToSpace" | "Flatten" | "Gather" | "GlobalMaxPool"
        | "Identity" | "Max" | "MaxPool" | "Pad" | "ReduceMax" | "Reshape" | "Slice"
        | "SpaceToDepth" | "Split" | "Squeeze" | "Transpose" | "Unsqueeze" => Passage::Moved,
        _ => return None,
    })
}

/// Whether each value of the output is made from one value of the input that depends on the image.
fn keeps_shape(g: &Builder, node: &NodeProto) -> bool {
    let y = g.shape(&node.output[0]);
    let mut varying = node.input.iter().filter(|name| !g.is_constant(name));
    varying.all(|name| g.shape(name) == y)
}

/// The relevance of the scores, [M, classes], with which the backward pass starts, from the one-hot
/// rows of `seed`.
pub(super) fn start(g: &mut Builder, seed: &Value, scores: &str, rule: RelevanceRule) -> Value {
    let classes = seed.shape[1];
    match rule {
        RelevanceRule::Epsilon => {
            let scores = g.forward(scores);
            let scores = g.reshape(&scores, &[1, classes]);
            g.mul(seed, &scores)
        }
        RelevanceRule::Excitation | RelevanceRule::ContrastiveExcitation => seed.clone(),
        RelevanceRule::OneAgainstOthers => {
            let share = 1.0 / classes.saturating_sub(1).max(1) as f32;
            let scaled = g.scale(seed, 1.0 + share);
            g.add_scalar(&scaled, -share)
        }
    }
}

/// The relevance of a node's inputs from that of its output.
pub(super) fn inputs(
    g: &mut Builder,
    Link { node, rule }: &Link,
    relevance: &Value,
    of: RelevanceRule,
) -> Result<Vec<Option<Value>>, GradientError> {
    let sum_of_one = || node.input.iter().filter(|x| !g.is_constant(x)).count() == 1;
    match (passage(g, node), of) {
        (None, _) => Err(GradientError::NoRelevance {
            operator: node.op_type().to_owned(),
            node: node.label().to_owned(),
        }),
        (Some(Passage::Moved), _) => (rule.gradients)(g, node, relevance),
        (Some(Passage::Unchanged), _) => Ok(vec![Some(relevance.clone()); node.input.len()]),
        (Some(Passage::Weighted | Passage::Sum), RelevanceRule::Epsilon) => {
            let y = g.output(node);
            let inverse = stabilised_inverse(g, &y);
            let quotient = g.mul(relevance, &inverse);
            let shares = (rule.gradients)(g, node, &quotient)?;
            Ok(times_inputs(g, node, shares, false))
        }
        // A constant is not a neuron: the sum has one parent.
        (Some(Passage::Sum), _) if node.op_type() == "Add" && sum_of_one() => {
            let shares = (rule.gradients)(g, node, relevance)?;
            Ok(shares)
        }
        (Some(Passage::Sum), _) => excitation(
            g,
            Link {
                node: node.clone(),
                rule,
            },
            relevance,
            1.0,
        ),
        (Some(Passage::Weighted), _) => {
            let link = || Link {
                node: node.clone(),
                rule,
            };
            let mut shares = excitation(g, link(), relevance, 1.0)?;
            if of == RelevanceRule::ContrastiveExcitation && !g.found_classifier {
                let of_opposite = excitation(g, link(), relevance, -1.0)?;
                shares = difference(g, shares, of_opposite);
            }
            g.found_classifier = true;
            Ok(shares)
        }
    }
}

/// `R(x) = x⁺ ⊙ W⁺ᵀ (R(y) / z), z = W⁺ x⁺`, with 0 / 0 = 0, for the weights W times `sign`
///
/// A bias is left out. Marginal winning probabilities, Zhang et al. 2016, equation 3.
fn excitation(
    g: &mut Builder,
    Link { mut node, rule }: Link,
    relevance: &Value,
    sign: f32,
) -> Result<Vec<Option<Value>>, GradientError> {
    if matches!(node.op_type(), "Conv" | "Gemm" | "MatMul") {
        let weight = g.constant(&node, 1)?.shape();
        let values: Vec<_> = g.floats(&node, 1)?;
        let positive: Vec<_> = values.iter().map(|w| (sign * w).max(0.0)).collect();
        let name = format!("relevance/{}/{sign}", node.output[0]);
        g.add_constant(TensorProto::from_floats(&name, &weight, &positive));
        node.input.truncate(1);
        node.input.push(name);
    }
    let z = positive_output(g, &node);
    let open = g.step(&z);
    let closed = g.complement(&open);
    let divisor = g.add(&z, &closed);
    let inverse = g.div(&open, &divisor);
    let quotient = g.mul(relevance, &inverse);
    node.output[0] = z.name;
    let shares = (rule.gradients)(g, &node, &quotient)?;
    Ok(times_inputs(g, &node, shares, true))
}

/// What the node makes of the positive parts of its inputs.
fn positive_output(g: &mut Builder, node: &NodeProto) -> Value {
    let mut inputs = Vec::new();
    for name in &node.input {
        let input = g.forward(name);
        let is_fixed = name.is_empty() || g.is_constant(name);
        inputs.push(if is_fixed {
            input
        } else {
            g.unary("Relu", &input)
        });
    }
    let attributes: Vec<_> = node
        .attribute
        .iter()
        .map(|attribute| (attribute.name(), attribute.clone()))
        .collect();
    let shape = g.shape(&node.output[0]);
    let inputs: Vec<_> = inputs.iter().collect();
    let z = g.emit(node.op_type(), &inputs, &attributes, shape);
    g.add_forward(&z);
    z
}

/// `1 / (y + ε)` for y ≥ 0, `1 / (y − ε)` for y < 0
fn stabilised_inverse(g: &mut Builder, y: &Value) -> Value {
    let negative = g.below(y, 0.0);
    let offset = g.scale(&negative, -2.0 * EPSILON);
    let offset = g.add_scalar(&offset, EPSILON);
    let stable = g.add(y, &offset);
    g.unary("Reciprocal", &stable)
}

/// The shares of a node's inputs times these inputs, or times their positive parts.
fn times_inputs(
    g: &mut Builder,
    node: &NodeProto,
    shares: Vec<Option<Value>>,
    positive: bool,
) -> Vec<Option<Value>> {
    let mut relevance = Vec::new();
    for (share, name) in shares.into_iter().zip(&node.input) {
        relevance.push(share.filter(|_| g.needs_gradient(name)).map(|share| {
            let mut x = g.forward(name);
            if positive {
                x = g.unary("Relu", &x);
            }
            g.mul(&share, &x)
        }));
    }
    relevance
}

fn difference(
    g: &mut Builder,
    shares: Vec<Option<Value>>,
    others: Vec<Option<Value>>,
) -> Vec<Option<Value>> {
    let pairs = shares.into_iter().zip(others);
    pairs
        .map(|(share, other)| Some(g.sub(&share?, &other?)))
        .collect()
}
