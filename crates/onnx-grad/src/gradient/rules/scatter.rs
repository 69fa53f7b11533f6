//! Operators that write values into a copy of a tensor.

use super::common::{Grads, axis};
use super::positions;
use crate::gradient::builder::{Builder, Value, to_i64};
use crate::gradient::error::unsupported;
use crate::onnx::proto::NodeProto;

/// The largest number of updates that float32 can count.
const MAX_UPDATES: usize = 1 << 24;

/// The update j goes to the index that `indices` have in its place, along an axis; see [`scatter`].
pub(super) fn elements(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (x, indices) = (g.shape(&node.input[0]), g.input(node, 1));
    let axis = axis(node, 0, x.len());
    let positions = positions::of_elements(g, &indices, axis, &x);
    scatter(g, node, dy, &positions)
}

/// Each list of numbers in `indices` says where a slice of updates goes; see [`scatter`].
pub(super) fn slices(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (x, indices) = (g.shape(&node.input[0]), g.input(node, 1));
    let positions = positions::of_slices(g, &indices, 0, &x)
        .ok_or_else(|| unsupported(node, "its indices have no values"))?;
    scatter(g, node, dy, &positions)
}

/// `y = x, with y[p[j]] = u[j]        dx = dy, 0 at p[j]        du[j] = dy[p[j]]`
///
/// `y = x, with y[p[j]] = x[p[j]] + Σ u[j]        dx = dy        du[j] = dy[p[j]]`, reduction `add`
fn scatter(g: &mut Builder, node: &NodeProto, dy: &Value, positions: &Value) -> Grads {
    let dy = g.expand_output(node, dy);
    let u = g.shape(&node.input[2]);
    let du = positions::taken(g, &dy, positions);
    let du = g.reshape_to_gradient(&du, &u);
    match node.string("reduction", "none") {
        "none" if u.iter().product::<usize>() > MAX_UPDATES => Err(unsupported(
            node,
            &format!("more than {MAX_UPDATES} updates"),
        )),
        "none" => {
            let Kept { x, updates } = Kept::new(g, node, positions);
            Ok(vec![Some(g.mul(&dy, &x)), None, Some(g.mul(&du, &updates))])
        }
        "add" => Ok(vec![Some(dy), None, Some(du)]),
        other => Err(unsupported(
            node,
            &format!("reduction '{other}' has no rule"),
        )),
    }
}

/// Which values get into the result: 1 for these, 0 for those that are overwritten.
struct Kept {
    x: Value,
    updates: Value,
}

impl Kept {
    /// Writes the numbers of the updates, from 1, into zeros. If several updates go to one place,
    /// the operator's own choice among them counts.
    fn new(g: &mut Builder, node: &NodeProto, positions: &Value) -> Self {
        let (x, u) = (g.shape(&node.input[0]), g.shape(&node.input[2]));
        let size = g.new_integers("shape", &to_i64(&x));
        let zeros = g.emit("ConstantOfShape", &[&size], &[], x.clone());
        let numbers: Vec<_> = (1..=u.iter().product()).map(|j: usize| j as f32).collect();
        let numbers = g.new_floats("number", &u, &numbers);
        let attributes: Vec<_> = node
            .attribute
            .iter()
            .map(|attribute| (attribute.name(), attribute.clone()))
            .collect();
        let inputs = [&zeros, &g.input(node, 1), &numbers];
        let written = g.emit(node.op_type(), &inputs, &attributes, x);
        let last = positions::taken(g, &written, positions);
        let last = g.reshape(&last, &u);
        let overwritten = g.step(&written);
        Self {
            x: g.complement(&overwritten),
            updates: g.equal(&last, &numbers),
        }
    }
}
