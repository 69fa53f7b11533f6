//! A local response normalisation, written out as a convolution.

use crate::gradient::prepare::Prepared;
use crate::gradient::probe::Facts;
use crate::onnx::proto::{GraphProto, NodeProto, TensorProto};

/// The largest number of channels. The convolution has its square as many weights.
pub(in crate::gradient) const MAX_CHANNELS: usize = 4096;

/// Writes out every `LRN` whose input is [1, C, H, W].
pub(super) fn expand(prepared: &mut Prepared, facts: &mut Facts) {
    let graph = prepared.graph_mut();
    for node in std::mem::take(&mut graph.node) {
        let shape = facts
            .shapes
            .get(node.input_name(0).unwrap_or_default())
            .cloned()
            .unwrap_or_default();
        if is_supported(&node, &shape) {
            write_out(&node, &shape, graph, facts);
        } else {
            graph.node.push(node);
        }
    }
}

fn is_supported(node: &NodeProto, shape: &[usize]) -> bool {
    let sizes = 1..=MAX_CHANNELS as i64;
    node.op_type() == "LRN"
        && node.domain().is_empty()
        && matches!(*shape, [1, channels, _, _] if channels <= MAX_CHANNELS)
        && sizes.contains(&node.int("size", 0))
}

/// `yᵢ = xᵢ · sᵢ^−β, sᵢ = k + α/n · Σ x²ⱼ` over the n channels j around i
///
/// The sum is a convolution of one pixel whose weights form a band. It keeps ONNX Runtime's blocked
/// layout, which `LRN` does not, and so does its gradient, by the rules of its parts.
fn write_out(node: &NodeProto, shape: &[usize], graph: &mut GraphProto, facts: &mut Facts) {
    let (channels, size) = (shape[1], node.int("size", 0) as usize);
    let [alpha, beta, k] = [("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0)]
        .map(|(attribute, default)| node.float(attribute, default));
    let (before, after) = ((size - 1) / 2, size / 2);
    let mut band = vec![0.0; channels * channels];
    for i in 0..channels {
        for j in 0..channels {
            if i <= j + before && j <= i + after {
                band[i * channels + j] = alpha / size as f32;
            }
        }
    }
    let (x, y) = (&node.input[0], &node.output[0]);
    let name = |part: &str| format!("fold/{y}/{part}");
    let weights = [
        TensorProto::from_floats(&name("band"), &[channels, channels, 1, 1], &band),
        TensorProto::from_floats(&name("k"), &[channels], &vec![k; channels]),
        TensorProto::from_floats(&name("exponent"), &[], &[-beta]),
    ];
    let [square, sum, power] = ["square", "sum", "power"].map(name);
    let convolution = [&square, weights[0].name(), weights[1].name()];
    graph.node.extend([
        NodeProto::new("Mul", &[x, x], &square, &[]),
        NodeProto::new("Conv", &convolution, &sum, &[]),
        NodeProto::new("Pow", &[&sum, weights[2].name()], &power, &[]),
        NodeProto::new("Mul", &[x, &power], y, &[]),
    ]);
    for tensor in [square, sum, power] {
        facts.shapes.insert(tensor, shape.to_vec());
    }
    for weight in weights {
        facts.constants.insert(weight.name().into(), weight.clone());
        graph.initializer.push(weight);
    }
}
