//! Sums, means and norms over windows, and pools over all positions.

use super::common::{Grads, zeros_to_ones};
use super::window::Window;
use crate::gradient::builder::{Builder, Value, to_i64};
use crate::onnx::proto::NodeProto;

/// `y = Σ x over the window / count        dx = Σ dy / count over the windows that contain x`
pub(super) fn average(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let window = Window::from_pool(g, node)?;
    let counts = counts(&window, node.int("count_include_pad", 0) != 0);
    // If a single window covers everything, the gradient is the same at every position.
    let is_covered = |i| {
        window.y[i] == 1
            && window.dilations[i] == 1
            && window.kernel[i] >= window.x[i] + window.begin[i]
    };
    if (0..window.x.len()).all(is_covered) {
        return Ok(vec![Some(g.scale(dy, 1.0 / counts[0] as f32))]);
    }
    let shares: Vec<_> = counts.iter().map(|&n| 1.0 / n as f32).collect();
    let (x, y) = (g.shape(&node.input[0]), g.shape(&node.output[0]));
    let dy = g.merge_rows(dy, &y);
    let dx = sum_adjoint(g, &window, &dy, &x, &shares);
    Ok(vec![Some(g.reshape_to_gradient(&dx, &x))])
}

/// `dx = Σ dy · share` over the windows that contain each position of x, the adjoint of a sum over
/// windows
///
/// `shares` holds one number per window. For stride 1 the adjoint is itself a sum over windows,
/// which `AveragePool` computes.
fn sum_adjoint(g: &mut Builder, window: &Window, dy: &Value, x: &[usize], shares: &[f32]) -> Value {
    let axes = 0..window.x.len();
    let area: usize = window.kernel.iter().product();
    let is_sum = window.unit_strides()
        && window.dilations.iter().all(|&d| d == 1)
        && axes.clone().all(|i| {
            window.begin[i] < window.kernel[i] && window.x[i] + window.begin[i] >= window.y[i]
        });
    let factor = if is_sum { area as f32 } else { 1.0 };
    let factors: Vec<_> = shares.iter().map(|&share| factor * share).collect();
    let dy = if factors.iter().all(|&f| f == 1.0) {
        dy.clone()
    } else {
        let factors = g.new_floats("factor", &window.y, &factors);
        g.mul(dy, &factors)
    };
    if is_sum {
        let begin = axes.clone().map(|i| window.kernel[i] - 1 - window.begin[i]);
        let end = axes.map(|i| window.x[i] + window.begin[i] - window.y[i]);
        let pads: Vec<_> = begin.chain(end).collect();
        let attributes = [
            ("kernel_shape", to_i64(&window.kernel).into()),
            ("pads", to_i64(&pads).into()),
            ("count_include_pad", 1.into()),
        ];
        return g.emit("AveragePool", &[&dy], &attributes, x.to_vec());
    }
    // With the channels on the batch axis, one kernel of ones serves them all.
    let dy = g.reshape(&dy, &[&[1, 1], &window.y[..]].concat());
    let ones = g.new_floats(
        "ones",
        &[&[1, 1], &window.kernel[..]].concat(),
        &vec![1.0; area],
    );
    let dx = g.emit(
        "ConvTranspose",
        &[&dy, &ones],
        &window.transposed(),
        [&[1, 1], &window.x[..]].concat(),
    );
    g.reshape(&dx, x)
}

/// The divisor of each output position: the number of positions of its window inside the input, or
/// inside the padded input (`count_include_pad`). What `ceil_mode` adds beyond the padding never
/// counts.
fn counts(window: &Window, include_pad: bool) -> Vec<usize> {
    let mut counts = vec![1];
    for i in 0..window.x.len() {
        let (begin, x) = (window.begin[i], window.x[i]);
        let counted = if include_pad {
            0..begin + x + window.end[i]
        } else {
            begin..begin + x
        };
        let count = |o: usize| {
            let taps =
                (0..window.kernel[i]).map(|k| o * window.strides[i] + k * window.dilations[i]);
            taps.filter(|position| counted.contains(position)).count()
        };
        let axis: Vec<_> = (0..window.y[i]).map(count).collect();
        counts = counts
            .iter()
            .flat_map(|&n| axis.iter().map(move |&m| n * m))
            .collect();
    }
    counts
}

/// `y = mean over all positions        dx = dy / positions`, the same everywhere
pub(super) fn global_average(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let positions: usize = g.shape(&node.input[0])[2..].iter().product();
    Ok(vec![Some(g.scale(dy, 1.0 / positions as f32))])
}

/// `y = max over all positions        dx = dy at the first maximum, 0 elsewhere`
pub(super) fn global_max(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let x = g.input(node, 0);
    let positions: usize = x.shape[2..].iter().product();
    let flat = g.reshape(&x, &[x.shape[0], x.shape[1], positions]);
    let first = g.emit(
        "ArgMax",
        &[&flat],
        &[("axis", 2.into())],
        vec![x.shape[0], x.shape[1], 1],
    );
    let places: Vec<_> = (0..positions as i64).collect();
    let places = g.new_integers("places", &places);
    let taken = g.equal(&first, &places);
    let taken = g.reshape(&taken, &x.shape);
    Ok(vec![Some(g.mul(dy, &taken))])
}

/// `y = (Σ |x|^p over each window)^(1/p)        dx = sign x · |x|^(p−1) · Σ dy · y^(1−p)`, 0 where
/// y is 0
pub(super) fn lp(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let window = Window::from_pool(g, node)?;
    let (x, y) = (g.input(node, 0), g.output(node));
    let dy = over_norm(g, node, dy);
    let dy = g.merge_rows(&dy, &y.shape);
    let shares = vec![1.0; window.y.iter().product()];
    let sum = sum_adjoint(g, &window, &dy, &x.shape, &shares);
    let sum = g.reshape_to_gradient(&sum, &x.shape);
    let slope = signed_power(g, node);
    Ok(vec![Some(g.mul(&sum, &slope))])
}

/// `y = (Σ |x|^p over all positions)^(1/p)`, see [`lp`]
pub(super) fn global_lp(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let dy = over_norm(g, node, dy);
    let slope = signed_power(g, node);
    Ok(vec![Some(g.mul(&dy, &slope))])
}

/// `dy · y^(1−p)`
fn over_norm(g: &mut Builder, node: &NodeProto, dy: &Value) -> Value {
    let y = g.output(node);
    let y = zeros_to_ones(g, &y);
    let exponent = g.scalar(1.0 - node.int("p", 2) as f32);
    let power = g.binary("Pow", &y, &exponent);
    g.mul(dy, &power)
}

/// `sign x · |x|^(p−1)`
fn signed_power(g: &mut Builder, node: &NodeProto) -> Value {
    let x = g.input(node, 0);
    let (sign, size) = (g.unary("Sign", &x), g.unary("Abs", &x));
    let exponent = g.scalar(node.int("p", 2) as f32 - 1.0);
    let power = g.binary("Pow", &size, &exponent);
    g.mul(&sign, &power)
}
