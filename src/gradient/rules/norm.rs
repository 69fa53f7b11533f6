//! Normalisations.

use super::super::builder::unsupported;
use super::{Builder, Grads, NodeProto, Value};

/// `y = s · (x − μ) / √(v + ε) + b        dx = dy · s / √(v + ε)`, per channel
pub(super) fn batch(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let epsilon = f64::from(node.float("epsilon", 1e-5));
    let (scale, variance) = (g.floats(node, 1)?, g.floats(node, 4)?);
    let factor = |(s, v): (&f32, &f32)| (f64::from(*s) / (f64::from(*v) + epsilon).sqrt()) as f32;
    let factors: Vec<_> = scale.iter().zip(&variance).map(factor).collect();
    let mut shape = vec![1; dy.shape.len() - 1];
    shape[0] = factors.len();
    let factors = g.new_floats("factor", &shape, &factors);
    let dx = g.mul(dy, &factors);
    Ok(vec![Some(dx), None, None, None, None])
}

/// `yᵢ = xᵢ · sᵢ^−β, sᵢ = k + α/n · Σ x²ⱼ` over the n channels j around i
///
/// `dxᵢ = dyᵢ · sᵢ^−β − 2αβ/n · xᵢ · Σ dyⱼ · yⱼ / sⱼ` over the channels j whose window holds i
///
/// The sum over channels is an `AveragePool` along the channel axis of [M, 1, C, H·W]; for its adjoint the window is
/// mirrored.
pub(super) fn local_response(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let size = node.int("size", 0);
    let (alpha, beta, k) = (node.float("alpha", 1e-4), node.float("beta", 0.75), node.float("bias", 1.0));
    let (x, y) = (g.forward(&node.input[0]), g.output(node));
    if x.shape.len() != 4 {
        return Err(unsupported(node, "its input is not of shape [N, C, H, W]"));
    }
    let (before, after) = ((size - 1) / 2, size / 2);

    let square = g.mul(&x, &x);
    let mean = channel_mean(g, &square, size, [before, after]);
    let mean = g.scale(&mean, alpha);
    let bias = g.new_floats("bias", &[], &[k]);
    let s = g.add(&mean, &bias);
    let exponent = g.new_floats("exponent", &[], &[-beta]);
    let power = g.emit("Pow", &[&s, &exponent], &[], s.shape.clone());
    let direct = g.mul(dy, &power);

    let ratio = g.div(&y, &s);
    let through = g.mul(dy, &ratio);
    let through = g.whole(&through, &x.shape);
    let through = channel_mean(g, &through, size, [after, before]);
    let through = g.mul(&through, &x);
    let through = g.scale(&through, 2.0 * alpha * beta);
    Ok(vec![Some(g.sub(&direct, &through))])
}

/// Σ over a window of `size` channels, divided by `size`; channels beyond the ends count as 0.
fn channel_mean(g: &mut Builder, x: &Value, size: i64, pads: [i64; 2]) -> Value {
    let [_, c, h, w] = x.shape[..] else { unreachable!("checked to be of rank 4") };
    let flat = g.reshape(x, &[1, 1, c, h * w]);
    let attributes = [
        ("kernel_shape", vec![size, 1].into()),
        ("pads", vec![pads[0], 0, pads[1], 0].into()),
        ("count_include_pad", 1.into()),
    ];
    let mean = g.emit("AveragePool", &[&flat], &attributes, flat.shape.clone());
    g.reshape(&mean, &x.shape)
}
