//! Older spellings of operators brought to that of opset 18, one rule each. Later ones only add
//! element types, or attributes whose default is what was before.

use super::{GradientError, unsupported};
use crate::onnx::proto::{AttributeProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto};

/// The opset of the operators that the backward half is written in.
const OPSET: i64 = 18;
/// The opsets that are understood. The newest is that of the ONNX release whose messages
/// `onnx::proto` holds.
const UNDERSTOOD: std::ops::RangeInclusive<i64> = 7..=27;

/// A node in its old spelling to nodes in the new one, with new weights.
type Lift = fn(NodeProto, &mut Vec<TensorProto>) -> Vec<NodeProto>;

/// Operator, the opset below which its spelling is another, the way from there.
const LIFTS: &[(&str, i64, Lift)] = &[
    ("BatchNormalization", 15, batch_normalization),
    ("CastLike", i64::MAX, cast_like),
    ("Clip", 11, clip),
    ("Dropout", i64::MAX, dropout),
    ("LogSoftmax", 13, softmax),
    ("Pad", 11, pad),
    ("ReduceL1", 18, axes),
    ("ReduceL2", 18, axes),
    ("ReduceLogSum", 18, axes),
    ("ReduceLogSumExp", 18, axes),
    ("ReduceMax", 18, axes),
    ("ReduceMean", 18, axes),
    ("ReduceMin", 18, axes),
    ("ReduceProd", 18, axes),
    ("ReduceSum", 13, axes),
    ("ReduceSumSquare", 18, axes),
    ("Resize", 11, resize),
    ("Slice", 10, slice),
    ("Softmax", 13, softmax),
    ("Split", 13, split),
    ("Split", 18, split_evenly),
    ("Squeeze", 13, axes),
    ("Unsqueeze", 13, axes),
    ("Upsample", i64::MAX, resize),
];

/// The opset of the standard operators in `model`.
pub(super) fn opset(model: &ModelProto) -> Result<i64, GradientError> {
    let standard = model
        .opset_import
        .iter()
        .find(|o| matches!(o.domain(), "" | "ai.onnx"));
    let opset = standard.map_or(1, OperatorSetIdProto::version);
    if UNDERSTOOD.contains(&opset) {
        return Ok(opset);
    }
    let (first, last) = (UNDERSTOOD.start(), UNDERSTOOD.end());
    Err(GradientError::Shape(format!(
        "the model is of opset {opset}; opsets {first} to {last} are understood"
    )))
}

/// Writes each node of a model of opset `from` as opset 18 spells it.
pub(super) fn lift(model: &mut ModelProto, from: i64) -> Result<(), GradientError> {
    let graph = model.graph.as_mut().expect("checked by prepare");
    for mut node in std::mem::take(&mut graph.node) {
        if node.domain() == "ai.onnx" {
            node.domain = None;
        }
        if node.op_type() == "BatchNormalization"
            && (node.int("spatial", 1) == 0 || (from >= 14 && node.int("training_mode", 0) == 1))
        {
            let reason = "only the form of inference, one statistic per channel, has a rule";
            return Err(unsupported(&node, reason));
        }
        let mut nodes = vec![node];
        for (op, below, lift) in LIFTS {
            if from < *below && nodes[0].op_type() == *op && nodes[0].domain().is_empty() {
                if nodes[0].input_name(0).is_none() || nodes[0].output.is_empty() {
                    return Err(unsupported(&nodes[0], "it has no input or no output"));
                }
                nodes = lift(nodes.remove(0), &mut graph.initializer);
            }
        }
        graph.node.extend(nodes);
    }
    for import in model
        .opset_import
        .iter_mut()
        .filter(|o| matches!(o.domain(), "" | "ai.onnx"))
    {
        import.domain = None;
        import.version = Some(from.max(OPSET));
    }
    model.ir_version = Some(model.ir_version().max(8));
    Ok(())
}

/// Moves an attribute to a new integer input at position `at`.
fn to_input(node: &mut NodeProto, attribute: &str, at: usize, weights: &mut Vec<TensorProto>) {
    let Some(values) = node.ints(attribute) else {
        return;
    };
    let name = format!("lift/{}/{attribute}", node.output[0]);
    weights.push(TensorProto::from_integers(&name, &[values.len()], values));
    node.attribute.retain(|a| a.name() != attribute);
    node.input.resize(node.input.len().max(at), String::new());
    node.input.insert(at, name);
}

/// A float attribute as a new scalar input.
fn float_input(node: &mut NodeProto, attribute: &str, value: f32, weights: &mut Vec<TensorProto>) {
    let name = format!("lift/{}/{attribute}", node.output[0]);
    weights.push(TensorProto::from_floats(&name, &[], &[value]));
    node.attribute.retain(|a| a.name() != attribute);
    node.input.push(name);
}

/// Opset 7 and 9 had outputs and attributes for training.
fn batch_normalization(mut node: NodeProto, _: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    node.output.truncate(1);
    node.attribute.retain(|a| a.name() == "epsilon");
    vec![node]
}

/// A cast to the type of a weight names that type.
#[allow(clippy::ptr_arg, reason = "a rule of the table")]
fn cast_like(node: NodeProto, weights: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    match weights
        .iter()
        .find(|w| node.input.get(1).is_some_and(|like| like == w.name()))
    {
        Some(like) => {
            vec![NodeProto::of(
                "Cast",
                &[&node.input[0]],
                &node.output[0],
                &[("to", i64::from(like.data_type()).into())],
            )]
        }
        None => vec![node],
    }
}

/// Bounds were attributes before opset 11.
fn clip(mut node: NodeProto, weights: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    let [min, max] = [node.float("min", f32::MIN), node.float("max", f32::MAX)];
    float_input(&mut node, "min", min, weights);
    float_input(&mut node, "max", max, weights);
    vec![node]
}

/// At inference dropout is the identity, whatever its attributes and mask.
fn dropout(node: NodeProto, _: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    vec![NodeProto::of(
        "Identity",
        &[&node.input[0]],
        &node.output[0],
        &[],
    )]
}

/// Axes were an attribute before opset 13 or 18.
fn axes(mut node: NodeProto, weights: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    to_input(&mut node, "axes", 1, weights);
    vec![node]
}

/// Before opset 13 a softmax saw its input as a matrix: all axes from `axis` on were one.
fn softmax(mut node: NodeProto, _: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    let axis = node.int("axis", 1);
    let names =
        ["shape", "matrix", "softmax"].map(|what| format!("lift/{}/{what}", node.output[0]));
    let [shape, matrix, soft] = names.each_ref().map(String::as_str);
    let last = AttributeProto {
        name: Some("axis".into()),
        ..(-1).into()
    };
    let (x, y) = (node.input[0].clone(), node.output[0].clone());
    node.attribute = vec![last];
    node.input[0] = matrix.into();
    node.output[0] = soft.into();
    node.name = Some(soft.into());
    vec![
        NodeProto::of("Shape", &[&x], shape, &[]),
        NodeProto::of("Flatten", &[&x], matrix, &[("axis", axis.into())]),
        node,
        NodeProto::of("Reshape", &[soft, shape], &y, &[]),
    ]
}

/// Pads and value were attributes before opset 11.
fn pad(mut node: NodeProto, weights: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    let value = node.float("value", 0.0);
    to_input(&mut node, "pads", 1, weights);
    float_input(&mut node, "value", value, weights);
    vec![node]
}

/// Bounds and axes were attributes before opset 10.
fn slice(mut node: NodeProto, weights: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    for (at, attribute) in [(1, "starts"), (2, "ends"), (3, "axes")] {
        to_input(&mut node, attribute, at, weights);
    }
    vec![node]
}

/// Sizes were an attribute before opset 13.
fn split(mut node: NodeProto, weights: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    to_input(&mut node, "split", 1, weights);
    split_evenly(node, weights)
}

/// Since opset 18 a split without sizes says how many parts it makes.
fn split_evenly(mut node: NodeProto, _: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    if node.input_name(1).is_none() {
        let parts = (node.output.len() as i64).into();
        node.attribute.retain(|a| a.name() != "num_outputs");
        node.attribute.push(AttributeProto {
            name: Some("num_outputs".into()),
            ..parts
        });
    }
    vec![node]
}

/// `Upsample`, and `Resize` of opset 10: position `o` of the result lies at `o / scale` of the
/// input, rounded down; up where the result is smaller.
fn resize(mut node: NodeProto, weights: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    let name = format!("lift/{}/scales", node.output[0]);
    let scales = match node.floats("scales") {
        Some(scales) => {
            weights.push(TensorProto::from_floats(&name, &[scales.len()], scales));
            name
        }
        None => node.input_name(1).unwrap_or_default().to_owned(),
    };
    let smaller = weights
        .iter()
        .find(|w| w.name() == scales)
        .and_then(|w| w.floats().ok());
    let rounding = if smaller.is_some_and(|s| s.iter().any(|&s| s < 1.0)) {
        "ceil"
    } else {
        "floor"
    };
    // Opset 7 and 8 said `linear`, some exporters `bilinear`.
    let mode = if node.string("mode", "nearest") == "nearest" {
        "nearest"
    } else {
        "linear"
    };
    let attributes = [
        ("mode", mode.into()),
        ("coordinate_transformation_mode", "asymmetric".into()),
        ("nearest_mode", rounding.into()),
    ];
    node.input.truncate(1);
    vec![NodeProto::of(
        "Resize",
        &[&node.input[0], "", &scales],
        &node.output[0],
        &attributes,
    )]
}
