//! Normalisations and softmax.

use super::common::{Grads, axis, from_front, zeros_to_ones};
use crate::gradient::builder::{Builder, Value};
use crate::gradient::error::{GradientError, unsupported};
use crate::gradient::rewrite::local_response::MAX_CHANNELS;
use crate::onnx::proto::NodeProto;

/// `y = s · (x − μ) / √(v + ε) + b        dx = dy · s / √(v + ε)`, per channel
pub(super) fn batch(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let epsilon = f64::from(node.float("epsilon", 1e-5));
    let (scale, variance) = (g.floats(node, 1)?, g.floats(node, 4)?);
    let factor = |(s, v): (&f32, &f32)| (f64::from(*s) / (f64::from(*v) + epsilon).sqrt()) as f32;
    let factors: Vec<_> = scale.iter().zip(&variance).map(factor).collect();
    let factors = per_channel(g, node, &factors);
    Ok(vec![Some(g.mul(dy, &factors))])
}

/// A constant for each channel, [C, 1, ...] for an input [N, C, ...].
fn per_channel(g: &mut Builder, node: &NodeProto, values: &[f32]) -> Value {
    let mut shape = vec![1; g.shape(&node.input[0]).len().saturating_sub(1).max(1)];
    shape[0] = values.len();
    g.new_floats("factor", &shape, values)
}

/// `x̂ = (x − μ) · r, r = 1 / √(v + ε)`, with mean μ and variance v over some axes
struct Standardised {
    x_hat: Value,
    r: Value,
    /// The axes, counted from the last one, which is 1.
    axes: Vec<usize>,
}

impl Standardised {
    /// Computes x̂ and r, which the forward node does not return.
    fn new(g: &mut Builder, x: &Value, axes: Vec<usize>, epsilon: f32) -> Self {
        let mean = mean_over(g, x, &axes);
        let centred = g.sub(x, &mean);
        let square = g.mul(&centred, &centred);
        let variance = mean_over(g, &square, &axes);
        let variance = g.add_scalar(&variance, epsilon);
        let root = g.unary("Sqrt", &variance);
        let r = g.unary("Reciprocal", &root);
        let x_hat = g.mul(&centred, &r);
        Self { x_hat, r, axes }
    }

    /// `dx = r · (t − mean t − x̂ · mean(t · x̂))`, t the gradient of x̂
    fn gradient(&self, g: &mut Builder, t: &Value) -> Value {
        let Self { x_hat, r, axes } = self;
        let mut full = t.shape.clone();
        for i in axes {
            full[t.shape.len() - i] = x_hat.shape[x_hat.shape.len() - i];
        }
        let t = g.expand(t, &full);
        let product = g.binary("Mul", &t, x_hat);
        let (mean, share) = (mean_over(g, &t, axes), mean_over(g, &product, axes));
        let along = g.mul(x_hat, &share);
        let dx = g.sub(&t, &mean);
        let dx = g.sub(&dx, &along);
        g.mul(&dx, r)
    }
}

/// The mean over axes that are counted from the last one, which is 1.
fn mean_over(g: &mut Builder, a: &Value, axes: &[usize]) -> Value {
    let axes: Vec<_> = axes.iter().map(|i| a.shape.len() - i).collect();
    g.mean(a, &axes)
}

/// `y = s · x̂ + b`, x̂ standardised over the axes from `axis` on (see [`Standardised`]). The
/// forward node can return the mean and r.
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
    let dy = g.expand_output(node, dy);
    let t = g.mul(&dy, &s);
    let standardised = Standardised {
        x_hat,
        r,
        axes: (1..=rank - axis).collect(),
    };
    Ok(vec![Some(standardised.gradient(g, &t))])
}

/// `y = s · x̂, x̂ = x · r, r = 1 / √(mean x² + ε)        dx = r · (t − x̂ · mean(t · x̂)), t = dy
/// · s`
///
/// The means are taken over the axes from `axis` on.
pub(super) fn root_mean_square(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (x, s) = (g.input(node, 0), g.input(node, 1));
    let axis = axis(node, -1, x.shape.len());
    let dy = g.expand_output(node, dy);
    let from =
        |v: &Value| (v.shape.len() - x.shape.len() + axis..v.shape.len()).collect::<Vec<_>>();
    let square = g.mul(&x, &x);
    let mean = g.mean(&square, &from(&x));
    let mean = g.add_scalar(&mean, node.float("epsilon", 1e-5));
    let root = g.unary("Sqrt", &mean);
    let r = g.unary("Reciprocal", &root);
    let x_hat = g.mul(&x, &r);
    let t = g.mul(&dy, &s);
    let product = g.binary("Mul", &t, &x_hat);
    let share = g.mean(&product, &from(&product));
    let along = g.mul(&x_hat, &share);
    let dx = g.sub(&t, &along);
    Ok(vec![Some(g.mul(&dx, &r))])
}

/// `y = s · x̂ + b`, x̂ standardised over the positions of each channel of each image
pub(super) fn instance(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let x = g.input(node, 0);
    let axes = (1..x.shape.len() - 1).collect();
    let standardised = Standardised::new(g, &x, axes, node.float("epsilon", 1e-5));
    let scale = g.floats(node, 1)?;
    let scale = per_channel(g, node, &scale);
    let t = g.mul(dy, &scale);
    Ok(vec![Some(standardised.gradient(g, &t))])
}

/// `y = s · x̂ + b`, x̂ standardised over the positions and channels of each group
///
/// There is a scale for each channel since opset 21, and one for each group before.
pub(super) fn group(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (x, scale) = (g.input(node, 0), g.floats(node, 1)?);
    let (batch, channels) = (x.shape[0], x.shape[1]);
    let groups = usize::try_from(node.int("num_groups", 0))
        .ok()
        .filter(|&groups| groups > 0 && channels % groups == 0)
        .filter(|groups| [*groups, channels].contains(&scale.len()))
        .ok_or_else(|| {
            let count = scale.len();
            unsupported(
                node,
                &format!("`num_groups` or {count} scales for {channels} channels"),
            )
        })?;
    let repeat = channels / scale.len();
    let scale: Vec<_> = scale
        .iter()
        .flat_map(|&s| std::iter::repeat_n(s, repeat))
        .collect();
    let scale = per_channel(g, node, &scale);
    let grouped = [
        batch,
        groups,
        x.shape[1..].iter().product::<usize>() / groups,
    ];
    let flat = g.reshape(&x, &grouped);
    let standardised = Standardised::new(g, &flat, vec![1], node.float("epsilon", 1e-5));
    let dy = g.expand_output(node, dy);
    let t = g.mul(&dy, &scale);
    let t = g.split_rows(&t, &x.shape);
    let t = g.reshape(&t, &[&[1], &grouped[..]].concat());
    let dx = standardised.gradient(g, &t);
    Ok(vec![Some(g.reshape_to_gradient(&dx, &x.shape))])
}

/// `y = (x − μ) / (√v + ε), ε = 10⁻⁹`, over the axes `axes`
///
/// See [`Standardised`], whose ε is the square of this one.
pub(super) fn mean_variance(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let x = g.input(node, 0);
    let rank = x.shape.len();
    let axes = node.ints("axes").unwrap_or(&[0, 2, 3]);
    if let Some(wrong) = axes
        .iter()
        .find(|&&axis| !(-(rank as i64)..rank as i64).contains(&axis))
    {
        return Err(unsupported(node, &format!("axis {wrong} of {rank} axes")));
    }
    let axes = from_front(axes, rank);
    let axes = axes.into_iter().map(|axis| rank - axis).collect();
    let standardised = Standardised::new(g, &x, axes, 1e-18);
    let dy = g.expand_output(node, dy);
    let dy = g.split_rows(&dy, &x.shape);
    let dx = standardised.gradient(g, &dy);
    Ok(vec![Some(g.reshape_to_gradient(&dx, &x.shape))])
}

/// `y = x / n, n = √Σ x²        dx = (dy − y · Σ dy · y) / n` for p = 2
///
/// `y = x / n, n = Σ |x|        dx = (dy − sign x · Σ dy · y) / n` for p = 1
///
/// The sums run along an axis. n counts as 1 where it is 0.
pub(super) fn lp(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (x, y) = (g.input(node, 0), g.output(node));
    let dy = g.expand_output(node, dy);
    let axis = axis(node, -1, x.shape.len());
    let (n, slope) = match node.int("p", 2) {
        1 => {
            let size = g.unary("Abs", &x);
            (g.sum(&size, &[axis]), g.unary("Sign", &x))
        }
        2 => {
            let square = g.mul(&x, &x);
            let sum = g.sum(&square, &[axis]);
            (g.unary("Sqrt", &sum), y.clone())
        }
        p => return Err(unsupported(node, &format!("p = {p} is neither 1 nor 2"))),
    };
    let n = zeros_to_ones(g, &n);
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
    let dy = g.expand_output(node, dy);
    let product = g.mul(&dy, &y);
    let sum = g.sum(&product, &[axis + product.shape.len() - y.shape.len()]);
    let rest = g.sub(&dy, &sum);
    Ok(vec![Some(g.mul(&rest, &y))])
}

/// `y = x − ln Σ e^x        dx = dy − e^y · Σ dy`, sums along the axis
pub(super) fn log_softmax(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let y = g.output(node);
    let axis = class_axis(g, node)?;
    let dy = g.expand_output(node, dy);
    let probability = g.unary("Exp", &y);
    let sum = g.sum(&dy, &[axis + dy.shape.len() - y.shape.len()]);
    let share = g.mul(&probability, &sum);
    Ok(vec![Some(g.sub(&dy, &share))])
}

/// The axis of a softmax. It must not be the batch axis, where the gradient has its rows.
fn class_axis(g: &Builder, node: &NodeProto) -> Result<usize, GradientError> {
    let shape = g.shape(&node.output[0]);
    match axis(node, -1, shape.len()) {
        0 if shape[0] == 1 => Err(unsupported(node, "it runs along an axis of size 1")),
        axis => Ok(axis),
    }
}

/// Only the cases that [`rewrite`](crate::gradient::rewrite) cannot write out as a convolution come
/// here.
pub(super) fn local_response(_: &mut Builder, node: &NodeProto, _: &Value) -> Grads {
    let reason = format!(
        "its input is not of shape [1, C, H, W], or C or its size is not in 1..={MAX_CHANNELS}"
    );
    Err(unsupported(node, &reason))
}
