//! Matrix products.

use super::common::Grads;
use crate::gradient::builder::{Builder, Value, broadcast};
use crate::onnx::proto::NodeProto;

/// `y = α · A · B + β · C        dA = α · dy · Bᵀ, dB = α · Aᵀ · dy, dC = β · dy`
///
/// With `transA`, A and dA stand for their transposes; likewise with `transB`.
pub(super) fn gemm(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let dy = g.expand_output(node, dy);
    let mut grads = vec![None; 3];
    if g.needs_gradient(&node.input[0]) {
        grads[0] = Some(gemm_left(g, node, &dy));
    }
    if g.needs_gradient(&node.input[1]) {
        grads[1] = Some(gemm_right(g, node, &dy));
    }
    if node.input_name(2).is_some_and(|c| g.needs_gradient(c)) {
        let dc = g.scale(&dy, node.float("beta", 1.0));
        grads[2] = Some(g.unbroadcast(node, 2, &dc));
    }
    Ok(grads)
}

/// `dA = α · dy · Bᵀ`
///
/// If A has one row, dA has one for each row of the gradient, and the product stays a `Gemm` with
/// the same B.
fn gemm_left(g: &mut Builder, node: &NodeProto, dy: &Value) -> Value {
    let (a, b) = (g.input(node, 0), g.input(node, 1));
    let alpha = node.float("alpha", 1.0);
    let [a_transposed, b_transposed] = ["transA", "transB"].map(|name| node.int(name, 0) != 0);
    if a.shape[0] == 1 && !a_transposed {
        let attributes = [
            ("alpha", alpha.into()),
            ("transB", i64::from(!b_transposed).into()),
        ];
        return g.emit("Gemm", &[dy, &b], &attributes, a.shape.clone());
    }
    let dy = g.split_rows(dy, &g.shape(&node.output[0]));
    let b = if b_transposed {
        b
    } else {
        g.transpose(&b, &[1, 0])
    };
    let da = product(g, &dy, &b);
    let da = g.scale(&da, alpha);
    let da = if a_transposed {
        g.transpose(&da, &[0, 2, 1])
    } else {
        da
    };
    g.reshape_to_gradient(&da, &a.shape)
}

/// `dB = α · Aᵀ · dy`
fn gemm_right(g: &mut Builder, node: &NodeProto, dy: &Value) -> Value {
    let (a, b) = (g.input(node, 0), g.input(node, 1));
    let dy = g.split_rows(dy, &g.shape(&node.output[0]));
    let a = if node.int("transA", 0) != 0 {
        a
    } else {
        g.transpose(&a, &[1, 0])
    };
    let db = product(g, &a, &dy);
    let db = g.scale(&db, node.float("alpha", 1.0));
    let db = if node.int("transB", 0) != 0 {
        g.transpose(&db, &[0, 2, 1])
    } else {
        db
    };
    g.reshape_to_gradient(&db, &b.shape)
}

/// a · b over the last two axes, the others broadcast.
pub(super) fn product(g: &mut Builder, a: &Value, b: &Value) -> Value {
    let mut shape = broadcast(&a.shape, &b.shape);
    let rank = shape.len();
    shape[rank - 2] = a.shape[a.shape.len() - 2];
    shape[rank - 1] = b.shape[b.shape.len() - 1];
    g.emit("MatMul", &[a, b], &[], shape)
}

/// `y = a · b        da = dy · bᵀ, db = aᵀ · dy`, over the last two axes; a vector is a matrix of
/// one row or column
pub(super) fn matmul(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let [a, b, y] = [&node.input[0], &node.input[1], &node.output[0]].map(|name| g.forward(name));
    let dy = g.expand_output(node, dy);
    let dy = g.split_rows(&dy, &y.shape);
    let (is_row, is_column) = (a.shape.len() == 1, b.shape.len() == 1);
    let left = if is_row {
        g.reshape(&a, &[1, a.shape[0]])
    } else {
        a.clone()
    };
    let right = if is_column {
        Value {
            shape: vec![b.shape[0], 1],
            ..g.reshape(&b, &[b.shape[0], 1])
        }
    } else {
        b.clone()
    };
    // The shape of y with the axes of row and column.
    let mut full = y.shape.clone();
    if is_row {
        full.insert(full.len() - usize::from(!is_column), 1);
    }
    full.extend(is_column.then_some(1));
    let dy = g.reshape(&dy, &[&[1], &full[..]].concat());
    let mut grads = vec![None, None];
    if g.needs_gradient(&node.input[0]) {
        let da = if right.shape.len() == 2 {
            product_with_shared_matrix(g, &dy, &right, &a.shape)
        } else {
            let transposed = swap_last_axes(g, &right);
            let da = product(g, &dy, &transposed);
            let da = sum_broadcast(g, &da, &left.shape, &full);
            g.reshape_to_gradient(&da, &a.shape)
        };
        grads[0] = Some(da);
    }
    if g.needs_gradient(&node.input[1]) {
        let transposed = swap_last_axes(g, &left);
        let db = product(g, &transposed, &dy);
        let db = sum_broadcast(g, &db, &right.shape, &full);
        grads[1] = Some(g.reshape_to_gradient(&db, &b.shape));
    }
    Ok(grads)
}

/// `da = dy · bᵀ` for a single matrix b, with the rows of all matrices of dy below each other: a
/// `Gemm` that shares b with the forward half
fn product_with_shared_matrix(g: &mut Builder, dy: &Value, b: &Value, a: &[usize]) -> Value {
    let (inner, outer) = (b.shape[0], b.shape[1]);
    let flat = g.reshape(dy, &[1, outer]);
    let attributes = [("transB", 1.into())];
    let da = g.emit("Gemm", &[&flat, b], &attributes, vec![1, inner]);
    g.reshape_to_gradient(&da, a)
}

/// The last two axes exchanged.
pub(super) fn swap_last_axes(g: &mut Builder, a: &Value) -> Value {
    let rank = a.shape.len();
    let mut perm: Vec<usize> = (0..rank).collect();
    perm.swap(rank - 2, rank - 1);
    g.transpose(a, &perm)
}

/// Σ over the leading axes along which an operand of shape `x` was repeated to those of `y`.
fn sum_broadcast(g: &mut Builder, dx: &Value, x: &[usize], y: &[usize]) -> Value {
    let mut full = y.to_vec();
    let rank = full.len();
    full[rank - 2..].copy_from_slice(&x[x.len() - 2..]);
    let missing = rank - x.len();
    let repeated: Vec<_> = (0..rank - 2)
        .filter(|&axis| full[axis] > 1 && (axis < missing || x[axis - missing] == 1))
        .map(|axis| axis + 1)
        .collect();
    g.sum(dx, &repeated)
}
