//! Operators that only move values.

use super::super::builder::unsupported;
use super::{Builder, Grads, NodeProto, Value};

/// `y = x        dx = dy`
#[allow(clippy::unnecessary_wraps, reason = "a rule of the table")]
pub(super) fn identity(_: &mut Builder, _: &NodeProto, dy: &Value) -> Grads {
    Ok(vec![Some(dy.clone())])
}

/// `y = x in another shape        dx = dy in the shape of x`
pub(super) fn reshape(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (x, y) = (g.shape(&node.input[0]), g.output(node).shape);
    if x.first() != Some(&1) || y.first() != Some(&1) {
        return Err(unsupported(node, &format!("from {x:?} to {y:?} it moves the axis of photos")));
    }
    let dy = g.whole(dy, &y);
    let mut grads = vec![Some(g.reshape(&dy, &x))];
    grads.resize(node.input.len(), None);
    Ok(grads)
}

/// `y = x with its axes in the order perm        dx = dy with its axes in the inverse order`
pub(super) fn transpose(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let rank = dy.shape.len();
    let perm: Vec<_> = match node.ints("perm") {
        Some(perm) => perm.iter().map(|&i| i as usize).collect(),
        None => (0..rank).rev().collect(),
    };
    if perm[0] != 0 {
        return Err(unsupported(node, "it moves the axis of photos"));
    }
    let mut inverse = vec![0; rank];
    for (i, &p) in perm.iter().enumerate() {
        inverse[p] = i;
    }
    let shape = inverse.iter().map(|&i| dy.shape[i]).collect();
    let attribute: Vec<_> = inverse.iter().map(|&i| i as i64).collect();
    Ok(vec![Some(g.emit("Transpose", &[dy], &[("perm", attribute.into())], shape))])
}

/// `y = x₀ | x₁ | …        dxᵢ = the part of dy that came from xᵢ`
pub(super) fn concat(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let y = g.output(node).shape;
    let axis = node.int("axis", 0).rem_euclid(y.len() as i64) as usize;
    if axis == 0 {
        return Err(unsupported(node, "it joins along the axis of photos"));
    }
    let mut shape = dy.shape.clone();
    shape[axis] = y[axis];
    let dy = g.whole(dy, &shape);
    let (mut start, mut grads) = (0, Vec::new());
    for name in &node.input {
        let size = g.shape(name)[axis];
        grads.push(g.wants(name).then(|| slice(g, &dy, axis, start, size)));
        start += size;
    }
    Ok(grads)
}

/// `size` positions of `a` from `start` on along `axis`.
fn slice(g: &mut Builder, a: &Value, axis: usize, start: usize, size: usize) -> Value {
    let bound = |g: &mut Builder, what, n: usize| g.new_integers(what, &[n as i64]);
    let (from, to) = (bound(g, "start", start), bound(g, "end", start + size));
    let along = bound(g, "axis", axis);
    let mut shape = a.shape.clone();
    shape[axis] = size;
    g.emit("Slice", &[a, &from, &to, &along], &[], shape)
}
