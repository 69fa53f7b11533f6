//! Half and double precision converted to float32. On a CPU, a half-precision graph runs through
//! hundreds of casts: it is slower, and its gradients are off by a few per cent.

use super::error::GradientError;
use crate::onnx::proto::{
    GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, attribute_proto::AttributeType,
    tensor_proto::DataType, type_proto,
};

/// Converts every float16, bfloat16 and double tensor to float32: weights, attributes, casts,
/// inputs and outputs.
pub(super) fn to_float32(model: &mut ModelProto) -> Result<(), GradientError> {
    model.graph.as_mut().map_or(Ok(()), in_graph)
}

fn in_graph(graph: &mut GraphProto) -> Result<(), GradientError> {
    graph.initializer.iter_mut().try_for_each(in_tensor)?;
    graph
        .input
        .iter_mut()
        .chain(&mut graph.output)
        .for_each(in_declaration);
    graph.node.iter_mut().try_for_each(in_node)
}

fn in_node(node: &mut NodeProto) -> Result<(), GradientError> {
    for attribute in &mut node.attribute {
        // `Cast`, the random operators, `Attention` and, since opset 21, the quantisers name a type.
        let names_a_type = matches!(
            attribute.name(),
            "to" | "dtype" | "output_dtype" | "stash_type" | "softmax_precision"
        );
        if names_a_type
            && attribute.r#type() == AttributeType::Int
            && is_converted(attribute.i() as i32)
        {
            attribute.i = Some(DataType::Float as i64);
        }
        attribute
            .t
            .iter_mut()
            .chain(&mut attribute.tensors)
            .try_for_each(in_tensor)?;
        attribute
            .g
            .iter_mut()
            .chain(&mut attribute.graphs)
            .try_for_each(in_graph)?;
    }
    Ok(())
}

fn in_tensor(tensor: &mut TensorProto) -> Result<(), GradientError> {
    if let Some(float) = tensor.to_float32().map_err(GradientError::Model)? {
        *tensor = float;
    }
    Ok(())
}

fn in_declaration(declared: &mut ValueInfoProto) {
    if let Some(type_proto::Value::TensorType(tensor)) =
        declared.r#type.as_mut().and_then(|t| t.value.as_mut())
        && is_converted(tensor.elem_type())
    {
        tensor.elem_type = Some(DataType::Float as i32);
    }
}

fn is_converted(kind: i32) -> bool {
    matches!(
        DataType::try_from(kind),
        Ok(DataType::Float16 | DataType::Bfloat16 | DataType::Double)
    )
}
