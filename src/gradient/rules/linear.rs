//! Matrix products.

use super::super::builder::unsupported;
use super::{Builder, Grads, NodeProto, Value};

/// `y = α · a · B + β · c        da = α · dy · Bᵀ`
pub(super) fn gemm(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    g.constant(node, 1)?;
    if node.int("transA", 0) != 0 {
        return Err(unsupported(node, "transA moves the axis of photos"));
    }
    let flipped = 1 - node.int("transB", 0);
    let (b, a) = (g.forward(&node.input[1]), g.shape(&node.input[0]));
    let attributes = [("alpha", node.float("alpha", 1.0).into()), ("transB", flipped.into())];
    let whole = g.output(node).shape;
    let dy = g.whole(dy, &whole);
    let da = g.emit("Gemm", &[&dy, &b], &attributes, a);
    let mut grads = vec![Some(da)];
    grads.resize(node.input.len(), None);
    Ok(grads)
}

/// `y = a · b        da = dy · bᵀ, db = aᵀ · dy`, over the last two axes
pub(super) fn matmul(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let whole = g.output(node).shape;
    let dy = g.whole(dy, &whole);
    let (a, b) = (g.forward(&node.input[0]), g.forward(&node.input[1]));
    if a.shape.len() < 2 || b.shape.len() < 2 {
        return Err(unsupported(node, "an operand is a vector"));
    }
    let da = product(g, &dy, &b, false);
    let db = if g.wants(&node.input[1]) { Some(product(g, &dy, &a, true)) } else { None };
    Ok(vec![Some(da), db])
}

/// dy · otherᵀ, or otherᵀ · dy where `left`.
fn product(g: &mut Builder, dy: &Value, other: &Value, left: bool) -> Value {
    let rank = other.shape.len();
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(rank - 2, rank - 1);
    let shape = order.iter().map(|&i| other.shape[i]).collect();
    let perm: Vec<_> = order.iter().map(|&i| i as i64).collect();
    let turned = g.emit("Transpose", &[other], &[("perm", perm.into())], shape);
    let (a, b) = if left { (&turned, dy) } else { (dy, &turned) };
    let longer = if a.shape.len() >= b.shape.len() { a } else { b };
    let mut shape = longer.shape.clone();
    let rank = shape.len();
    for i in 0..rank.min(a.shape.len()).min(b.shape.len()).saturating_sub(2) {
        shape[rank - 3 - i] = a.shape[a.shape.len() - 3 - i].max(b.shape[b.shape.len() - 3 - i]);
    }
    shape[rank - 2] = a.shape[a.shape.len() - 2];
    shape[rank - 1] = b.shape[b.shape.len() - 1];
    g.emit("MatMul", &[a, b], &[], shape)
}
