//! The forms of operators before opset 7, which ONNX Runtime does not run. Where they differ from
//! those of opset 7, a function here upgrades them.
//!
//! Before opset 7, the second operand of arithmetic was only broadcast where `broadcast` was 1: its
//! axes were the last of the first operand, or those from `axis` on. Before opset 6, nodes had an
//! attribute `consumed_inputs`, which does not change their result.

use super::error::GradientError;
use super::lift::{differs, integer_input};
use crate::onnx::proto::{
    AttributeProto, NodeProto, TensorProto, attribute_proto::AttributeType, tensor_proto::DataType,
};

/// Operators whose form of opset 1 to 6 is that of opset 7, `consumed_inputs` aside, sorted.
const UNCHANGED: [&str; 52] = [
    "Abs",
    "ArgMax",
    "ArgMin",
    "AveragePool",
    "BatchNormalization",
    "Ceil",
    "Clip",
    "Constant",
    "Conv",
    "DepthToSpace",
    "Dropout",
    "Elu",
    "Exp",
    "Flatten",
    "Floor",
    "Gather",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "HardSigmoid",
    "Identity",
    "If",
    "InstanceNormalization",
    "LRN",
    "LeakyRelu",
    "Log",
    "LogSoftmax",
    "LpNormalization",
    "MatMul",
    "Max",
    "MaxPool",
    "Mean",
    "Min",
    "Neg",
    "Not",
    "Reciprocal",
    "Relu",
    "Shape",
    "Sigmoid",
    "Size",
    "Slice",
    "Softmax",
    "Softplus",
    "Softsign",
    "SpaceToDepth",
    "Split",
    "Sqrt",
    "Squeeze",
    "Sum",
    "Tanh",
    "TopK",
    "Transpose",
    "Unsqueeze",
];

/// Refuses an operator of a model before opset 7 whose form is neither that of opset 7 nor upgraded
/// here.
pub(super) fn ensure_known(node: &NodeProto, opset: i64) -> Result<(), GradientError> {
    let operator = node.op_type();
    let is_known = UNCHANGED.contains(&operator)
        || operator.starts_with("Reduce")
        // Their exponent was a float in opset 1.
        || (operator.ends_with("LpPool") && opset > 1)
        || differs(node, 1, 7);
    let has_clear_axis = node.int("broadcast", 0) == 0 || node.int("axis", -1) >= -1;
    if opset >= 7 || !node.domain().is_empty() || (is_known && has_clear_axis) {
        return Ok(());
    }
    Err(GradientError::export(
        format!(
            "{operator} node `{}` is of opset {opset}, and its form cannot be upgraded here",
            node.label()
        ),
        "convert the model with onnx.version_converter, or export it at opset 13 or later",
    ))
}

/// Drops attributes that do not change a result.
fn without(mut node: NodeProto, attributes: &[&str]) -> NodeProto {
    node.attribute.retain(|a| !attributes.contains(&a.name()));
    node
}

/// The node with an attribute, in place of one of the same name.
fn with(node: NodeProto, name: &str, value: AttributeProto) -> NodeProto {
    let mut node = without(node, &[name]);
    node.attribute.push(AttributeProto {
        name: Some(name.into()),
        ..value
    });
    node
}

/// Before opset 7, `axis` said which axes of the first operand the second one had.
pub(super) fn broadcast(node: NodeProto, weights: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    let axis = node.int("axis", -1);
    let is_aligned = node.int("broadcast", 0) != 0 && axis >= 0;
    let node = without(node, &["axis", "broadcast"]);
    if is_aligned {
        aligned(node, axis, weights)
    } else {
        vec![node]
    }
}

/// Before opset 7, a slope of one axis was for the channels.
pub(super) fn prelu(node: NodeProto, weights: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    aligned(node, 1, weights)
}

/// Gives the second operand as many further axes, of size 1, as the first has after `axis` and the
/// axes of the second.
fn aligned(mut node: NodeProto, axis: i64, weights: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    let (Some(a), Some(b)) = (node.input_name(0), node.input_name(1)) else {
        return vec![node];
    };
    let name = |what: &str| format!("lift/{}/{what}", node.output[0]);
    let [a_shape, a_rank, b_shape, b_rank] = ["a_shape", "a_rank", "b_shape", "b_rank"].map(name);
    let [start, rest, count, pads, shape, second] =
        ["axis", "rest", "count", "pads", "shape", "second"].map(name);
    let [zero, one] = ["zero", "one"].map(name);
    weights.push(TensorProto::from_integers(&start, &[1], &[axis]));
    weights.push(TensorProto::from_integers(&zero, &[1], &[0]));
    weights.push(TensorProto::from_integers(&one, &[], &[1]));
    let mut nodes = vec![
        NodeProto::new("Shape", &[a], &a_shape, &[]),
        NodeProto::new("Shape", &[&a_shape], &a_rank, &[]),
        NodeProto::new("Shape", &[b], &b_shape, &[]),
        NodeProto::new("Shape", &[&b_shape], &b_rank, &[]),
        NodeProto::new("Sub", &[&a_rank, &start], &rest, &[]),
        NodeProto::new("Sub", &[&rest, &b_rank], &count, &[]),
        NodeProto::new("Concat", &[&zero, &count], &pads, &[("axis", 0.into())]),
        NodeProto::new("Pad", &[&b_shape, &pads, &one], &shape, &[]),
        NodeProto::new("Reshape", &[b, &shape], &second, &[]),
    ];
    node.input[1] = second;
    nodes.push(node);
    nodes
}

/// Before opset 7, `broadcast` said whether the bias was broadcast.
#[allow(
    clippy::ptr_arg,
    reason = "the functions of the table share one signature"
)]
pub(super) fn gemm(node: NodeProto, _: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    vec![without(node, &["broadcast"])]
}

/// Before opset 6, the type was a name. Half and double precision become float32 as everywhere.
pub(super) fn cast(node: NodeProto, _: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    let to = node.string("to", "").to_uppercase();
    let kind = match DataType::from_str_name(&to) {
        Some(DataType::Float16 | DataType::Double) => DataType::Float,
        Some(kind) => kind,
        None => DataType::Undefined,
    };
    vec![with(node, "to", i64::from(kind as i32).into())]
}

/// Before opset 4, the axis could be left out.
pub(super) fn concat(node: NodeProto, _: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    let axis = node.int("axis", 1);
    vec![with(node, "axis", axis.into())]
}

/// In opset 1, the pads were called `paddings`.
pub(super) fn pad(mut node: NodeProto, _: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    for attribute in &mut node.attribute {
        if attribute.name() == "paddings" {
            attribute.name = Some("pads".into());
        }
    }
    vec![node]
}

/// Before opset 5, the shape was an attribute.
pub(super) fn reshape(mut node: NodeProto, weights: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    integer_input(&mut node, "shape", 1, weights);
    vec![node]
}

/// Before opset 6, the default values had fewer digits.
pub(super) fn selu(node: NodeProto, _: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    let (alpha, gamma) = (node.float("alpha", 1.6732), node.float("gamma", 1.0507));
    let node = with(node, "alpha", alpha.into());
    vec![with(node, "gamma", gamma.into())]
}

/// Before opset 6, `Tile` repeated along one axis, both given as inputs of one number.
pub(super) fn tile(mut node: NodeProto, weights: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    // A tensor of `tiles` at position `axis` of a list of ones.
    let [x, tiles, axis] = [0, 1, 2].map(|i| node.input_name(i).unwrap_or_default().to_owned());
    let name = |what: &str| format!("lift/{}/{what}", node.output[0]);
    let [shape, rank, ones, at, count, repeats, column] =
        ["shape", "rank", "ones", "at", "count", "repeats", "column"].map(name);
    weights.push(TensorProto::from_integers(&column, &[1], &[1]));
    let one = TensorProto::from_integers("", &[1], &[1]);
    let integers = [("to", i64::from(DataType::Int64 as i32).into())];
    let [at_list, count_list] = ["at_list", "count_list"].map(name);
    let mut nodes = vec![
        NodeProto::new("Shape", &[&x], &shape, &[]),
        NodeProto::new("Shape", &[&shape], &rank, &[]),
        NodeProto::new("ConstantOfShape", &[&rank], &ones, &[("value", one.into())]),
        NodeProto::new("Cast", &[&axis], &at, &integers),
        NodeProto::new("Reshape", &[&at, &column], &at_list, &[]),
        NodeProto::new("Cast", &[&tiles], &count, &integers),
        NodeProto::new("Reshape", &[&count, &column], &count_list, &[]),
        NodeProto::new(
            "ScatterElements",
            &[&ones, &at_list, &count_list],
            &repeats,
            &[],
        ),
    ];
    node.input = vec![x, repeats];
    nodes.push(node);
    nodes
}

/// Before opset 7, height and width had a scale each.
pub(super) fn upsample(node: NodeProto, _: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    let [height, width] = ["height_scale", "width_scale"].map(|name| node.float(name, 1.0));
    let scales = AttributeProto {
        name: Some("scales".into()),
        r#type: Some(AttributeType::Floats as i32),
        floats: vec![1.0, 1.0, height, width],
        ..AttributeProto::default()
    };
    let mut node = without(node, &["height_scale", "width_scale"]);
    node.attribute.push(scales);
    vec![node]
}
