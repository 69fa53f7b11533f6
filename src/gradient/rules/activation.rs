//! Activations. Each is written on the node's *output*: a forward tensor with a second user would stop ONNX Runtime
//! from fusing the activation into the convolution before it.

use super::{Builder, Error, Grads, NodeProto, Value};

/// `y = max(x, 0)        dx = dy · [y > 0]`
///
/// The step is written as `HardSigmoid(y, 3e38, 0)`: 1 for every y above 3.4e-39, and 0 at 0.
pub(super) fn relu(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let y = g.output(node);
    let open = g.hard_sigmoid(&y, 3e38, 0.0);
    Ok(vec![Some(g.mul(dy, &open))])
}

/// `y = min(max(x, lo), hi)        dx = dy · [lo < y] · [y < hi]`
///
/// With a slope of a power of two, slope·y − slope·lo has no rounding error, so its sign is right.
pub(super) fn clip(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let y = g.output(node);
    let mut dx = dy.clone();
    for (i, sign) in [(1, 1.0), (2, -1.0)] {
        let Some(bound) = bound(g, node, i)? else {
            continue;
        };
        let slope = sign * 2f32.powi(100 - bound.abs().max(1.0).log2().ceil() as i32);
        let open = g.hard_sigmoid(&y, slope, -slope * bound);
        dx = g.mul(&dx, &open);
    }
    let mut grads = vec![Some(dx)];
    grads.resize(node.input.len(), None);
    Ok(grads)
}

/// A bound of `Clip`, or `None` where it is left out or beyond any activation.
fn bound(g: &Builder, node: &NodeProto, i: usize) -> Result<Option<f32>, Error> {
    match node.input_name(i) {
        None => Ok(None),
        Some(_) => Ok(g.floats(node, i)?.first().copied().filter(|b| b.abs() < 1e30)),
    }
}

/// `y = 1 / (1 + e^−x)        dx = dy · y · (1 − y)`
pub(super) fn sigmoid(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let y = g.output(node);
    let one = g.new_floats("one", &[], &[1.0]);
    let rest = g.sub(&one, &y);
    let slope = g.mul(&y, &rest);
    Ok(vec![Some(g.mul(dy, &slope))])
}

/// `y = tanh x        dx = dy · (1 − y²)`
pub(super) fn tanh(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let y = g.output(node);
    let square = g.mul(&y, &y);
    let one = g.new_floats("one", &[], &[1.0]);
    let slope = g.sub(&one, &square);
    Ok(vec![Some(g.mul(dy, &slope))])
}
