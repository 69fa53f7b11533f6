//! Quantised models in QDQ form, by clipped straight-through estimation: rounding passes the
//! gradient and saturation stops it. Quantisation tools remove a ReLU before a quantiser, as the
//! saturation has the same effect.

use super::common::{Grads, axis};
use crate::gradient::builder::{Builder, Value};
use crate::gradient::error::{GradientError, unsupported};
use crate::onnx::proto::{NodeProto, TensorProto, tensor_proto::DataType};

/// What a user of these gradients should know.
const WARNING: &str = "the model is quantised: its gradients are estimates, as if rounding had \
                       derivative 1 and saturation derivative 0; those of the float32 model may \
                       differ considerably";

/// `q = saturate(round(x / s) + z)        dx = dq · [min < x / s + z] · [x / s + z < max]`
///
/// The gradient with respect to a quantised tensor is that with respect to the real number that it
/// represents.
pub(super) fn quantize(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    g.warn(WARNING);
    let scale = g.floats(node, 1)?;
    let (zero, kind) = if node.input_name(2).is_some() {
        let zero = g.constant(node, 2)?;
        (zero_points(node, zero)?, zero.data_type())
    } else {
        let kind = node.int("output_dtype", DataType::Uint8 as i64);
        (vec![0.0; scale.len()], kind as i32)
    };
    let [low, high] = match DataType::try_from(kind) {
        Ok(DataType::Int8) => [-128.0, 127.0],
        Ok(DataType::Uint8 | DataType::Undefined) => [0.0, 255.0],
        _ => return Err(unsupported(node, "only int8 and uint8 have a rule")),
    };
    let x = g.input(node, 0);
    let mut shape = vec![1; x.shape.len()];
    if scale.len() > 1 {
        shape[axis(node, 1, x.shape.len())] = scale.len();
    }
    let [low, high] = [low, high].map(|bound: f32| {
        let values: Vec<_> = scale
            .iter()
            .zip(&zero)
            .map(|(s, z)| (bound - z) * s)
            .collect();
        g.new_floats("bound", &shape, &values)
    });
    let above = g.sub(&x, &low);
    let below = g.sub(&high, &x);
    let (above, below) = (g.step(&above), g.step(&below));
    let open = g.mul(&above, &below);
    Ok(vec![Some(g.mul(dy, &open))])
}

/// The zero points as numbers.
fn zero_points(node: &NodeProto, zero: &TensorProto) -> Result<Vec<f32>, GradientError> {
    match (DataType::try_from(zero.data_type()), &zero.raw_data) {
        (Ok(DataType::Int8), Some(raw)) => Ok(raw.iter().map(|&b| f32::from(b as i8)).collect()),
        (Ok(DataType::Uint8), Some(raw)) => Ok(raw.iter().map(|&b| f32::from(b)).collect()),
        (Ok(DataType::Int8 | DataType::Uint8), None) => {
            Ok(zero.int32_data.iter().map(|&v| v as f32).collect())
        }
        _ => Err(unsupported(node, "only int8 and uint8 have a rule")),
    }
}

/// `y = s · (q − z)        dq = dy`, as described at [`quantize`]
pub(super) fn dequantize(_: &mut Builder, _: &NodeProto, dy: &Value) -> Grads {
    Ok(vec![Some(dy.clone())])
}
