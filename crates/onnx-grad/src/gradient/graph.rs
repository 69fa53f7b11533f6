//! What every step does with a graph: declarations, and which tensors depend on which.

use std::collections::HashSet;

use crate::onnx::proto::{
    GraphProto, NodeProto, TensorShapeProto, TypeProto, ValueInfoProto, tensor_proto::DataType,
    tensor_shape_proto::Dimension, tensor_shape_proto::dimension, type_proto,
};

/// The declaration of an input or output. If `first` is given, it is the name of the first
/// dimension, which is then open.
pub(super) fn declaration(
    name: &str,
    kind: DataType,
    first: Option<&str>,
    dims: &[usize],
) -> ValueInfoProto {
    let dim = dims
        .iter()
        .enumerate()
        .map(|(i, &n)| {
            let value = match first {
                Some(rows) if i == 0 => dimension::Value::DimParam(rows.into()),
                _ => dimension::Value::DimValue(n as i64),
            };
            Dimension {
                value: Some(value),
                ..Dimension::default()
            }
        })
        .collect();
    let tensor = type_proto::Tensor {
        elem_type: Some(kind as i32),
        shape: Some(TensorShapeProto { dim }),
    };
    ValueInfoProto {
        name: Some(name.into()),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    }
}

/// The declaration of an output by its name alone.
pub(super) fn output(name: &str) -> ValueInfoProto {
    ValueInfoProto {
        name: Some(name.into()),
        ..ValueInfoProto::default()
    }
}

/// Adds the tensors that a node and its subgraphs use.
pub(super) fn uses(node: &NodeProto, names: &mut HashSet<String>) {
    names.extend(node.input.iter().cloned());
    for attribute in &node.attribute {
        for graph in attribute.g.iter().chain(&attribute.graphs) {
            names.extend(graph.output.iter().map(|o| o.name().to_owned()));
            graph.node.iter().for_each(|inner| uses(inner, names));
        }
    }
}

/// Drops the nodes and weights that `tensors` do not depend on.
pub(super) fn keep_ancestors(graph: &mut GraphProto, tensors: &[&str]) {
    let mut needed: HashSet<String> = tensors.iter().map(|&t| t.to_owned()).collect();
    let mut kept: Vec<_> = std::mem::take(&mut graph.node)
        .into_iter()
        .rev()
        .filter(|node| {
            let keep = node.output.iter().any(|name| needed.contains(name));
            if keep {
                uses(node, &mut needed);
            }
            keep
        })
        .collect();
    kept.reverse();
    graph.node = kept;
    graph.initializer.retain(|t| needed.contains(t.name()));
    graph.value_info.clear();
    graph.quantization_annotation.clear();
}

/// The tensors whose values depend on the input. The shape of a tensor is taken to be fixed.
pub(super) fn varying(graph: &GraphProto) -> HashSet<String> {
    let mut varying = HashSet::from([graph.input[0].name().to_owned()]);
    let mut used = HashSet::new();
    for node in &graph.node {
        used.clear();
        uses(node, &mut used);
        if !matches!(node.op_type(), "Shape" | "Size")
            && used.iter().any(|name| varying.contains(name))
        {
            varying.extend(node.output.iter().filter(|name| !name.is_empty()).cloned());
        }
    }
    varying
}

/// Visits the names of all tensors of a graph and its subgraphs.
pub(super) fn for_each_name(graph: &mut GraphProto, visit: &mut dyn FnMut(&mut String)) {
    let declared = graph.input.iter_mut().chain(&mut graph.output);
    let weights = &mut graph.initializer;
    let sparse = graph.sparse_initializer.iter_mut();
    declared
        .filter_map(|value| value.name.as_mut())
        .chain(weights.iter_mut().filter_map(|weight| weight.name.as_mut()))
        .chain(sparse.filter_map(|weight| weight.values.as_mut()?.name.as_mut()))
        .for_each(&mut *visit);
    for node in &mut graph.node {
        for_each_name_of(node, visit);
    }
}

/// Visits the names of all tensors that a node and its subgraphs use and make.
pub(super) fn for_each_name_of(node: &mut NodeProto, visit: &mut dyn FnMut(&mut String)) {
    node.input
        .iter_mut()
        .chain(&mut node.output)
        .filter(|name| !name.is_empty())
        .for_each(&mut *visit);
    for attribute in &mut node.attribute {
        for graph in attribute.g.iter_mut().chain(&mut attribute.graphs) {
            for_each_name(graph, visit);
        }
    }
}
