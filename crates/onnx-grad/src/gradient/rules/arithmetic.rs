//! Elementwise arithmetic, with numpy's broadcasting.

use super::common::{Grads, times};
use crate::gradient::builder::{Builder, Value};
use crate::onnx::proto::NodeProto;

/// `y = a + b        da = db = dy`
pub(super) fn add(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    sum(g, node, dy)
}

/// `y = Σ xᵢ        dxᵢ = dy`
pub(super) fn sum(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    for_each_input(g, node, |_, _| dy.clone())
}

/// `y = Σ xᵢ / n        dxᵢ = dy / n`
pub(super) fn mean(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let part = g.scale(dy, 1.0 / node.input.len() as f32);
    for_each_input(g, node, |_, _| part.clone())
}

/// `y = a − b        da = dy, db = −dy`
pub(super) fn sub(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    for_each_input(g, node, |g, i| {
        if i == 0 {
            dy.clone()
        } else {
            g.unary("Neg", dy)
        }
    })
}

/// `y = a · b        da = dy · b, db = dy · a`
pub(super) fn mul(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    for_each_input(g, node, |g, i| {
        let other = g.input(node, 1 - i);
        g.mul(dy, &other)
    })
}

/// `y = a / b        da = dy / b, db = −dy · y / b`
pub(super) fn div(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    for_each_input(g, node, |g, i| {
        let (b, y) = (g.input(node, 1), g.output(node));
        let da = g.div(dy, &b);
        if i == 0 {
            return da;
        }
        let db = g.mul(&da, &y);
        g.unary("Neg", &db)
    })
}

/// `y = a − b · q, q = a / b, rounded down or, with `fmod`, towards 0        da = dy, db = −dy · q`
pub(super) fn modulo(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    for_each_input(g, node, |g, i| {
        if i == 0 {
            return dy.clone();
        }
        let [a, b, y] = [g.input(node, 0), g.input(node, 1), g.output(node)];
        let difference = g.sub(&y, &a);
        let quotient = g.div(&difference, &b);
        let minus_q = g.unary("Round", &quotient);
        g.mul(dy, &minus_q)
    })
}

/// `y = x^p        dx = dy · p · x^(p − 1), dp = dy · y · ln x`
pub(super) fn pow(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    for_each_input(g, node, |g, i| {
        let (x, p, y) = (g.input(node, 0), g.input(node, 1), g.output(node));
        let slope = match i {
            0 => {
                // The exponent may be an integer.
                let p = g.emit("Cast", &[&p], &[("to", 1.into())], p.shape.clone());
                let less = g.add_scalar(&p, -1.0);
                let power = g.binary("Pow", &x, &less);
                g.mul(&power, &p)
            }
            _ => {
                let log = g.unary("Log", &x);
                g.mul(&y, &log)
            }
        };
        g.mul(dy, &slope)
    })
}

/// `y = max xᵢ or min xᵢ        dxᵢ = dy · [xᵢ = y] / (number of i with xᵢ = y)`
pub(super) fn extremum(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let y = g.output(node);
    let mut is_extremum = Vec::new();
    for name in &node.input {
        let x = g.forward(name);
        is_extremum.push(g.equal(&x, &y));
    }
    let ties = is_extremum[1..]
        .iter()
        .fold(is_extremum[0].clone(), |sum, one| g.add(&sum, one));
    let share = g.div(dy, &ties);
    for_each_input(g, node, |g, i| g.mul(&share, &is_extremum[i]))
}

/// `y = a where c, b elsewhere        da = dy where c, db = dy elsewhere`, each 0 otherwise
pub(super) fn select(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (condition, zero) = (g.input(node, 0), g.scalar(0.0));
    let dy = &g.expand_output(node, dy);
    let shape = dy.shape.clone();
    for_each_input(g, node, |g, i| {
        let (a, b) = if i == 1 { (dy, &zero) } else { (&zero, dy) };
        g.emit("Where", &[&condition, a, b], &[], shape.clone())
    })
}

/// The gradients of the inputs that need one. `gradient` returns that of input `i` in the shape of
/// the output.
fn for_each_input(
    g: &mut Builder,
    node: &NodeProto,
    mut gradient: impl FnMut(&mut Builder, usize) -> Value,
) -> Grads {
    let mut grads = Vec::new();
    for (i, name) in node.input.iter().enumerate() {
        if g.needs_gradient(name) {
            let dx = gradient(g, i);
            grads.push(Some(g.unbroadcast(node, i, &dx)));
        } else {
            grads.push(None);
        }
    }
    Ok(grads)
}

// Functions of one value.

/// `dx = dy · slope(x, y)`
fn unary_rule(
    g: &mut Builder,
    node: &NodeProto,
    dy: &Value,
    slope: impl FnOnce(&mut Builder, &Value, &Value) -> Value,
) -> Grads {
    let (x, y) = (g.input(node, 0), g.output(node));
    let slope = slope(g, &x, &y);
    times(g, dy, &slope)
}

/// `y = −x        dx = −dy`
pub(super) fn neg(g: &mut Builder, _: &NodeProto, dy: &Value) -> Grads {
    Ok(vec![Some(g.unary("Neg", dy))])
}

/// `y = |x|        dx = dy · sign x`
pub(super) fn abs(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    unary_rule(g, node, dy, |g, x, _| g.unary("Sign", x))
}

/// `y = e^x        dx = dy · y`
pub(super) fn exp(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    unary_rule(g, node, dy, |_, _, y| y.clone())
}

/// `y = ln x        dx = dy / x`
pub(super) fn log(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    unary_rule(g, node, dy, |g, x, _| g.unary("Reciprocal", x))
}

/// `y = √x        dx = dy / 2y`
pub(super) fn sqrt(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    unary_rule(g, node, dy, |g, _, y| {
        let half = g.scalar(0.5);
        g.div(&half, y)
    })
}

/// `y = 1 / x        dx = −dy · y²`
pub(super) fn reciprocal(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    unary_rule(g, node, dy, |g, _, y| {
        let square = g.mul(y, y);
        g.unary("Neg", &square)
    })
}

/// `y = sin x        dx = dy · cos x`
pub(super) fn sin(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    unary_rule(g, node, dy, |g, x, _| g.unary("Cos", x))
}

/// `y = cos x        dx = −dy · sin x`
pub(super) fn cos(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    unary_rule(g, node, dy, |g, x, _| {
        let sine = g.unary("Sin", x);
        g.unary("Neg", &sine)
    })
}

/// `y = tan x        dx = dy · (1 + y²)`
pub(super) fn tan(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    unary_rule(g, node, dy, |g, _, y| quadratic(g, y, 1.0, 1.0))
}

/// `y = asin x        dx = dy / √(1 − x²)`
pub(super) fn asin(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    unary_rule(g, node, dy, |g, x, _| {
        let square = quadratic(g, x, -1.0, 1.0);
        inverse_root(g, &square)
    })
}

/// `y = acos x        dx = −dy / √(1 − x²)`
pub(super) fn acos(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    unary_rule(g, node, dy, |g, x, _| {
        let square = quadratic(g, x, -1.0, 1.0);
        let slope = inverse_root(g, &square);
        g.unary("Neg", &slope)
    })
}

/// `y = atan x        dx = dy / (1 + x²)`
pub(super) fn atan(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    unary_rule(g, node, dy, |g, x, _| {
        let square = quadratic(g, x, 1.0, 1.0);
        g.unary("Reciprocal", &square)
    })
}

/// `y = sinh x        dx = dy · cosh x`
pub(super) fn sinh(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    unary_rule(g, node, dy, |g, x, _| g.unary("Cosh", x))
}

/// `y = cosh x        dx = dy · sinh x`
pub(super) fn cosh(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    unary_rule(g, node, dy, |g, x, _| g.unary("Sinh", x))
}

/// `y = asinh x        dx = dy / √(x² + 1)`
pub(super) fn asinh(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    unary_rule(g, node, dy, |g, x, _| {
        let square = quadratic(g, x, 1.0, 1.0);
        inverse_root(g, &square)
    })
}

/// `y = acosh x        dx = dy / √(x² − 1)`
pub(super) fn acosh(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    unary_rule(g, node, dy, |g, x, _| {
        let square = quadratic(g, x, 1.0, -1.0);
        inverse_root(g, &square)
    })
}

/// `y = atanh x        dx = dy / (1 − x²)`
pub(super) fn atanh(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    unary_rule(g, node, dy, |g, x, _| {
        let square = quadratic(g, x, -1.0, 1.0);
        g.unary("Reciprocal", &square)
    })
}

/// `a · x² + b`
fn quadratic(g: &mut Builder, x: &Value, a: f32, b: f32) -> Value {
    let square = g.mul(x, x);
    let square = g.scale(&square, a);
    g.add_scalar(&square, b)
}

/// `1 / √x`
fn inverse_root(g: &mut Builder, x: &Value) -> Value {
    let root = g.unary("Sqrt", x);
    g.unary("Reciprocal", &root)
}

/// `y = 2/√π · ∫₀ˣ e^−t² dt        dx = dy · 2/√π · e^−x²`
pub(super) fn erf(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    unary_rule(g, node, dy, |g, x, _| {
        let square = g.mul(x, x);
        let exponent = g.unary("Neg", &square);
        let bell = g.unary("Exp", &exponent);
        g.scale(&bell, std::f32::consts::FRAC_2_SQRT_PI)
    })
}
