//! Transposed convolution.

use super::common::Grads;
use super::conv::bias_gradient;
use crate::gradient::builder::{Builder, Value};
use crate::gradient::error::unsupported;
use crate::onnx::proto::NodeProto;

/// `y[s · i + d · k − p] = Σ w[k] · x[i]        dx[i] = Σ w[k] · dy[s · i + d · k − p]`
///
/// dx is a convolution of dy with the same weights.
pub(super) fn conv_transpose(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (x, w, y) = (
        g.shape(&node.input[0]),
        g.input(node, 1),
        g.shape(&node.output[0]),
    );
    let rank = x.len() - 2;
    let list = |name: &str, default, count| match node.ints(name) {
        Some(values) => values.to_vec(),
        None => vec![default; count],
    };
    let (strides, dilations) = (list("strides", 1, rank), list("dilations", 1, rank));
    let begin = list("pads", 0, 2 * rank)[..rank].to_vec();
    let is_explicit = node.ints("output_shape").is_none()
        && matches!(node.string("auto_pad", "NOTSET"), "NOTSET" | "VALID");
    // The padding after the last position with which the convolution has as many positions as x.
    let end = |i: usize| {
        let size = |shape: &[usize]| shape[i + 2] as i64;
        let span = strides[i] * (size(&x) - 1) + dilations[i] * (size(&w.shape) - 1) + 1;
        let end = span - size(&y) - begin[i];
        (is_explicit && begin[i] >= 0 && end > -strides[i]).then_some(end.max(0))
    };
    let Some(end) = (0..rank).map(end).collect::<Option<Vec<_>>>() else {
        let reason = "its padding is not explicit, or not smaller than its strides";
        return Err(unsupported(node, reason));
    };
    let pads = [begin, end].concat();
    let dy = g.merge_rows(dy, &y);
    let attributes = [
        ("strides", strides.into()),
        ("dilations", dilations.into()),
        ("pads", pads.into()),
        ("group", node.int("group", 1).into()),
    ];
    let dx = g.emit("Conv", &[&dy, &w], &attributes, x.clone());
    let mut grads = vec![Some(g.reshape_to_gradient(&dx, &x)), None];
    if node.input_name(2).is_some_and(|b| g.needs_gradient(b)) {
        grads.push(Some(bias_gradient(g, node, &dy)));
    }
    Ok(grads)
}
