//! Rotary position embedding.

use super::common::Grads;
use super::heads;
use crate::gradient::builder::{Builder, Value};
use crate::onnx::proto::NodeProto;

/// `y = R · x, R a rotation of pairs of values        dx = Rᵀ · dy`
///
/// Rᵀ rotates back: it is the operator itself with the sines negated, so the pairs and the part
/// that is left as it is are the operator's own. R is the same for all heads, so the rows of the
/// gradient are taken as further heads.
pub(super) fn embedding(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let x = g.shape(&node.input[0]);
    let count = heads::count(node, &x, "num_heads")?;
    let dy = g.expand_output(node, dy);
    let mut dy = g.split_rows(&dy, &x);
    if x.len() == 3 {
        dy = heads::split(g, &dy, count);
    }
    // [rows, B, H, S, D] as [B, rows · H, S, D]
    let split = dy.shape.clone();
    let [batch, length, size] = [1, 3, 4].map(|axis| split[axis] as i64);
    let by_batch = g.transpose(&dy, &[1, 0, 2, 3, 4]);
    let flat = g.new_integers("shape", &[batch, -1, length, size]);
    let as_heads = g.emit("Reshape", &[&by_batch, &flat], &[], split[1..].to_vec());

    let sine = g.input(node, 2);
    let mut inputs = vec![as_heads, g.input(node, 1), g.unary("Neg", &sine)];
    if let Some(positions) = node.input_name(3) {
        inputs.push(g.forward(positions));
    }
    let attributes: Vec<_> = node
        .attribute
        .iter()
        .filter(|attribute| attribute.name() != "num_heads")
        .map(|attribute| (attribute.name(), attribute.clone()))
        .collect();
    let inputs: Vec<_> = inputs.iter().collect();
    let dx = g.emit("RotaryEmbedding", &inputs, &attributes, split[1..].to_vec());

    let unflat = g.new_integers("shape", &[batch, -1, count as i64, length, size]);
    let dx = g.emit("Reshape", &[&dx, &unflat], &[], by_batch.shape);
    let mut dx = g.transpose(&dx, &[1, 0, 2, 3, 4]);
    if x.len() == 3 {
        dx = heads::merge(g, &dx);
    }
    Ok(vec![Some(g.reshape_to_gradient(&dx, &x))])
}
