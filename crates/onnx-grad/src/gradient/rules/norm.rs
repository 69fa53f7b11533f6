//! Normalisations and softmax.

use super::reduce::not_zero;
use super::{Builder, GradientError, Grads, NodeProto, Value, axis, unsupported};
use crate::gradient::rewrite::MAX_CHANNELS;

/// `y = s · (x − μ) / √(v + ε) + b        dx = dy · s / √(v + ε)`, per channel
pub(super) fn batch(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let epsilon = f64::from(node.float("epsilon", 1e-5));
    let (scale, variance) = (g.floats(node, 1)?, g.floats(node, 4)?);
    let factor = |(s, v): (&f32, &f32)| (f64::from(*s) / (f64::from(*v) + epsilon).sqrt()) as f32;
    let factors: Vec<_> = scale.iter().zip(&variance).map(factor).collect();
    let factors = per_channel(g, node, &factors);
    Ok(vec![Some(g.mul(dy, &factors))])
}

/// One constant per channel, [C, 1, ...] for an input [N, C, ...].
fn per_channel(g: &mut Builder, node: &NodeProto, values: &[f32]) -> Value {
    let mut shape = vec![1; g.shape(&node.input[0]).len().saturating_sub(1).max(1)];
    shape[0] = values.len();
    g.new_floats("factor", &shape, values)
}

/// `x̂ = (x − μ) · r, r = 1 / √(v + ε)        dx = r · (t − mean t − x̂ · mean(t · x̂))`, t the
/// gradient of x̂
///
/// Mean and variance are taken over the last `axes` axes.
fn standardised(g: &mut Builder, t: &Value, x_hat: &Value, r: &Value, axes: usize) -> Value {
    let last = |v: &Value| (v.shape.len() - axes..v.shape.len()).collect::<Vec<_>>();
    let shape = [
        &t.shape[..t.shape.len() - axes],
        &x_hat.shape[x_hat.shape.len() - axes..],
    ]
    .concat();
    let t = g.whole(t, &shape);
    let mean = g.mean(&t, &last(&t));
    let product = g.zip("Mul", &t, x_hat);
    let share = g.mean(&product, &last(&product));
    let along = g.mul(x_hat, &share);
    let dx = g.sub(&t, &mean);
    let dx = g.sub(&dx, &along);
    g.mul(&dx, r)
}

/// x̂ and r of [`standardised`], computed anew.
fn standardise(g: &mut Builder, x: &Value, axes: usize, epsilon: f32) -> (Value, Value) {
    let last: Vec<_> = (x.shape.len() - axes..x.shape.len()).collect();
    let mean = g.mean(x, &last);
    let centred = g.sub(x, &mean);
    let square = g.mul(&centred, &centred);
    let variance = g.mean(&square, &last);
    let variance = g.shift(&variance, epsilon);
    let root = g.map("Sqrt", &variance);
    let r = g.map("Reciprocal", &root);
    (g.mul(&centred, &r), r)
}

/// `y = s · x̂ + b`, x̂ standardised over the axes from `axis` on; mean and r are outputs of the
/// forward node
pub(super) fn layer(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (x, s) = (g.input(node, 0), g.input(node, 1));
    let rank = x.shape.len();
    let axis = axis(node, -1, rank);
    let kept: Vec<_> = (0..rank)
        .map(|i| if i < axis { x.shape[i] } else { 1 })
        .collect();
    let mean = g.extra_output(node, 1, kept.clone());
    let r = g.extra_output(node, 2, kept);
    let centred = g.sub(&x, &mean);
    let x_hat = g.mul(&centred, &r);
    let dy = g.whole_output(node, dy);
    let t = g.mul(&dy, &s);
    Ok(vec![Some(standardised(g, &t, &x_hat, &r, rank - axis))])
}

/// `y = s · x̂, x̂ = x · r, r = 1 / √(mean x² + ε)        dx = r · (t − x̂ · mean(t · x̂)), t = dy
/// · s`, means from `axis` on
pub(super) fn root_mean_square(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (x, s) = (g.input(node, 0), g.input(node, 1));
    let axis = axis(node, -1, x.shape.len());
    let dy = g.whole_output(node, dy);
    let from =
        |v: &Value| (v.shape.len() - x.shape.len() + axis..v.shape.len()).collect::<Vec<_>>();
    let square = g.mul(&x, &x);
    let mean = g.mean(&square, &from(&x));
    let mean = g.shift(&mean, node.float("epsilon", 1e-5));
    let root = g.map("Sqrt", &mean);
    let r = g.map("Reciprocal", &root);
    let x_hat = g.mul(&x, &r);
    let t = g.mul(&dy, &s);
    let product = g.zip("Mul", &t, &x_hat);
    let share = g.mean(&product, &from(&product));
    let along = g.mul(&x_hat, &share);
    let dx = g.sub(&t, &along);
    Ok(vec![Some(g.mul(&dx, &r))])
}

/// `y = s · x̂ + b`, x̂ standardised over the positions of each channel of each photo
pub(super) fn instance(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let x = g.input(node, 0);
    let (x_hat, r) = standardise(g, &x, x.shape.len() - 2, node.float("epsilon", 1e-5));
    let scale = g.floats(node, 1)?;
    let scale = per_channel(g, node, &scale);
    let t = g.mul(dy, &scale);
    Ok(vec![Some(standardised(
        g,
        &t,
        &x_hat,
        &r,
        x.shape.len() - 2,
    ))])
}

/// `y = s · x̂ + b`, x̂ standardised over the positions and channels of each group
///
/// Since opset 21 there is a scale for each channel, before one for each group.
pub(super) fn group(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let x = g.input(node, 0);
    if x.shape[0] != 1 {
        return Err(unsupported(node, "its first axis is not that of one photo"));
    }
    let (groups, channels) = (node.int("num_groups", 1) as usize, x.shape[1]);
    let scale = g.floats(node, 1)?;
    let repeat = channels / scale.len();
    let scale: Vec<_> = scale
        .iter()
        .flat_map(|&s| std::iter::repeat_n(s, repeat))
        .collect();
    let scale = per_channel(g, node, &scale);
    let grouped = [1, groups, x.shape[1..].iter().product::<usize>() / groups];
    let flat = g.reshape(&x, &grouped);
    let (x_hat, r) = standardise(g, &flat, 1, node.float("epsilon", 1e-5));
    let dy = g.whole_output(node, dy);
    let t = g.mul(&dy, &scale);
    let t = g.reshape(&t, &grouped);
    let dx = standardised(g, &t, &x_hat, &r, 1);
    Ok(vec![Some(g.reshape(&dx, &x.shape))])
}

/// `y = x / n, n = √Σ x²` along an axis        `dx = (dy − y · Σ dy · y) / n`, 0 where n is 0; or
/// with p = 1:
///
/// `y = x / n, n = Σ |x|        dx = (dy − sign x · Σ dy · y) / n`
pub(super) fn lp(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (x, y) = (g.input(node, 0), g.output(node));
    let dy = g.whole_output(node, dy);
    let axis = axis(node, -1, x.shape.len());
    let (n, slope) = if node.int("p", 2) == 1 {
        let size = g.map("Abs", &x);
        (g.sum(&size, &[axis]), g.map("Sign", &x))
    } else {
        let square = g.mul(&x, &x);
        let sum = g.sum(&square, &[axis]);
        (g.map("Sqrt", &sum), y.clone())
    };
    let n = not_zero(g, &n);
    let product = g.mul(&dy, &y);
    let sum = g.sum(&product, &[axis + product.shape.len() - y.shape.len()]);
    let share = g.mul(&slope, &sum);
    let dx = g.sub(&dy, &share);
    Ok(vec![Some(g.div(&dx, &n))])
}

/// `y = e^x / Σ e^x        dx = y · (dy − Σ dy · y)`, sums along the axis
pub(super) fn softmax(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let y = g.output(node);
    let axis = class_axis(g, node)?;
    let dy = g.whole_output(node, dy);
    let product = g.mul(&dy, &y);
    let sum = g.sum(&product, &[axis + product.shape.len() - y.shape.len()]);
    let rest = g.sub(&dy, &sum);
    Ok(vec![Some(g.mul(&rest, &y))])
}

/// `y = x − ln Σ e^x        dx = dy − e^y · Σ dy`, sums along the axis
pub(super) fn log_softmax(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let y = g.output(node);
    let axis = class_axis(g, node)?;
    let dy = g.whole_output(node, dy);
    let probability = g.map("Exp", &y);
    let sum = g.sum(&dy, &[axis + dy.shape.len() - y.shape.len()]);
    let share = g.mul(&probability, &sum);
    Ok(vec![Some(g.sub(&dy, &share))])
}

/// The axis of a softmax; that of the photo, of size 1, would hold the rows of its gradient.
fn class_axis(g: &Builder, node: &NodeProto) -> Result<usize, GradientError> {
    let shape = g.shape(&node.output[0]);
    match axis(node, -1, shape.len()) {
        0 if shape[0] == 1 => Err(unsupported(node, "it runs along an axis of size 1")),
        axis => Ok(axis),
    }
}

/// [`super::super::rewrite`] writes out what is of shape [1, C, H, W] and of a size that makes
/// sense, so that only the rest comes here.
pub(super) fn local_response(_: &mut Builder, node: &NodeProto, _: &Value) -> Grads {
    let reason = format!(
        "its input is not of shape [1, C, H, W], or C or its size is not in 1..={MAX_CHANNELS}"
    );
    Err(unsupported(node, &reason))
}
