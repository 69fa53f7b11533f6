//! Functions that exporters write as several nodes, differentiated as one: the slope is then a
//! tensor of the forward half, and each row of the gradient costs one product.

use super::rules::{self, Rule};
use crate::onnx::Graph;
use crate::onnx::proto::{GraphProto, NodeProto};

/// Replaces, in the chain of nodes from target to image, those that make up one function.
pub(super) fn join(
    graph: &GraphProto,
    chain: &mut Vec<(NodeProto, &'static Rule)>,
    kept: &[String],
) {
    let graph = Graph::new(graph);
    let functions = chain
        .iter()
        .filter_map(|(last, _)| swish(&graph, last).or_else(|| gelu(&graph, last)));
    for Function { inner, whole } in functions.collect::<Vec<_>>() {
        // What else uses an inner tensor would still need its gradient.
        let uses = |name: &String| graph.consumers(name).count();
        let alone = inner
            .iter()
            .all(|name| uses(name) == 1 && !kept.contains(name));
        if let (true, Some(rule)) = (alone, rules::find(&whole)) {
            chain.retain(|(node, _)| !inner.contains(&node.output[0]));
            let last = chain
                .iter_mut()
                .find(|(node, _)| node.output == whole.output);
            *last.expect("the function was found by its last node") = (whole, rule);
        }
    }
}

/// Nodes that make up one function.
struct Function {
    /// The tensors between them.
    inner: Vec<String>,
    /// The node that would do the same.
    whole: NodeProto,
}

/// `y = x · σ(x)`
fn swish(graph: &Graph<'_>, last: &NodeProto) -> Option<Function> {
    let ([a, b], "Mul") = (last.input.as_slice(), last.op_type()) else {
        return None;
    };
    let [(x, s)] = [(a, b), (b, a)]
        .into_iter()
        .filter(|(x, s)| of(graph, "Sigmoid", s) == Some(x))
        .collect::<Vec<_>>()[..]
    else {
        return None;
    };
    let whole = NodeProto::of(
        "Swish",
        &[x],
        &last.output[0],
        &[("sigmoid", s.as_str().into())],
    );
    Some(Function {
        inner: vec![s.clone()],
        whole,
    })
}

/// `y = x · (1 + erf(x / √2)) · ½`, the products in any order
fn gelu(graph: &Graph<'_>, last: &NodeProto) -> Option<Function> {
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
    [(a, b), (b, a)].into_iter().find_map(|(x, sum)| {
        let (erf, one) = with_scalar(graph, "Add", sum)?;
        let scaled = of(graph, "Erf", &erf)?;
        let (from, factor) = match graph.producer(scaled)?.op_type() {
            "Div" => with_scalar(graph, "Div", scaled).map(|(x, divisor)| (x, 1.0 / divisor))?,
            _ => with_scalar(graph, "Mul", scaled)?,
        };
        if from != *x || one != 1.0 || (factor - std::f32::consts::FRAC_1_SQRT_2).abs() > 1e-5 {
            return None;
        }
        let inner = inner.iter().chain([sum, &erf, scaled]).cloned().collect();
        Some(Function {
            inner,
            whole: NodeProto::of("Gelu", &[x], &last.output[0], &[]),
        })
    })
}

/// The input of the node that makes `tensor`, where that is an `op` of one input.
fn of<'a>(graph: &Graph<'a>, op: &str, tensor: &str) -> Option<&'a String> {
    let node = graph
        .producer(tensor)
        .filter(|node| node.op_type() == op && node.domain().is_empty())?;
    node.input.first()
}

/// The two inputs of the node that makes `tensor`, where that is an `op` of a tensor and a scalar.
fn with_scalar(graph: &Graph<'_>, op: &str, tensor: &str) -> Option<(String, f32)> {
    let node = graph
        .producer(tensor)
        .filter(|node| node.op_type() == op && node.domain().is_empty())?;
    let [a, b] = node.input.as_slice() else {
        return None;
    };
    let commutes = op != "Div";
    let second = scalar(graph, b).map(|value| (a.clone(), value));
    second.or_else(|| {
        scalar(graph, a)
            .filter(|_| commutes)
            .map(|value| (b.clone(), value))
    })
}

fn scalar(graph: &Graph<'_>, name: &str) -> Option<f32> {
    let weight = graph
        .initializer(name)
        .filter(|w| w.dims.is_empty() || w.dims == [1])?;
    match weight.floats().ok()?[..] {
        [value] => Some(value),
        _ => None,
    }
}
