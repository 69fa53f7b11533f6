//! Elementwise arithmetic, with numpy's broadcasting.

use super::{Builder, Grads, NodeProto, Value, times};

/// `y = a + b        da = db = dy`
pub(super) fn add(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    sum(g, node, dy)
}

/// `y = Σ xᵢ        dxᵢ = dy`
pub(super) fn sum(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    each(g, node, |_, _| dy.clone())
}

/// `y = Σ xᵢ / n        dxᵢ = dy / n`
pub(super) fn mean(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let part = g.scale(dy, 1.0 / node.input.len() as f32);
    each(g, node, |_, _| part.clone())
}

/// `y = a − b        da = dy, db = −dy`
pub(super) fn sub(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    each(
        g,
        node,
        |g, i| if i == 0 { dy.clone() } else { g.map("Neg", dy) },
    )
}

/// `y = a · b        da = dy · b, db = dy · a`
pub(super) fn mul(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    each(g, node, |g, i| {
        let other = g.input(node, 1 - i);
        g.mul(dy, &other)
    })
}

/// `y = a / b        da = dy / b, db = −dy · y / b`
pub(super) fn div(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    each(g, node, |g, i| {
        let (b, y) = (g.input(node, 1), g.output(node));
        let da = g.div(dy, &b);
        if i == 0 {
            return da;
        }
        let db = g.mul(&da, &y);
        g.map("Neg", &db)
    })
}

/// `y = x^p        dx = dy · p · x^(p − 1), dp = dy · y · ln x`
pub(super) fn pow(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    each(g, node, |g, i| {
        let (x, p, y) = (g.input(node, 0), g.input(node, 1), g.output(node));
        let slope = match i {
            0 => {
                // The exponent may be an integer.
                let p = g.emit("Cast", &[&p], &[("to", 1.into())], p.shape.clone());
                let less = g.shift(&p, -1.0);
                let power = g.zip("Pow", &x, &less);
                g.mul(&power, &p)
            }
            _ => {
                let log = g.map("Log", &x);
                g.mul(&y, &log)
            }
        };
        g.mul(dy, &slope)
    })
}

/// `y = max xᵢ or min xᵢ        dxᵢ = dy · [xᵢ = y] / (how many are)`
pub(super) fn extremum(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let y = g.output(node);
    let taken: Vec<_> = node
        .input
        .iter()
        .map(|name| g.forward(name))
        .collect::<Vec<_>>();
    let taken: Vec<_> = taken.iter().map(|x| g.equal(x, &y)).collect();
    let ties = taken[1..]
        .iter()
        .fold(taken[0].clone(), |sum, one| g.add(&sum, one));
    let share = g.div(dy, &ties);
    each(g, node, |g, i| g.mul(&share, &taken[i]))
}

/// `y = a where c, b elsewhere        da = dy where c, db = dy elsewhere`
pub(super) fn choose(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (condition, zero) = (g.input(node, 0), g.scalar(0.0));
    let dy = &g.whole_output(node, dy);
    let shape = dy.shape.clone();
    each(g, node, |g, i| {
        let (a, b) = if i == 1 { (dy, &zero) } else { (&zero, dy) };
        g.emit("Where", &[&condition, a, b], &[], shape.clone())
    })
}

/// The gradients of the inputs that want one; `of` gives that of input `i` in the shape of the
/// output.
fn each(
    g: &mut Builder,
    node: &NodeProto,
    mut of: impl FnMut(&mut Builder, usize) -> Value,
) -> Grads {
    let mut grads = Vec::new();
    for (i, name) in node.input.iter().enumerate() {
        let wanted = g.wants(name);
        grads.push(
            wanted
                .then(|| of(g, i))
                .map(|dx| g.unbroadcast(node, i, &dx)),
        );
    }
    Ok(grads)
}

// Functions of one value.

/// `dx = dy · slope(x, y)`
fn through(
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
    Ok(vec![Some(g.map("Neg", dy))])
}

/// `y = |x|        dx = dy · sign x`
pub(super) fn abs(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    through(g, node, dy, |g, x, _| g.map("Sign", x))
}

/// `y = e^x        dx = dy · y`
pub(super) fn exp(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    through(g, node, dy, |_, _, y| y.clone())
}

/// `y = ln x        dx = dy / x`
pub(super) fn log(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    through(g, node, dy, |g, x, _| g.map("Reciprocal", x))
}

/// `y = √x        dx = dy / 2y`
pub(super) fn sqrt(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    through(g, node, dy, |g, _, y| {
        let half = g.scalar(0.5);
        g.div(&half, y)
    })
}

/// `y = 1 / x        dx = −dy · y²`
pub(super) fn reciprocal(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    through(g, node, dy, |g, _, y| {
        let square = g.mul(y, y);
        g.map("Neg", &square)
    })
}

/// `y = sin x        dx = dy · cos x`
pub(super) fn sin(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    through(g, node, dy, |g, x, _| g.map("Cos", x))
}

/// `y = cos x        dx = −dy · sin x`
pub(super) fn cos(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    through(g, node, dy, |g, x, _| {
        let sine = g.map("Sin", x);
        g.map("Neg", &sine)
    })
}

/// `y = 2/√π · ∫₀ˣ e^−t² dt        dx = dy · 2/√π · e^−x²`
pub(super) fn erf(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    through(g, node, dy, |g, x, _| {
        let square = g.mul(x, x);
        let exponent = g.map("Neg", &square);
        let bell = g.map("Exp", &exponent);
        g.scale(&bell, std::f32::consts::FRAC_2_SQRT_PI)
    })
}
