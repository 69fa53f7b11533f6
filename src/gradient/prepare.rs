//! A model made ready: one image input, the score before the softmax, one opset for forward and backward half.

use std::collections::HashSet;

use super::{Error, Options};
use crate::onnx::Graph;
use crate::onnx::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, TensorShapeProto, TypeProto, ValueInfoProto,
    tensor_proto::DataType, tensor_shape_proto::Dimension, tensor_shape_proto::dimension, type_proto,
};

/// The name of the class scores of a prepared model, [N, classes].
pub const SCORES: &str = "scores";

/// The opset of the operators that the backward half is written in. Older forward nodes are lifted to it.
const OPSET: i64 = 18;

/// A forward model that ends in its class scores.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) model: ModelProto,
    /// The image input.
    pub(super) input: String,
    /// C, H, W.
    pub(super) shape: [usize; 3],
    /// The tensor that is differentiated: any shape that holds one number per class.
    pub(super) target: String,
    /// The tensor that [`SCORES`] is read from; the target, except in the dense form.
    pub(super) scores: String,
}

impl Prepared {
    pub(super) fn graph(&self) -> &GraphProto {
        self.model.graph.as_ref().expect("a prepared model has a graph")
    }

    pub(super) fn graph_mut(&mut self) -> &mut GraphProto {
        self.model.graph.as_mut().expect("a prepared model has a graph")
    }
}

/// Finds input and score, drops what lies behind the score, lifts the rest to [`OPSET`].
pub(super) fn prepare(model: &ModelProto, options: &Options) -> Result<Prepared, Error> {
    let mut model = model.clone();
    let opset = model
        .opset_import
        .iter()
        .find(|o| o.domain().is_empty())
        .map_or(1, super::super::onnx::proto::OperatorSetIdProto::version);
    if opset < 7 {
        return Err(Error::Shape(format!("the model is of opset {opset}; opsets from 7 on are understood")));
    }
    let graph = model.graph.as_mut().ok_or_else(|| Error::Shape("the model holds no graph".into()))?;
    let inputs: HashSet<_> = Graph::new(graph).inputs().map(str::to_owned).collect();
    graph.input.retain(|input| inputs.contains(input.name()));

    let index = Graph::new(graph);
    let target = match &options.target {
        Some(name) if index.producer(name).is_some() => name.clone(),
        Some(name) => {
            return Err(Error::Shape(format!("no tensor of the model is called `{name}`")));
        }
        None => score(&index)?,
    };
    let (input, shape) = image_input(graph, options)?;
    keep_ancestors(graph, &[&target]);
    lift(graph, opset)?;
    for import in model.opset_import.iter_mut().filter(|o| o.domain().is_empty()) {
        import.version = Some(opset.max(OPSET));
    }
    model.ir_version = Some(model.ir_version().max(8));
    Ok(Prepared { model, input, shape, scores: target.clone(), target })
}

/// The class score before the softmax: the posterior can rise by pushing the other classes down (paper, section 2).
///
/// Walks back from the first output through operators that keep or only rearrange the values. Where a softmax is
/// among them, its input is the score; otherwise the output itself is.
fn score(graph: &Graph<'_>) -> Result<String, Error> {
    const TAIL: [&str; 8] = ["Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Cast", "Transpose", "Dropout"];
    let output = graph.proto.output.first().ok_or_else(|| Error::Shape("the model has no output".into()))?;
    let (mut tensor, mut score) = (output.name(), output.name());
    while let Some(node) = graph.producer(tensor) {
        let softmax = matches!(node.op_type(), "Softmax" | "LogSoftmax");
        if !softmax && !TAIL.contains(&node.op_type()) {
            break;
        }
        tensor = node.input_name(0).unwrap_or_default();
        if softmax {
            score = tensor;
        }
    }
    Ok(score.to_owned())
}

fn image_input(graph: &GraphProto, options: &Options) -> Result<(String, [usize; 3]), Error> {
    let [input] = graph.input.as_slice() else {
        let names: Vec<_> = graph.input.iter().map(ValueInfoProto::name).collect();
        return Err(Error::Shape(format!("one image input is wanted, the model has {names:?}")));
    };
    let Some(type_proto::Value::TensorType(tensor)) = input.r#type.as_ref().and_then(|t| t.value.as_ref()) else {
        return Err(Error::Shape(format!("input `{}` is no tensor", input.name())));
    };
    if tensor.elem_type() != DataType::Float as i32 {
        return Err(Error::Shape(format!("input `{}` is not of type float32", input.name())));
    }
    let dims: Vec<_> = tensor.shape.iter().flat_map(|s| &s.dim).map(|d| d.value.clone()).collect();
    let size = |i: usize| match dims.get(i) {
        Some(Some(dimension::Value::DimValue(n))) if *n > 0 => Some(*n as usize),
        _ => None,
    };
    let open = options.size;
    match (dims.len(), size(1), size(2).or(open.map(|s| s[0])), size(3).or(open.map(|s| s[1]))) {
        (4, Some(channels), Some(height), Some(width)) => Ok((input.name().to_owned(), [channels, height, width])),
        (4, Some(_), _, _) => Err(Error::Shape(format!(
            "input `{}` leaves its height or width open; give the size in the model's description",
            input.name()
        ))),
        _ => Err(Error::Shape(format!("input `{}` is not of shape [N, C, H, W]", input.name()))),
    }
}

/// Drops the nodes and weights that do not lead to `tensors`.
pub(super) fn keep_ancestors(graph: &mut GraphProto, tensors: &[&str]) {
    let mut needed: HashSet<String> = tensors.iter().map(|&t| t.to_owned()).collect();
    let mut kept: Vec<_> = std::mem::take(&mut graph.node)
        .into_iter()
        .rev()
        .filter(|node| {
            let keep = node.output.iter().any(|name| needed.contains(name));
            if keep {
                needed.extend(node.input.iter().cloned());
            }
            keep
        })
        .collect();
    kept.reverse();
    graph.node = kept;
    graph.initializer.retain(|t| needed.contains(t.name()));
    graph.value_info.clear();
}

/// Writes each node as opset 18 spells it. What changed in between and is not known here is an error.
fn lift(graph: &mut GraphProto, opset: i64) -> Result<(), Error> {
    let mut weights = Vec::new();
    for node in &mut graph.node {
        match (node.op_type(), opset) {
            // At inference dropout is the identity, whatever its attributes and mask.
            ("Dropout", _) => {
                *node = NodeProto {
                    op_type: Some("Identity".into()),
                    input: node.input[..1].to_vec(),
                    output: node.output[..1].to_vec(),
                    name: node.name.clone(),
                    ..NodeProto::default()
                };
            }
            ("BatchNormalization", ..15) => {
                node.output.truncate(1);
                node.attribute.retain(|a| a.name() == "epsilon");
            }
            ("Clip", ..11) => {
                let bounds = [node.float("min", f32::MIN), node.float("max", f32::MAX)];
                for (bound, value) in ["min", "max"].iter().zip(bounds) {
                    let name = format!("{}/{bound}", node.output[0]);
                    weights.push(TensorProto::from_floats(&name, &[], &[value]));
                    node.input.push(name);
                }
                node.attribute.clear();
            }
            ("Squeeze" | "Unsqueeze" | "ReduceSum", ..13) | ("ReduceMean", ..18) => {
                if let Some(axes) = node.ints("axes") {
                    let name = format!("{}/axes", node.output[0]);
                    weights.push(TensorProto::from_integers(&name, &[axes.len()], axes));
                    node.input.push(name);
                    node.attribute.retain(|a| a.name() != "axes");
                }
            }
            ("Pad" | "Split" | "Resize" | "LpPool" | "ReduceMax" | "ReduceMin" | "ReduceL2" | "ReduceProd", ..18)
            | ("Softmax" | "LogSoftmax" | "Hardmax", ..13)
            | ("Slice" | "Upsample" | "TopK", ..10) => {
                return Err(Error::Unsupported {
                    operator: node.op_type().into(),
                    node: node.label().into(),
                    reason: format!("its form of opset {opset} is not understood; export the model with opset 18"),
                });
            }
            _ => {}
        }
    }
    graph.initializer.extend(weights);
    Ok(())
}

/// A node of the standard domain.
pub(super) fn node(op: &str, inputs: &[&str], output: &str, attributes: &[(&str, AttributeProto)]) -> NodeProto {
    NodeProto {
        op_type: Some(op.into()),
        name: Some(output.into()),
        input: inputs.iter().map(|&s| s.into()).collect(),
        output: vec![output.into()],
        attribute: attributes
            .iter()
            .map(|(name, value)| AttributeProto { name: Some((*name).into()), ..value.clone() })
            .collect(),
        ..NodeProto::default()
    }
}

/// The declaration of a float32 input or output; `None` stands for a free dimension called `rows`.
pub(super) fn declaration(name: &str, rows: &str, dims: &[usize]) -> ValueInfoProto {
    let fixed = dims.iter().map(|&n| dimension::Value::DimValue(n as i64));
    let dim = std::iter::once(dimension::Value::DimParam(rows.into()))
        .chain(fixed)
        .map(|value| Dimension { value: Some(value), ..Dimension::default() })
        .collect();
    let tensor = type_proto::Tensor { elem_type: Some(DataType::Float as i32), shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto {
        name: Some(name.into()),
        r#type: Some(TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..TypeProto::default() }),
        ..ValueInfoProto::default()
    }
}
