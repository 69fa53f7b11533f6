//! Operators that only move or repeat values.

use super::{Builder, Grads, NodeProto, Value, axis, from_front, unsupported};
use crate::gradient::builder::row;

/// `y = x        dx = dy`
pub(super) fn identity(_: &mut Builder, _: &NodeProto, dy: &Value) -> Grads {
    Ok(vec![Some(dy.clone())])
}

/// `y = x in another shape        dx = dy in the shape of x`
pub(super) fn reshape(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let x = g.row(&node.input[0]);
    let dy = g.whole_output(node, dy);
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
    let dy = g.whole_output(node, dy);
    let dy = g.apart(&dy, &y);
    let inverse: Vec<_> = std::iter::once(0)
        .chain(inverse.iter().map(|i| i + 1))
        .collect();
    let dx = g.transpose(&dy, &inverse);
    Ok(vec![Some(g.settle(&dx, &x))])
}

/// `y = x₀ | x₁ | …        dxᵢ = the part of dy that came from xᵢ`
pub(super) fn concat(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let y = g.shape(&node.output[0]);
    let axis = axis(node, 0, y.len());
    let dy = g.whole_output(node, dy);
    let dy = if axis == 0 { g.apart(&dy, &y) } else { dy };
    // The rows stand in front of the first axis, or in its place.
    let apart = usize::from(dy.shape.len() > y.len());
    let (mut start, mut grads) = (0, Vec::new());
    for name in &node.input {
        let x = g.shape(name);
        let wanted = g.wants(name);
        grads.push(
            wanted
                .then(|| g.slice(&dy, axis + apart, start, x[axis]))
                .map(|dx| g.settle(&dx, &x)),
        );
        start += x[axis];
    }
    Ok(grads)
}

/// `y₀ | y₁ | … = x        dx = dy₀ | dy₁ | …`, zeros for a part that leads nowhere
pub(super) fn split(g: &mut Builder, node: &NodeProto, _: &Value) -> Grads {
    let x = g.shape(&node.input[0]);
    let axis = axis(node, 0, x.len());
    let mut parts = Vec::new();
    // Zeros need as many rows as the gradients; these are a gradient times 0.
    let some = node
        .output
        .iter()
        .find_map(|y| g.gradient(y))
        .expect("one output is on the path");
    for name in &node.output {
        let mut y = x.clone();
        y[axis] = g.shape(name).get(axis).copied().unwrap_or_default();
        let part = match g.gradient(name) {
            Some(part) => part,
            None => {
                let corner = (1..some.shape.len())
                    .fold(some.clone(), |part, axis| g.slice(&part, axis, 0, 1));
                let zero = g.scale(&corner, 0.0);
                g.reshape(&zero, &vec![1; row(&y).len()])
            }
        };
        let part = g.whole(&part, &row(&y));
        parts.push(g.apart(&part, &y));
    }
    let shape = [&[1], &x[..]].concat();
    let dx = g.emit(
        "Concat",
        &parts.iter().collect::<Vec<_>>(),
        &[("axis", (axis as i64 + 1).into())],
        shape,
    );
    Ok(vec![Some(g.settle(&dx, &x))])
}

/// `y = x repeated to a larger shape        dx = Σ dy over the repetitions`
pub(super) fn expand(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    Ok(vec![Some(g.unbroadcast(node, 0, dy))])
}

/// `y = x laid n times side by side along each axis        dx = Σ dy over the copies`
pub(super) fn tile(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (x, y) = (g.shape(&node.input[0]), g.shape(&node.output[0]));
    let repeats = g.integers(node, 1)?;
    let dy = g.whole_output(node, dy);
    let dy = g.apart(&dy, &y);
    // [rows, n₀, x₀, n₁, x₁, …]
    let copies: Vec<_> = repeats
        .iter()
        .zip(&x)
        .flat_map(|(&n, &size)| [n as usize, size])
        .collect();
    let dy = g.reshape(&dy, &[&[1], &copies[..]].concat());
    let axes: Vec<_> = (0..x.len()).map(|i| 1 + 2 * i).collect();
    let dx = g.sum(&dy, &axes);
    Ok(vec![Some(g.settle(&dx, &x))])
}

/// `y[c, h·b + i, w·b + j] = x[(i, j, c), h, w]`, or `x[(c, i, j), h, w]` in mode CRD        dx the
/// way back
pub(super) fn depth_to_space(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (x, y) = (g.shape(&node.input[0]), g.shape(&node.output[0]));
    let block = node.int("blocksize", 1) as usize;
    let dy = g.together(dy, &y);
    // [n, c, h, i, w, j]
    let apart = g.reshape(&dy, &[y[0], y[1], x[2], block, x[3], block]);
    let crd = node.string("mode", "DCR") == "CRD";
    let perm = if crd {
        [0, 1, 3, 5, 2, 4]
    } else {
        [0, 3, 5, 1, 2, 4]
    };
    let turned = g.transpose(&apart, &perm);
    let dx = g.reshape(&turned, &x);
    Ok(vec![Some(g.settle(&dx, &x))])
}

/// `y[(i, j, c), h, w] = x[c, h·b + i, w·b + j]        dx the way back`
pub(super) fn space_to_depth(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (x, y) = (g.shape(&node.input[0]), g.shape(&node.output[0]));
    let dy = g.together(dy, &y);
    let block = node.int("blocksize", 1);
    let dx = g.emit(
        "DepthToSpace",
        &[&dy],
        &[("blocksize", block.into())],
        x.clone(),
    );
    Ok(vec![Some(g.settle(&dx, &x))])
}

/// `y = A · x · Bᵀ` over height and width        `dx = Aᵀ · dy · B`
///
/// The matrices of the interpolation are what the operator itself makes of unit vectors, so that
/// every mode and every convention about pixel centres is the operator's own.
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
    let axes = from_front(node.ints("axes").unwrap_or(&[0, 1, 2, 3]), 4);
    let mut dx = g.together(dy, &y);
    for axis in [2, 3] {
        if x[axis] == y[axis] {
            continue;
        }
        // Unit vectors [1, n, 1, n], resized along the last axis to [1, n, 1, m].
        let n = x[axis];
        let units: Vec<_> = (0..n * n)
            .map(|i| if i % (n + 1) == 0 { 1.0 } else { 0.0 })
            .collect();
        let units = g.new_floats("units", &[1, n, 1, n], &units);
        let none = Value {
            name: String::new(),
            shape: vec![],
        };
        let attributes = node.attribute.iter().filter(|a| a.name() != "axes");
        let attributes: Vec<_> = attributes.map(|a| (a.name(), a.clone())).collect();
        let scales = match node.input_name(2) {
            Some(_) if !g.floats(node, 2)?.is_empty() => {
                let place = axes.iter().position(|&a| a == axis).unwrap_or_default();
                let scale = g.floats(node, 2)?[place];
                vec![g.new_floats("scales", &[4], &[1.0, 1.0, 1.0, scale])]
            }
            _ => vec![
                none.clone(),
                g.new_integers("sizes", &[1, n as i64, 1, y[axis] as i64]),
            ],
        };
        let inputs: Vec<_> = [&units, &none].into_iter().chain(&scales).collect();
        let rows = g.emit("Resize", &inputs, &attributes, vec![1, n, 1, y[axis]]);
        let matrix = g.reshape(&rows, &[n, y[axis]]);
        let mut shape = dx.shape.clone();
        shape[axis] = n;
        dx = if axis == 2 {
            g.emit("MatMul", &[&matrix, &dx], &[], shape)
        } else {
            let turned = g.transpose(&matrix, &[1, 0]);
            g.emit("MatMul", &[&dx, &turned], &[], shape)
        };
    }
    Ok(vec![Some(g.settle(&dx, &x))])
}
