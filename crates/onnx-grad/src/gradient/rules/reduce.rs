//! Sums, means and extremes over some axes, and running sums.

use super::common::{Grads, from_front, times, zeros_to_ones};
use crate::gradient::builder::{Builder, Value};
use crate::gradient::error::{GradientError, unsupported};
use crate::onnx::proto::NodeProto;

/// The ONNX element type bool.
const BOOL: i64 = 9;
/// The largest tensor of factors that is made, in values.
const MAX_FACTORS: usize = 1 << 25;

/// A reduction with its input and result.
struct Reduction {
    x: Value,
    /// The result, with size 1 along the reduced axes.
    y: Value,
    /// The gradient of the result, likewise.
    dy: Value,
    /// The number of values that each result combines.
    count: usize,
}

impl Reduction {
    fn new(g: &mut Builder, node: &NodeProto, dy: &Value) -> Result<Self, GradientError> {
        let x = g.input(node, 0);
        let rank = x.shape.len();
        let axes: Vec<usize> = match node.input_name(1) {
            Some(_) => from_front(&g.integers(node, 1)?, rank),
            None => vec![],
        };
        let all = axes.is_empty() && node.int("noop_with_empty_axes", 0) == 0;
        let reduced = |i: usize| all || axes.contains(&i);
        let kept: Vec<_> = (0..rank)
            .map(|i| if reduced(i) { 1 } else { x.shape[i] })
            .collect();
        let count = (0..rank)
            .filter(|&i| reduced(i))
            .map(|i| x.shape[i])
            .product();
        let y = g.output(node);
        let dy = g.expand_output(node, dy);
        // The rows take the place of a first axis of x, not of the result, that has size 1.
        let with_rows = if x.shape.first() == Some(&1) {
            kept.clone()
        } else {
            [&[1], &kept[..]].concat()
        };
        let dy = g.reshape(&dy, &with_rows);
        let y = if rank == 0 { y } else { g.reshape(&y, &kept) };
        Ok(Self { x, y, dy, count })
    }
}

/// `y = Σ x / n        dx = dy / n`, the same along the axes
pub(super) fn mean(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let r = Reduction::new(g, node, dy)?;
    Ok(vec![Some(g.scale(&r.dy, 1.0 / r.count as f32))])
}

/// `y = Σ x        dx = dy`, the same along the axes
pub(super) fn sum(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    Ok(vec![Some(Reduction::new(g, node, dy)?.dy)])
}

/// `y = Π x        dx = dy · Π of the other x`
pub(super) fn product(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let r = Reduction::new(g, node, dy)?;
    let n = r.count;
    if n == 1 {
        return Ok(vec![Some(r.dy)]);
    }
    let total: usize = r.x.shape.iter().product();
    if n * total > MAX_FACTORS {
        return Err(unsupported(
            node,
            &format!("it multiplies {n} numbers {} times", total / n),
        ));
    }
    // [results, n], then [results, n, n] with 1 in the place of the factor that is left out.
    let (reduced, kept): (Vec<_>, Vec<_>) = (0..r.x.shape.len()).partition(|&i| r.y.shape[i] == 1);
    let perm = [kept, reduced].concat();
    let x = g.transpose(&r.x, &perm);
    let factors = g.reshape(&x, &[total / n, 1, n]);
    let mut unit = vec![0.0; n * n];
    unit.iter_mut().step_by(n + 1).for_each(|v| *v = 1.0);
    let unit = g.new_floats("identity", &[n, n], &unit);
    let left_out = g.emit("Cast", &[&unit], &[("to", BOOL.into())], vec![n, n]);
    let one = g.scalar(1.0);
    let shape = vec![total / n, n, n];
    let others = g.emit("Where", &[&left_out, &one, &factors], &[], shape);
    let last = g.new_integers("axes", &[2]);
    let slope = g.emit("ReduceProd", &[&others, &last], &[], vec![total / n, n, 1]);
    let slope = g.reshape(&slope, &x.shape);
    let mut inverse = vec![0; perm.len()];
    for (i, &axis) in perm.iter().enumerate() {
        inverse[axis] = i;
    }
    let slope = g.transpose(&slope, &inverse);
    times(g, &r.dy, &slope)
}

/// `y = max x or min x        dx = dy · [x = y] / (number of x with x = y)`
pub(super) fn extremum(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let r = Reduction::new(g, node, dy)?;
    let is_extremum = g.equal(&r.x, &r.y);
    let axes: Vec<_> = (0..r.x.shape.len())
        .filter(|&i| r.y.shape[i] == 1)
        .collect();
    let ties = g.sum(&is_extremum, &axes);
    let share = g.div(&is_extremum, &ties);
    times(g, &r.dy, &share)
}

/// `y = Σ |x|        dx = dy · sign x`
pub(super) fn l1(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let r = Reduction::new(g, node, dy)?;
    let sign = g.unary("Sign", &r.x);
    times(g, &r.dy, &sign)
}

/// `y = √Σ x²        dx = dy · x / y`, 0 where y is 0
pub(super) fn l2(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let r = Reduction::new(g, node, dy)?;
    let y = zeros_to_ones(g, &r.y);
    let slope = g.div(&r.x, &y);
    times(g, &r.dy, &slope)
}

/// `y = Σ x²        dx = dy · 2x`
pub(super) fn sum_square(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let r = Reduction::new(g, node, dy)?;
    let twice = g.scale(&r.x, 2.0);
    times(g, &r.dy, &twice)
}

/// `y = ln Σ x        dx = dy · e^−y`, the same along the axes
pub(super) fn log_sum(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let r = Reduction::new(g, node, dy)?;
    let minus = g.unary("Neg", &r.y);
    let slope = g.unary("Exp", &minus);
    times(g, &r.dy, &slope)
}

/// `y = ln Σ e^x        dx = dy · e^(x − y)`
pub(super) fn log_sum_exp(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let r = Reduction::new(g, node, dy)?;
    let difference = g.sub(&r.x, &r.y);
    let slope = g.unary("Exp", &difference);
    times(g, &r.dy, &slope)
}

/// `y[j] = Σ x[i] over i ≤ j        dx[i] = Σ dy[j] over j ≥ i`, along an axis
///
/// With `reverse`, i ≥ j and j ≤ i. With `exclusive`, without i = j.
pub(super) fn running_sum(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let x = g.shape(&node.input[0]);
    let [axis] = from_front(&g.integers(node, 1)?, x.len())[..] else {
        return Err(unsupported(node, "its axis is not one number"));
    };
    let dy = g.expand_output(node, dy);
    let dy = g.split_rows(&dy, &x);
    let axis = g.new_integer("axis", axis as i64 + 1);
    let attributes = [
        ("exclusive", node.int("exclusive", 0).into()),
        ("reverse", (1 - node.int("reverse", 0)).into()),
    ];
    let dx = g.emit("CumSum", &[&dy, &axis], &attributes, dy.shape.clone());
    Ok(vec![Some(g.reshape_to_gradient(&dx, &x))])
}
