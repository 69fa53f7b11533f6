//! Upgrades operators of older opsets to the form of opset 18, one rule each. Later opsets only add
//! element types, or attributes whose default is the earlier behaviour.

use super::error::{GradientError, unsupported};
use super::{old_forms, training};
use crate::onnx::proto::{AttributeProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto};

/// The opset in which the backward half is written.
const OPSET: i64 = 18;
/// The opsets that are supported. The newest is that of the ONNX release whose messages
/// `onnx::proto` holds.
const SUPPORTED: std::ops::RangeInclusive<i64> = 1..=27;

/// From a node in its old form to nodes in the new one. New weights are added to the list.
type LiftFn = fn(NodeProto, &mut Vec<TensorProto>) -> Vec<NodeProto>;

/// How an operator is upgraded.
struct Lift {
    operator: &'static str,
    /// The first opset whose form needs no upgrade.
    below: i64,
    apply: LiftFn,
}

const fn lift_below(operator: &'static str, below: i64, apply: LiftFn) -> Lift {
    Lift {
        operator,
        below,
        apply,
    }
}

/// An operator that is replaced in any opset.
const fn lift_always(operator: &'static str, apply: LiftFn) -> Lift {
    lift_below(operator, i64::MAX, apply)
}

/// The upgrades, sorted by operator and, for each, from the oldest opset on.
const LIFTS: &[Lift] = &[
    lift_below("Add", 7, old_forms::broadcast),
    lift_below("And", 7, old_forms::broadcast),
    lift_below("BatchNormalization", 15, batch_normalization),
    lift_below("Cast", 6, old_forms::cast),
    lift_always("CastLike", cast_like),
    lift_below("Clip", 11, clip),
    lift_below("Concat", 4, old_forms::concat),
    lift_below("Div", 7, old_forms::broadcast),
    lift_always("Dropout", dropout),
    lift_below("Equal", 7, old_forms::broadcast),
    lift_below("Gemm", 7, old_forms::gemm),
    lift_below("Greater", 7, old_forms::broadcast),
    lift_below("Less", 7, old_forms::broadcast),
    lift_below("LogSoftmax", 13, softmax),
    lift_below("Mul", 7, old_forms::broadcast),
    lift_below("Or", 7, old_forms::broadcast),
    lift_below("PRelu", 7, old_forms::prelu),
    lift_below("Pad", 2, old_forms::pad),
    lift_below("Pad", 11, pad),
    lift_below("Pow", 7, old_forms::broadcast),
    lift_below("ReduceL1", 18, axes),
    lift_below("ReduceL2", 18, axes),
    lift_below("ReduceLogSum", 18, axes),
    lift_below("ReduceLogSumExp", 18, axes),
    lift_below("ReduceMax", 18, axes),
    lift_below("ReduceMean", 18, axes),
    lift_below("ReduceMin", 18, axes),
    lift_below("ReduceProd", 18, axes),
    lift_below("ReduceSum", 13, axes),
    lift_below("ReduceSumSquare", 18, axes),
    lift_below("Reshape", 5, old_forms::reshape),
    lift_below("Resize", 11, resize),
    lift_below("Scatter", 11, scatter),
    lift_below("Selu", 6, old_forms::selu),
    lift_below("Slice", 10, slice),
    lift_below("Softmax", 13, softmax),
    lift_below("Split", 13, split),
    lift_below("Split", 18, split_evenly),
    lift_below("Squeeze", 13, axes),
    lift_below("Sub", 7, old_forms::broadcast),
    lift_below("Tile", 6, old_forms::tile),
    lift_below("TopK", 10, top_k),
    lift_below("Unsqueeze", 13, axes),
    lift_below("Upsample", 7, old_forms::upsample),
    lift_always("Upsample", resize),
    lift_below("Xor", 7, old_forms::broadcast),
];

/// The opset of the standard operators in `model`.
pub(super) fn opset(model: &ModelProto) -> Result<i64, GradientError> {
    // IR versions 1 and 2 have no opsets; their operators are those of opset 1.
    let implied = (model.ir_version() < 3).then_some(1);
    let Some(opset) = standard_opset(&model.opset_import).or(implied) else {
        return Err(GradientError::export(
            "the model does not say which opset its operators are of",
            "export it again",
        ));
    };
    if SUPPORTED.contains(&opset) {
        return Ok(opset);
    }
    let (first, last) = (SUPPORTED.start(), SUPPORTED.end());
    Err(GradientError::export(
        format!("the model is of opset {opset}; opsets {first} to {last} are supported"),
        "export it at a supported opset, or convert it with onnx.version_converter",
    ))
}

/// The opset of the standard operators among those that are imported.
pub(super) fn standard_opset(imports: &[OperatorSetIdProto]) -> Option<i64> {
    let mut imports = imports.iter();
    let standard = imports.find(|import| matches!(import.domain(), "" | "ai.onnx"));
    standard.map(OperatorSetIdProto::version)
}

/// Whether the form of a node's operator differs between two opsets.
pub(super) fn differs(node: &NodeProto, a: i64, b: i64) -> bool {
    matches!(node.domain(), "" | "ai.onnx")
        && LIFTS
            .iter()
            .any(|lift| lift.operator == node.op_type() && (a >= lift.below) != (b >= lift.below))
}

/// Brings each node of a model of opset `from` into the form of opset 18.
pub(super) fn lift(model: &mut ModelProto, from: i64) -> Result<(), GradientError> {
    let graph = model.graph.as_mut().expect("checked by prepare");
    for node in &mut graph.node {
        if node.domain() == "ai.onnx" {
            node.domain = None;
        }
        if from < 6 {
            node.attribute.retain(|a| a.name() != "consumed_inputs");
        }
    }
    training::refuse(graph, from)?;
    for node in std::mem::take(&mut graph.node) {
        old_forms::ensure_known(&node, from)?;
        let mut nodes = vec![node];
        for lift in LIFTS {
            let first = &nodes[0];
            if from >= lift.below || first.op_type() != lift.operator || !first.domain().is_empty()
            {
                continue;
            }
            if first.input_name(0).is_none() || first.output.is_empty() {
                return Err(unsupported(first, "it has no input or no output"));
            }
            nodes = (lift.apply)(nodes.remove(0), &mut graph.initializer);
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
    if model.opset_import.is_empty() {
        model.opset_import.push(OperatorSetIdProto {
            version: Some(OPSET),
            ..OperatorSetIdProto::default()
        });
    }
    model.ir_version = Some(model.ir_version().max(8));
    Ok(())
}

/// Turns an integer attribute into a constant input at position `at`.
pub(super) fn integer_input(
    node: &mut NodeProto,
    attribute: &str,
    at: usize,
    weights: &mut Vec<TensorProto>,
) {
    let Some(values) = node.ints(attribute) else {
        return;
    };
    let name = format!("lift/{}/{attribute}", node.output[0]);
    weights.push(TensorProto::from_integers(&name, &[values.len()], values));
    node.attribute.retain(|a| a.name() != attribute);
    node.input.resize(node.input.len().max(at), String::new());
    node.input.insert(at, name);
}

/// Turns a float attribute into a constant scalar input.
fn float_input(node: &mut NodeProto, attribute: &str, value: f32, weights: &mut Vec<TensorProto>) {
    let name = format!("lift/{}/{attribute}", node.output[0]);
    weights.push(TensorProto::from_floats(&name, &[], &[value]));
    node.attribute.retain(|a| a.name() != attribute);
    node.input.push(name);
}

/// Until opset 14, `BatchNormalization` had outputs and attributes for training.
fn batch_normalization(mut node: NodeProto, _: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    node.output.truncate(1);
    node.attribute.retain(|a| a.name() == "epsilon");
    vec![node]
}

/// A `CastLike` whose type is that of a weight becomes a `Cast` to that type.
#[allow(
    clippy::ptr_arg,
    reason = "the functions of the table share one signature"
)]
fn cast_like(node: NodeProto, weights: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    match weights
        .iter()
        .find(|w| node.input.get(1).is_some_and(|like| like == w.name()))
    {
        Some(like) => {
            vec![NodeProto::new(
                "Cast",
                &[&node.input[0]],
                &node.output[0],
                &[("to", i64::from(like.data_type()).into())],
            )]
        }
        None => vec![node],
    }
}

/// Before opset 11, the bounds were attributes.
fn clip(mut node: NodeProto, weights: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    let [min, max] = [node.float("min", f32::MIN), node.float("max", f32::MAX)];
    float_input(&mut node, "min", min, weights);
    float_input(&mut node, "max", max, weights);
    vec![node]
}

/// At inference, dropout is the identity, whatever its attributes and mask.
fn dropout(node: NodeProto, _: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    vec![NodeProto::new(
        "Identity",
        &[&node.input[0]],
        &node.output[0],
        &[],
    )]
}

/// Before opset 13 or 18, the axes were an attribute.
fn axes(mut node: NodeProto, weights: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    integer_input(&mut node, "axes", 1, weights);
    vec![node]
}

/// Before opset 13, a softmax treated its input as a matrix: all axes from `axis` on were one.
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
        NodeProto::new("Shape", &[&x], shape, &[]),
        NodeProto::new("Flatten", &[&x], matrix, &[("axis", axis.into())]),
        node,
        NodeProto::new("Reshape", &[soft, shape], &y, &[]),
    ]
}

/// Before opset 11, pads and value were attributes.
fn pad(mut node: NodeProto, weights: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    let value = node.float("value", 0.0);
    integer_input(&mut node, "pads", 1, weights);
    float_input(&mut node, "value", value, weights);
    vec![node]
}

/// Until opset 10, `ScatterElements` was called `Scatter`.
fn scatter(mut node: NodeProto, _: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    node.op_type = Some("ScatterElements".into());
    vec![node]
}

/// Before opset 10, bounds and axes were attributes.
fn slice(mut node: NodeProto, weights: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    for (at, attribute) in [(1, "starts"), (2, "ends"), (3, "axes")] {
        integer_input(&mut node, attribute, at, weights);
    }
    vec![node]
}

/// Before opset 13, the sizes were an attribute.
fn split(mut node: NodeProto, weights: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    integer_input(&mut node, "split", 1, weights);
    split_evenly(node, weights)
}

/// Since opset 18, a split without sizes states the number of its parts.
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

/// Before opset 10, k was an attribute.
fn top_k(mut node: NodeProto, weights: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    let name = format!("lift/{}/k", node.output[0]);
    weights.push(TensorProto::from_integers(&name, &[1], &[node.int("k", 0)]));
    node.attribute.retain(|a| a.name() != "k");
    node.input.push(name);
    vec![node]
}

/// `Upsample`, and `Resize` of opset 10: position `o` of the result is at `o / scale` in the input,
/// rounded down, or up if the result is smaller.
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
    // Opset 7 and 8 call it `linear`, some exporters `bilinear`.
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
    vec![NodeProto::new(
        "Resize",
        &[&node.input[0], "", &scales],
        &node.output[0],
        &attributes,
    )]
}
