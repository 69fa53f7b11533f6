//! An integer input as float32, so that it has a gradient.

use std::collections::HashSet;

use super::graph::uses;
use crate::onnx::proto::{
    AttributeProto, GraphProto, NodeProto, TensorProto, tensor_proto::DataType,
};

/// Operators that take values of their first input by position, whatever the type is.
const REARRANGING: [&str; 13] = [
    "DepthToSpace",
    "Dropout",
    "Expand",
    "Flatten",
    "Gather",
    "Identity",
    "Reshape",
    "Slice",
    "SpaceToDepth",
    "Split",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
];

/// Whether a type is one of integers.
pub(super) fn is_integer(kind: DataType) -> bool {
    matches!(
        kind,
        DataType::Uint8
            | DataType::Int8
            | DataType::Uint16
            | DataType::Int16
            | DataType::Uint32
            | DataType::Int32
            | DataType::Uint64
            | DataType::Int64
    )
}

/// Rewrites the nodes that use an integer `input`, so that it can be declared as float32. Returns
/// `false`, and changes nothing, where that cannot be done.
///
/// Up to the first cast to float32, the input may only be rearranged. Each cast becomes the
/// identity, and `DequantizeLinear` becomes `s · (x − z)`. Whole numbers that the integer type can
/// hold keep their scores, and the gradient is that of the cast's result.
pub(super) fn to_float32(graph: &mut GraphProto, input: &str) -> bool {
    let mut integers = HashSet::from([input.to_owned()]);
    let (mut nodes, mut weights) = (Vec::new(), Vec::new());
    for node in &graph.node {
        let mut used = HashSet::new();
        uses(node, &mut used);
        let others = used
            .iter()
            .filter(|name| node.input.first() != Some(*name) && integers.contains(*name));
        let has_others = others.count() > 0;
        let is_first = node
            .input
            .first()
            .is_some_and(|name| integers.contains(name));
        match (is_first, has_others) {
            (false, false) => nodes.push(node.clone()),
            (true, false) if node.domain().is_empty() => {
                let Some(new) = float_form(node, graph, &mut weights) else {
                    return false;
                };
                if new.still_integers {
                    integers.extend(node.output.iter().cloned());
                }
                nodes.extend(new.nodes);
            }
            _ => return false,
        }
    }
    graph.node = nodes;
    graph.initializer.extend(weights);
    true
}

/// What a node becomes when its first input is float32.
struct FloatForm {
    nodes: Vec<NodeProto>,
    /// Whether its outputs were integers.
    still_integers: bool,
}

/// The float32 form of a node whose first input was an integer tensor; `None` if it has none.
fn float_form(
    node: &NodeProto,
    graph: &GraphProto,
    weights: &mut Vec<TensorProto>,
) -> Option<FloatForm> {
    const FLOAT: i64 = DataType::Float as i64;
    match node.op_type() {
        "Shape" | "Size" => Some(FloatForm {
            nodes: vec![node.clone()],
            still_integers: false,
        }),
        "Cast" => {
            let to = node.int("to", FLOAT);
            let is_integer = DataType::try_from(to as i32).is_ok_and(is_integer);
            let to_float = AttributeProto {
                name: Some("to".into()),
                ..FLOAT.into()
            };
            let cast = NodeProto {
                attribute: vec![to_float],
                ..node.clone()
            };
            (is_integer || to == FLOAT).then(|| FloatForm {
                nodes: vec![cast],
                still_integers: is_integer,
            })
        }
        "DequantizeLinear" => Some(FloatForm {
            nodes: dequantized(node, graph, weights)?,
            still_integers: false,
        }),
        operator => REARRANGING.contains(&operator).then(|| FloatForm {
            nodes: vec![node.clone()],
            still_integers: true,
        }),
    }
}

/// `y = s · (x − z)` in place of a `DequantizeLinear` with one scale for the whole tensor; `None`
/// if it has several, or if its zero point is not a weight.
fn dequantized(
    node: &NodeProto,
    graph: &GraphProto,
    weights: &mut Vec<TensorProto>,
) -> Option<Vec<NodeProto>> {
    let weight = |i: usize| {
        let name = node.input_name(i)?;
        graph.initializer.iter().find(|w| w.name() == name)
    };
    let scale = weight(1)?;
    if scale.floats().ok()?.len() != 1 {
        return None;
    }
    let output = node.output.first()?;
    let zero = match node.input_name(2) {
        None => 0.0,
        Some(_) => integer_value(weight(2)?)?,
    };
    let (zero_name, difference) = (format!("{output}/zero"), format!("{output}/difference"));
    weights.push(TensorProto::from_floats(&zero_name, &[], &[zero]));
    Some(vec![
        NodeProto::new("Sub", &[&node.input[0], &zero_name], &difference, &[]),
        NodeProto::new("Mul", &[&difference, scale.name()], output, &[]),
    ])
}

/// The one value of an integer weight.
fn integer_value(weight: &TensorProto) -> Option<f32> {
    let value = match (DataType::try_from(weight.data_type()), &weight.raw_data) {
        (Ok(DataType::Uint8), Some(raw)) => i64::from(*raw.first()?),
        (Ok(DataType::Int8), Some(raw)) => i64::from(*raw.first()? as i8),
        (Ok(DataType::Uint8 | DataType::Int8), None) => i64::from(*weight.int32_data.first()?),
        _ => *weight.integers().ok()?.first()?,
    };
    (weight.shape().iter().product::<usize>() == 1).then_some(value as f32)
}
