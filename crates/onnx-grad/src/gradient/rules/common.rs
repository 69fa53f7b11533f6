//! What many rules use.

use crate::gradient::builder::{Builder, Value};
use crate::gradient::error::GradientError;
use crate::onnx::proto::NodeProto;

/// The gradients of a node's inputs, in order. An input without a gradient is `None` or, at the
/// end, left out.
pub(in crate::gradient) type Grads = Result<Vec<Option<Value>>, GradientError>;

/// `dx = dy · slope`, the last step of many rules of one input
pub(super) fn times(g: &mut Builder, dy: &Value, slope: &Value) -> Grads {
    Ok(vec![Some(g.mul(dy, slope))])
}

/// The attribute `axis` of a node, counted from the front of `rank` axes.
pub(super) fn axis(node: &NodeProto, default: i64, rank: usize) -> usize {
    node.int("axis", default).rem_euclid(rank as i64) as usize
}

/// Positions among `count`, counted from the front. ONNX counts negative positions from the end.
pub(super) fn from_front(positions: &[i64], count: usize) -> Vec<usize> {
    positions
        .iter()
        .map(|i| i.rem_euclid(count as i64) as usize)
        .collect()
}

/// `a`, or 1 where it is 0; for a ≥ 0
pub(super) fn zeros_to_ones(g: &mut Builder, a: &Value) -> Value {
    let positive = g.step(a);
    let zero = g.complement(&positive);
    g.add(a, &zero)
}
