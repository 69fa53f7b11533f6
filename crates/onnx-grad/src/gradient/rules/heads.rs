//! The heads of a transformer: [.., S, H · D] as [.., H, S, D], and back.

use crate::gradient::builder::{Builder, Value};
use crate::gradient::error::{GradientError, unsupported};
use crate::onnx::proto::NodeProto;

/// The number of heads of a tensor of shape `shape`: its second axis if it has rank 4, otherwise
/// the attribute `attribute`, which must divide the last axis.
pub(super) fn count(
    node: &NodeProto,
    shape: &[usize],
    attribute: &str,
) -> Result<usize, GradientError> {
    match *shape {
        [_, heads, _, _] => Ok(heads),
        [_, _, size] => usize::try_from(node.int(attribute, 0))
            .ok()
            .filter(|&heads| heads > 0 && size % heads == 0)
            .ok_or_else(|| unsupported(node, &format!("`{attribute}` does not divide {size}"))),
        _ => Err(unsupported(node, "its input is not of rank 3 or 4")),
    }
}

/// [.., S, H · D] as [.., H, S, D]
pub(super) fn split(g: &mut Builder, a: &Value, heads: usize) -> Value {
    let mut shape = a.shape.clone();
    let last = shape.len() - 1;
    shape[last] /= heads;
    shape.insert(last, heads);
    let parts = g.reshape(a, &shape);
    exchange(g, &parts, last - 1)
}

/// [.., H, S, D] as [.., S, H · D]
pub(super) fn merge(g: &mut Builder, a: &Value) -> Value {
    let last = a.shape.len() - 1;
    let parts = exchange(g, a, last - 2);
    let mut shape = parts.shape.clone();
    shape[last - 1] *= shape[last];
    shape.pop();
    g.reshape(&parts, &shape)
}

/// Axes `i` and `i + 1` exchanged.
fn exchange(g: &mut Builder, a: &Value, i: usize) -> Value {
    let mut perm: Vec<_> = (0..a.shape.len()).collect();
    perm.swap(i, i + 1);
    g.transpose(a, &perm)
}
