//! Operators that only move or repeat values.

use super::common::{Grads, axis, from_front};
use crate::gradient::builder::{Builder, Value, gradient_shape};
use crate::gradient::error::{GradientError, unsupported};
use crate::onnx::proto::NodeProto;

/// `y = x        dx = dy`
pub(super) fn identity(_: &mut Builder, _: &NodeProto, dy: &Value) -> Grads {
    Ok(vec![Some(dy.clone())])
}

/// `y = x in another shape        dx = dy in the shape of x`
pub(super) fn reshape(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let x = g.gradient_shape(&node.input[0]);
    let dy = g.expand_output(node, dy);
    Ok(vec![Some(g.reshape(&dy, &x))])
}

/// `y = x with its axes in the order perm        dx = dy with its axes in the inverse order`
pub(super) fn transpose(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (x, y) = (g.shape(&node.input[0]), g.shape(&node.output[0]));
    let perm: Vec<_> = match node.ints("perm") {
        Some(perm) => perm.iter().map(|&i| i as usize).collect(),
        None => (0..x.len()).rev().collect(),
    };
    let mut inverse = vec![0; perm.len()];
    for (i, &p) in perm.iter().enumerate() {
        inverse[p] = i;
    }
    if perm.first() == Some(&0) && x[0] == 1 {
        return Ok(vec![Some(g.transpose(dy, &inverse))]);
    }
    let dy = g.expand_output(node, dy);
    let dy = g.split_rows(&dy, &y);
    let inverse: Vec<_> = std::iter::once(0)
        .chain(inverse.iter().map(|i| i + 1))
        .collect();
    let dx = g.transpose(&dy, &inverse);
    Ok(vec![Some(g.reshape_to_gradient(&dx, &x))])
}

/// `y = x₀ | x₁ | …        dxᵢ = the part of dy that came from xᵢ`
pub(super) fn concat(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let y = g.shape(&node.output[0]);
    let axis = axis(node, 0, y.len());
    let dy = g.expand_output(node, dy);
    let dy = if axis == 0 { g.split_rows(&dy, &y) } else { dy };
    // The rows have an axis of their own, or take the place of the first one.
    let extra = usize::from(dy.shape.len() > y.len());
    let (mut start, mut grads) = (0, Vec::new());
    for name in &node.input {
        let x = g.shape(name);
        if g.needs_gradient(name) {
            let dx = g.slice(&dy, axis + extra, start, x[axis]);
            grads.push(Some(g.reshape_to_gradient(&dx, &x)));
        } else {
            grads.push(None);
        }
        start += x[axis];
    }
    Ok(grads)
}

/// `y₀ | y₁ | … = x        dx = dy₀ | dy₁ | …`, zeros for a part that the target does not depend on
pub(super) fn split(g: &mut Builder, node: &NodeProto, _: &Value) -> Grads {
    let x = g.shape(&node.input[0]);
    let axis = axis(node, 0, x.len());
    let mut parts = Vec::new();
    let other = node
        .output
        .iter()
        .find_map(|y| g.gradient(y))
        .expect("one output is on the path");
    for name in &node.output {
        let mut y = x.clone();
        y[axis] = g.shape(name).get(axis).copied().unwrap_or_default();
        let part = match g.gradient(name) {
            Some(part) => part,
            None => zero_gradient(g, &other, &y),
        };
        let part = g.expand(&part, &gradient_shape(&y));
        parts.push(g.split_rows(&part, &y));
    }
    let shape = [&[1], &x[..]].concat();
    let dx = g.emit(
        "Concat",
        &parts.iter().collect::<Vec<_>>(),
        &[("axis", (axis as i64 + 1).into())],
        shape,
    );
    Ok(vec![Some(g.reshape_to_gradient(&dx, &x))])
}

/// A gradient of zeros for a tensor of shape `y`, of size 1 along all other axes. It must have as
/// many rows as the others, so it is another gradient times 0.
fn zero_gradient(g: &mut Builder, other: &Value, y: &[usize]) -> Value {
    let mut corner = other.clone();
    for axis in 1..other.shape.len() {
        corner = g.slice(&corner, axis, 0, 1);
    }
    let zero = g.scale(&corner, 0.0);
    g.reshape(&zero, &vec![1; gradient_shape(y).len()])
}

/// `y = x repeated to a larger shape        dx = Σ dy over the repetitions`
pub(super) fn expand(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    Ok(vec![Some(g.unbroadcast(node, 0, dy))])
}

/// `y = n copies of x along each axis        dx = Σ dy over the copies`
pub(super) fn tile(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (x, y) = (g.shape(&node.input[0]), g.shape(&node.output[0]));
    let repeats = g.integers(node, 1)?;
    let dy = g.expand_output(node, dy);
    let dy = g.split_rows(&dy, &y);
    // [rows, n₀, x₀, n₁, x₁, …]
    let copies: Vec<_> = repeats
        .iter()
        .zip(&x)
        .flat_map(|(&n, &size)| [n as usize, size])
        .collect();
    let dy = g.reshape(&dy, &[&[1], &copies[..]].concat());
    let axes: Vec<_> = (0..x.len()).map(|i| 1 + 2 * i).collect();
    let dx = g.sum(&dy, &axes);
    Ok(vec![Some(g.reshape_to_gradient(&dx, &x))])
}

/// `y[c, h·b + i, w·b + j] = x[(i, j, c), h, w]`, or `x[(c, i, j), h, w]` in mode CRD; dx is the
/// inverse of dy
pub(super) fn depth_to_space(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (x, y) = (g.shape(&node.input[0]), g.shape(&node.output[0]));
    let block = node.int("blocksize", 1) as usize;
    let dy = g.merge_rows(dy, &y);
    // [n, c, h, i, w, j]
    let blocks = g.reshape(&dy, &[y[0], y[1], x[2], block, x[3], block]);
    let crd = node.string("mode", "DCR") == "CRD";
    let perm = if crd {
        [0, 1, 3, 5, 2, 4]
    } else {
        [0, 3, 5, 1, 2, 4]
    };
    let turned = g.transpose(&blocks, &perm);
    let dx = g.reshape(&turned, &x);
    Ok(vec![Some(g.reshape_to_gradient(&dx, &x))])
}

/// `y[(i, j, c), h, w] = x[c, h·b + i, w·b + j]`; dx is the inverse of dy, a `DepthToSpace`
pub(super) fn space_to_depth(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (x, y) = (g.shape(&node.input[0]), g.shape(&node.output[0]));
    let dy = g.merge_rows(dy, &y);
    let block = node.int("blocksize", 1);
    let dx = g.emit(
        "DepthToSpace",
        &[&dy],
        &[("blocksize", block.into())],
        x.clone(),
    );
    Ok(vec![Some(g.reshape_to_gradient(&dx, &x))])
}

/// `y = A · x · Bᵀ        dx = Aᵀ · dy · B`, over height and width
pub(super) fn resize(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (x, y) = (g.shape(&node.input[0]), g.shape(&node.output[0]));
    let plain = x.len() == 4
        && x[..2] == y[..2]
        && node.string("coordinate_transformation_mode", "half_pixel") != "tf_crop_and_resize"
        && node.string("keep_aspect_ratio_policy", "stretch") == "stretch";
    if !plain {
        return Err(unsupported(
            node,
            "only height and width of [N, C, H, W] are resized by the rule",
        ));
    }
    let mut dx = g.merge_rows(dy, &y);
    for axis in [2, 3] {
        if x[axis] == y[axis] {
            continue;
        }
        let matrix = interpolation_matrix(g, node, axis)?;
        let mut shape = dx.shape.clone();
        shape[axis] = x[axis];
        dx = if axis == 2 {
            g.emit("MatMul", &[&matrix, &dx], &[], shape)
        } else {
            let transposed = g.transpose(&matrix, &[1, 0]);
            g.emit("MatMul", &[&dx, &transposed], &[], shape)
        };
    }
    Ok(vec![Some(g.reshape_to_gradient(&dx, &x))])
}

/// The transposed interpolation matrix of a `Resize` along one axis, from n to m positions: [n, m].
///
/// It is what the operator itself makes of the n unit vectors, so every mode and every convention
/// about pixel centres is the operator's own.
fn interpolation_matrix(
    g: &mut Builder,
    node: &NodeProto,
    axis: usize,
) -> Result<Value, GradientError> {
    let n = g.shape(&node.input[0])[axis];
    let m = g.shape(&node.output[0])[axis];
    // Unit vectors [1, n, 1, n], resized along the last axis to [1, n, 1, m].
    let mut units = vec![0.0; n * n];
    for i in 0..n {
        units[i * n + i] = 1.0;
    }
    let units = g.new_floats("units", &[1, n, 1, n], &units);
    let attributes: Vec<_> = node
        .attribute
        .iter()
        .filter(|attribute| attribute.name() != "axes")
        .map(|attribute| (attribute.name(), attribute.clone()))
        .collect();
    let scales = match node.input_name(2) {
        Some(_) => g.floats(node, 2)?,
        None => vec![],
    };
    let omitted = Value::omitted();
    let shape = vec![1, n, 1, m];
    let rows = if scales.is_empty() {
        let sizes = g.new_integers("sizes", &[1, n as i64, 1, m as i64]);
        let inputs = [&units, &omitted, &omitted, &sizes];
        g.emit("Resize", &inputs, &attributes, shape)
    } else {
        let axes = from_front(node.ints("axes").unwrap_or(&[0, 1, 2, 3]), 4);
        let place = axes.iter().position(|&a| a == axis).unwrap_or_default();
        let scales = g.new_floats("scales", &[4], &[1.0, 1.0, 1.0, scales[place]]);
        g.emit("Resize", &[&units, &omitted, &scales], &attributes, shape)
    };
    Ok(g.reshape(&rows, &[n, m]))
}
