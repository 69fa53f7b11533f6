//! Functions that exporters write as several nodes, differentiated as one: the slope is then a forward tensor, and each
//! row of the gradient costs one product.

use super::prepare::node;
use super::rules::{self, Rule};
use crate::onnx::Graph;
use crate::onnx::proto::{GraphProto, NodeProto};

/// Replaces, in the chain of nodes from target to image, those that make up one function.
pub(super) fn join(graph: &GraphProto, chain: &mut Vec<(NodeProto, &'static Rule)>, kept: &[&str]) {
    let index = Graph::new(graph);
    let joined: Vec<_> = chain.iter().filter_map(|(last, _)| swish(&index, last, kept)).collect();
    for (inner, whole) in joined {
        chain.retain(|(node, _)| !inner.contains(&node.output[0]));
        let place = chain.iter_mut().find(|(node, _)| node.output == whole.output);
        if let (Some(place), Some(rule)) = (place, rules::find(&whole)) {
            *place = (whole, rule);
        }
    }
}

/// `y = x · σ(x)`, with the names of the inner tensors
fn swish(index: &Graph<'_>, last: &NodeProto, kept: &[&str]) -> Option<(Vec<String>, NodeProto)> {
    let [a, b] = last.input.as_slice() else { return None };
    let is_sigmoid = |x: &str, s: &str| {
        index.producer(s).is_some_and(|n| n.op_type() == "Sigmoid" && n.domain().is_empty() && n.input[0] == *x)
    };
    let (x, s) = if is_sigmoid(a, b) { (a, b) } else { (b, a) };
    let alone = index.consumers(s).count() == 1 && !kept.contains(&s.as_str());
    if last.op_type() != "Mul" || !is_sigmoid(x, s) || !alone {
        return None;
    }
    Some((vec![s.clone()], node("Swish", &[x], &last.output[0], &[("sigmoid", s.as_str().into())])))
}
