//! Activations. Their derivative is computed from the output where that is possible: if the input
//! had a second user, ONNX Runtime could not fuse the activation into the convolution before it.

use super::common::{Grads, times};
use crate::gradient::builder::{Builder, Value};
use crate::gradient::error::{GradientError, unsupported};
use crate::gradient::options::ReluRule;
use crate::onnx::proto::NodeProto;

/// `y = max(x, 0)        dx = dy · [y > 0]`, and the other two of [`ReluRule`]
pub(super) fn relu(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let y = g.output(node);
    g.found_relu = true;
    let dy = if g.relu == ReluRule::Gradient {
        dy.clone()
    } else {
        g.unary("Relu", dy)
    };
    if g.relu == ReluRule::Deconvnet {
        return Ok(vec![Some(dy)]);
    }
    let open = g.step(&y);
    times(g, &dy, &open)
}

/// `y = min(max(x, lo), hi)        dx = dy · [lo < y] · [y < hi]`
///
/// A lower bound of 0 is treated as a ReLU.
pub(super) fn clip(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let y = g.output(node);
    let mut dx = dy.clone();
    if let Some(low) = bound(g, node, 1)? {
        let relu = if low == 0.0 {
            g.relu
        } else {
            ReluRule::Gradient
        };
        if relu != ReluRule::Gradient {
            g.found_relu = true;
            dx = g.unary("Relu", &dx);
        }
        if relu != ReluRule::Deconvnet {
            let open = g.above(&y, low);
            dx = g.mul(&dx, &open);
        }
    }
    if let Some(high) = bound(g, node, 2)? {
        let open = g.below(&y, high);
        dx = g.mul(&dx, &open);
    }
    Ok(vec![Some(dx)])
}

/// A bound of `Clip`, or `None` if it is left out or no activation reaches it.
fn bound(g: &Builder, node: &NodeProto, i: usize) -> Result<Option<f32>, GradientError> {
    if node.input_name(i).is_none() {
        return Ok(None);
    }
    let bound = g.floats(node, i)?.first().copied();
    Ok(bound.filter(|b| b.abs() < 1e30))
}

/// `y = 1 / (1 + e^−x)        dx = dy · y · (1 − y)`
pub(super) fn sigmoid(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let y = g.output(node);
    let rest = g.complement(&y);
    let slope = g.mul(&y, &rest);
    times(g, dy, &slope)
}

/// `y = tanh x        dx = dy · (1 − y²)`
pub(super) fn tanh(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let y = g.output(node);
    let square = g.mul(&y, &y);
    let slope = g.complement(&square);
    times(g, dy, &slope)
}

/// `a` where `open` is 1, `b` where it is 0: `open · a + (1 − open) · b`
fn either(g: &mut Builder, open: &Value, a: &Value, b: &Value) -> Value {
    let closed = g.complement(open);
    let (a, b) = (g.mul(open, a), g.mul(&closed, b));
    g.add(&a, &b)
}

/// `y = x for x > 0, α · x otherwise        dx = dy · ([x > 0] + α · [x ≤ 0])`
pub(super) fn leaky_relu(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let alpha = node.float("alpha", 0.01);
    // With α > 0, y has the sign of x.
    let sign = if alpha > 0.0 {
        g.output(node)
    } else {
        g.input(node, 0)
    };
    let open = g.step(&sign);
    let slope = g.scale(&open, 1.0 - alpha);
    let slope = g.add_scalar(&slope, alpha);
    times(g, dy, &slope)
}

/// `y = x for x > 0, s · x otherwise`
///
/// `dx = dy · ([x > 0] + s · [x ≤ 0]), ds = dy · x · [x ≤ 0]`
pub(super) fn prelu(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (x, s) = (g.input(node, 0), g.input(node, 1));
    let open = g.step(&x);
    let one = g.scalar(1.0);
    let slope = either(g, &open, &one, &s);
    let mut dxs = vec![Some(g.mul(dy, &slope))];
    if g.needs_gradient(&node.input[1]) {
        let closed = g.complement(&open);
        let closed = g.mul(&closed, &x);
        let ds = g.mul(dy, &closed);
        dxs.push(Some(g.unbroadcast(node, 1, &ds)));
    }
    Ok(dxs)
}

/// `y = max(x, 0) + min(0, α · (e^x − 1))        dx = dy for x > 0, dy · (y + α) otherwise`
pub(super) fn elu(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let slope = ExponentialSlope {
        right: 1.0,
        factor: 1.0,
        offset: node.float("alpha", 1.0),
    };
    slope.apply(g, node, dy)
}

/// `y = γ · (max(x, 0) + min(0, α · (e^x − 1)))`
///
/// `dx = dy · γ for x > 0, dy · (y + γ · α) otherwise`
pub(super) fn selu(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (alpha, gamma) = (
        node.float("alpha", 1.673_263_2),
        node.float("gamma", 1.050_701),
    );
    let slope = ExponentialSlope {
        right: gamma,
        factor: 1.0,
        offset: gamma * alpha,
    };
    slope.apply(g, node, dy)
}

/// `y = max(x, 0) + min(0, α · (e^(x/α) − 1))        dx = dy for x > 0, dy · (y / α + 1) otherwise`
pub(super) fn celu(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let slope = ExponentialSlope {
        right: 1.0,
        factor: 1.0 / node.float("alpha", 1.0),
        offset: 1.0,
    };
    slope.apply(g, node, dy)
}

/// The derivative of an activation that is linear for x > 0 and exponential otherwise.
struct ExponentialSlope {
    right: f32,
    factor: f32,
    offset: f32,
}

impl ExponentialSlope {
    /// `dx = dy · right for x > 0, dy · (factor · y + offset) otherwise`
    fn apply(&self, g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
        let (x, y) = (g.input(node, 0), g.output(node));
        let open = g.step(&x);
        let right = g.scalar(self.right);
        let left = g.scale(&y, self.factor);
        let left = g.add_scalar(&left, self.offset);
        let slope = either(g, &open, &right, &left);
        times(g, dy, &slope)
    }
}

/// `y = x for x > α, 0 otherwise        dx = dy · [x > α]`
pub(super) fn thresholded_relu(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let x = g.input(node, 0);
    let open = g.above(&x, node.float("alpha", 1.0));
    times(g, dy, &open)
}

/// `y = x + b for x < −λ, x − b for x > λ, 0 otherwise        dx = dy · [|x| > λ]`
pub(super) fn shrink(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let x = g.input(node, 0);
    let size = g.unary("Abs", &x);
    let open = g.above(&size, node.float("lambd", 0.5));
    times(g, dy, &open)
}

/// `y = max(0, min(1, α · x + β))        dx = dy · α · [0 < y] · [y < 1]`
pub(super) fn hard_sigmoid(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let y = g.output(node);
    let slope = band(g, &y);
    let slope = g.scale(&slope, node.float("alpha", 0.2));
    times(g, dy, &slope)
}

/// `[0 < y] · [y < 1]`
fn band(g: &mut Builder, y: &Value) -> Value {
    let (above, below) = (g.above(y, 0.0), g.below(y, 1.0));
    g.mul(&above, &below)
}

/// `y = x · h, h = max(0, min(1, x/6 + 1/2))        dx = dy · (h + x/6 · [0 < h] · [h < 1])`
pub(super) fn hard_swish(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let x = g.input(node, 0);
    let h = g.hard_sigmoid(&x, 1.0 / 6.0, 0.5);
    let band = band(g, &h);
    let sixth = g.scale(&x, 1.0 / 6.0);
    let slope = g.mul(&sixth, &band);
    let slope = g.add(&slope, &h);
    times(g, dy, &slope)
}

/// `y = ln(1 + e^x)        dx = dy / (1 + e^−x)`
pub(super) fn softplus(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let x = g.input(node, 0);
    let slope = g.unary("Sigmoid", &x);
    times(g, dy, &slope)
}

/// `y = x / (1 + |x|)        dx = dy · (1 − |y|)²`
pub(super) fn softsign(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let y = g.output(node);
    let size = g.unary("Abs", &y);
    let root = g.complement(&size);
    let slope = g.mul(&root, &root);
    times(g, dy, &slope)
}

/// `y = x · s, s = σ(α · x)        dx = dy · (s + α · y · (1 − s))`
pub(super) fn swish(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (x, y, alpha) = (g.input(node, 0), g.output(node), node.float("alpha", 1.0));
    let s = match node.string("sigmoid", "") {
        "" => {
            let scaled = g.scale(&x, alpha);
            g.unary("Sigmoid", &scaled)
        }
        // The exporter wrote two nodes (`compound`).
        sigmoid => g.forward(sigmoid),
    };
    let rest = g.complement(&s);
    let slope = g.mul(&y, &rest);
    let slope = g.scale(&slope, alpha);
    let slope = g.add(&slope, &s);
    times(g, dy, &slope)
}

/// `y = x · t, t = tanh(ln(1 + e^x))        dx = dy · (t + x · σ(x) · (1 − t²))`
pub(super) fn mish(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let x = g.input(node, 0);
    let soft = g.unary("Softplus", &x);
    let t = g.unary("Tanh", &soft);
    let square = g.mul(&t, &t);
    let rest = g.complement(&square);
    let sigmoid = g.unary("Sigmoid", &x);
    let slope = g.mul(&x, &sigmoid);
    let slope = g.mul(&slope, &rest);
    let slope = g.add(&slope, &t);
    times(g, dy, &slope)
}

/// `y = x · Φ(x)        dx = dy · (Φ(x) + x · φ(x))`, with the normal distribution Φ and its
/// density φ
///
/// Or with `approximate="tanh"`:
///
/// `y = x/2 · (1 + t), t = tanh(√(2/π) · (x + c · x³)), c = 0.044715`
///
/// `dx = dy/2 · (1 + t + x · (1 − t²) · √(2/π) · (1 + 3c · x²))`
pub(super) fn gelu(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, SQRT_2};
    let x = g.input(node, 0);
    let slope = match node.string("approximate", "none") {
        "none" => {
            // t = x / √2: Φ = ½ + ½ · erf t, x · φ = t · e^(−t²) / √π
            let t = g.scale(&x, FRAC_1_SQRT_2);
            let erf = g.unary("Erf", &t);
            let distribution = g.hard_sigmoid(&erf, 0.5, 0.5);
            let square = g.mul(&t, &t);
            let exponent = g.unary("Neg", &square);
            let bell = g.unary("Exp", &exponent);
            let bell = g.mul(&t, &bell);
            let density = g.scale(&bell, 0.5 * FRAC_2_SQRT_PI);
            g.add(&distribution, &density)
        }
        "tanh" => {
            let (c, root) = (0.044_715, FRAC_2_SQRT_PI / SQRT_2);
            let square = g.mul(&x, &x);
            let inner = g.scale(&square, c * root);
            let inner = g.add_scalar(&inner, root);
            let inner = g.mul(&x, &inner);
            let t = g.unary("Tanh", &inner);
            let t_square = g.mul(&t, &t);
            let rest = g.complement(&t_square);
            let outer = g.scale(&square, 3.0 * c * root);
            let outer = g.add_scalar(&outer, root);
            let outer = g.mul(&x, &outer);
            let outer = g.mul(&rest, &outer);
            let twice = g.add_scalar(&t, 1.0);
            let slope = g.add(&twice, &outer);
            g.scale(&slope, 0.5)
        }
        other => return Err(unsupported(node, &format!("approximate '{other}'"))),
    };
    times(g, dy, &slope)
}
