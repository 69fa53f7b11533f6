//! Sums, means and extremes over some axes.

use super::common::{Grads, from_front, times, zeros_to_ones};
use crate::gradient::builder::{Builder, Value};
use crate::gradient::error::GradientError;
use crate::onnx::proto::NodeProto;

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
