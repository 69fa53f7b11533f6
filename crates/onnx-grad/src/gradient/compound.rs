//! Functions that exporters write as several nodes, differentiated as one. Their derivative is then
//! a tensor of the forward half, and each row of the gradient costs a single product.

use super::chain::Link;
use super::rules;
use crate::onnx::Graph;
use crate::onnx::proto::{GraphProto, NodeProto};

/// Replaces, in the chain of nodes from target to input, those that make up one function.
pub(super) fn join(graph: &GraphProto, chain: &mut Vec<Link>, kept: &[String]) {
    let graph = Graph::new(graph);
    let functions: Vec<_> = chain
        .iter()
        .filter_map(|last| swish(&graph, &last.node).or_else(|| gelu(&graph, &last.node)))
        .collect();
    for CompoundFunction { inner, whole } in functions {
        // If an inner tensor has another user, its own gradient is needed too.
        let only_inside = inner
            .iter()
            .all(|name| graph.consumers(name).count() == 1 && !kept.contains(name));
        let Some(rule) = rules::find(&whole).filter(|_| only_inside) else {
            continue;
        };
        chain.retain(|link| !inner.contains(&link.node.output[0]));
        let last = chain
            .iter_mut()
            .find(|link| link.node.output == whole.output)
            .expect("the function was found by its last node");
        *last = Link { node: whole, rule };
    }
}

/// Nodes that make up one function.
struct CompoundFunction {
    /// The tensors between them.
    inner: Vec<String>,
    /// The node that computes the same.
    whole: NodeProto,
}

/// `y = x · σ(x)`, the factors in either order
fn swish(graph: &Graph<'_>, last: &NodeProto) -> Option<CompoundFunction> {
    if last.op_type() != "Mul" {
        return None;
    }
    let [a, b] = last.input.as_slice() else {
        return None;
    };
    let is_sigmoid_of = |s: &str, x: &String| input_of(graph, "Sigmoid", s) == Some(x);
    let (x, s) = match (is_sigmoid_of(b, a), is_sigmoid_of(a, b)) {
        (true, false) => (a, b),
        (false, true) => (b, a),
        _ => return None,
    };
    let attributes = [("sigmoid", s.as_str().into())];
    Some(CompoundFunction {
        inner: vec![s.clone()],
        whole: NodeProto::new("Swish", &[x], &last.output[0], &attributes),
    })
}

/// `y = x · (1 + erf(x / √2)) · ½`, the factors in any order
fn gelu(graph: &Graph<'_>, last: &NodeProto) -> Option<CompoundFunction> {
    if last.op_type() != "Mul" {
        return None;
    }
    let mut inner = Vec::new();
    // The factors of y: x, ½ and 1 + erf.
    let (mut factors, mut open) = (Vec::new(), vec![last.output[0].clone()]);
    while let Some(name) = open.pop() {
        match graph.producer(&name).filter(|n| n.op_type() == "Mul") {
            Some(product) if factors.len() + open.len() < 3 => {
                open.extend(product.input.iter().cloned());
                inner.push(name);
            }
            _ => factors.push(name),
        }
    }
    inner.remove(0);
    let half = factors
        .iter()
        .position(|name| scalar(graph, name) == Some(0.5))?;
    factors.remove(half);
    let [a, b] = factors.as_slice() else {
        return None;
    };
    let (x, error_function) = match error_function(graph, a, b) {
        Some(found) => (a, found),
        None => (b, error_function(graph, b, a)?),
    };
    inner.extend(error_function);
    Some(CompoundFunction {
        inner,
        whole: NodeProto::new("Gelu", &[x], &last.output[0], &[]),
    })
}

/// The tensors between x and `sum = 1 + erf(x / √2)`, if that is what `sum` is: the sum, erf and
/// the scaled x.
fn error_function(graph: &Graph<'_>, x: &str, sum: &str) -> Option<[String; 3]> {
    let ScalarOperands {
        tensor: erf,
        scalar: one,
    } = with_scalar(graph, "Add", sum)?;
    let scaled = input_of(graph, "Erf", &erf)?;
    let (from, factor) = match graph.producer(scaled)?.op_type() {
        "Div" => {
            let quotient = with_scalar(graph, "Div", scaled)?;
            (quotient.tensor, 1.0 / quotient.scalar)
        }
        _ => {
            let product = with_scalar(graph, "Mul", scaled)?;
            (product.tensor, product.scalar)
        }
    };
    if from != x || one != 1.0 || (factor - std::f32::consts::FRAC_1_SQRT_2).abs() > 1e-5 {
        return None;
    }
    Some([sum.to_owned(), erf, scaled.clone()])
}

/// The input of the node that makes `tensor`, if that is an `op` of one input.
fn input_of<'a>(graph: &Graph<'a>, op: &str, tensor: &str) -> Option<&'a String> {
    let node = graph
        .producer(tensor)
        .filter(|node| node.op_type() == op && node.domain().is_empty())?;
    node.input.first()
}

/// The operands of a node with a constant scalar among its two inputs.
struct ScalarOperands {
    tensor: String,
    scalar: f32,
}

/// The operands of the node that makes `tensor`, if that is an `op` of a tensor and a scalar.
fn with_scalar(graph: &Graph<'_>, op: &str, tensor: &str) -> Option<ScalarOperands> {
    let node = graph
        .producer(tensor)
        .filter(|node| node.op_type() == op && node.domain().is_empty())?;
    let [a, b] = node.input.as_slice() else {
        return None;
    };
    let commutes = op != "Div";
    if let Some(scalar) = scalar(graph, b) {
        return Some(ScalarOperands {
            tensor: a.clone(),
            scalar,
        });
    }
    let scalar = scalar(graph, a).filter(|_| commutes)?;
    Some(ScalarOperands {
        tensor: b.clone(),
        scalar,
    })
}

/// The value of a constant of one number.
fn scalar(graph: &Graph<'_>, name: &str) -> Option<f32> {
    let weight = graph
        .initializer(name)
        .filter(|w| w.dims.is_empty() || w.dims == [1])?;
    match weight.floats().ok()?[..] {
        [value] => Some(value),
        _ => None,
    }
}
