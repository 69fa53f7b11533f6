//! Elementwise arithmetic of several tensors, with numpy's broadcasting.

use super::{Builder, Grads, NodeProto, Value};

/// `y = a + b        da = db = dy`
pub(super) fn add(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    sum(g, node, dy)
}

/// `y = Σ xᵢ        dxᵢ = dy`
pub(super) fn sum(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let dy = for_broadcast(g, node, dy);
    Ok(vec![Some(dy); node.input.len()])
}

/// `y = a − b        da = dy, db = −dy`
pub(super) fn sub(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let dy = for_broadcast(g, node, dy);
    let db = g.scale(&dy, -1.0);
    Ok(vec![Some(dy), Some(db)])
}

/// `y = a · b        da = dy · b, db = dy · a`
pub(super) fn mul(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let dy = for_broadcast(g, node, dy);
    let (a, b) = (g.forward(&node.input[0]), g.forward(&node.input[1]));
    Ok(vec![Some(g.mul(&dy, &b)), Some(g.mul(&dy, &a))])
}

/// `y = a / b        da = dy / b, db = −dy · y / b`
pub(super) fn div(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let dy = for_broadcast(g, node, dy);
    let (b, y) = (g.forward(&node.input[1]), g.output(node));
    let da = g.div(&dy, &b);
    let db = g.mul(&da, &y);
    let db = g.scale(&db, -1.0);
    Ok(vec![Some(da), Some(db)])
}

/// `dy`, whole where an input was broadcast: its gradient is then a sum over `dy`, which must not be kept small.
fn for_broadcast(g: &mut Builder, node: &NodeProto, dy: &Value) -> Value {
    let y = g.output(node).shape;
    let broadcast = node.input.iter().any(|name| g.wants(name) && g.shape(name) != y);
    if broadcast { g.whole(dy, &y) } else { dy.clone() }
}
