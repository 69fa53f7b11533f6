//! A graph as text, for people, logs and tests.

use std::fmt::Write;

use super::proto::{
    AttributeProto, ModelProto, NodeProto, ValueInfoProto, attribute_proto::AttributeType,
    tensor_shape_proto::Dimension, tensor_shape_proto::dimension, type_proto,
};

/// The model's graph, one line per node.
///
/// ```
/// use onnx_grad::onnx::proto::{GraphProto, ModelProto, NodeProto};
/// let node = NodeProto::new("Concat", &["a", "b"], "c", &[("axis", 1.into())]);
/// let graph = GraphProto { node: vec![node], ..Default::default() };
/// let model = ModelProto { graph: Some(graph), ..Default::default() };
/// assert_eq!(onnx_grad::onnx::text(&model), "c = Concat(a, b) axis=1\n");
/// ```
#[must_use]
pub fn text(model: &ModelProto) -> String {
    model.graph.iter().flat_map(|g| &g.node).map(line).collect()
}

/// An input or output as text: its name and its shape, as in `logits [1, 1000]`.
#[must_use]
pub fn declared(value: &ValueInfoProto) -> String {
    format!("{} [{}]", value.name(), sides(value).join(", "))
}

/// The dimensions of an input or output as text: a number, or the name of an open dimension, or `?`
/// if it has no name.
#[must_use]
pub fn sides(value: &ValueInfoProto) -> Vec<String> {
    let tensor = match value.r#type.as_ref().and_then(|t| t.value.as_ref()) {
        Some(type_proto::Value::TensorType(tensor)) => tensor.shape.as_ref(),
        _ => None,
    };
    let size = |dim: &Dimension| match &dim.value {
        Some(dimension::Value::DimValue(n)) => n.to_string(),
        Some(dimension::Value::DimParam(name)) => name.clone(),
        None => "?".into(),
    };
    tensor
        .into_iter()
        .flat_map(|shape| &shape.dim)
        .map(size)
        .collect()
}

fn line(node: &NodeProto) -> String {
    let mut line = format!(
        "{} = {}({})",
        node.output.join(", "),
        node.op_type(),
        node.input.join(", ")
    );
    for attribute in &node.attribute {
        let _ = write!(line, " {}={}", attribute.name(), value(attribute));
    }
    line + "\n"
}

fn value(attribute: &AttributeProto) -> String {
    match attribute.r#type() {
        AttributeType::Int => attribute.i().to_string(),
        AttributeType::Float => attribute.f().to_string(),
        AttributeType::String => String::from_utf8_lossy(attribute.s()).into_owned(),
        AttributeType::Ints => format!("{:?}", attribute.ints),
        AttributeType::Floats => format!("{:?}", attribute.floats),
        AttributeType::Tensor => format!(
            "tensor{:?}",
            attribute.t.as_ref().map_or(&[][..], |t| &t.dims)
        ),
        other => format!("<{}>", other.as_str_name()),
    }
}
