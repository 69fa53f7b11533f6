//! Nodes in the form that they have during training are refused: their result depends on chance, or
//! on the other images of a batch. Only `BatchNormalization` of weights may have that form, because
//! it does not depend on the images: so PyTorch writes the standardised weights of a convolution.

use std::collections::HashSet;

use super::error::GradientError;
use crate::onnx::Graph;
use crate::onnx::proto::{GraphProto, NodeProto, TensorProto};

/// Refuses `BatchNormalization` and `Dropout` in training form in a graph of opset `opset`.
pub(super) fn refuse(graph: &GraphProto, opset: i64) -> Result<(), GradientError> {
    let index = Graph::new(graph);
    let variable = variable_tensors(&index);
    let is_variable = |node: &NodeProto| {
        let mut inputs = node.input.iter();
        inputs.any(|name| variable.contains(name.as_str()))
    };
    for node in graph.node.iter().filter(|node| node.domain().is_empty()) {
        let reason = match node.op_type() {
            "BatchNormalization" if is_training_normalization(node, opset) && is_variable(node) => {
                "it takes mean and variance from the image"
            }
            "BatchNormalization" if node.int("spatial", 1) == 0 => {
                "`spatial` is 0: it has a mean and a variance for each position"
            }
            "Dropout" if is_training_dropout(&index, node, opset) => "it drops values at random",
            _ => continue,
        };
        return Err(GradientError::export(
            format!(
                "{} node `{}` is not in the form for inference: {reason}",
                node.op_type(),
                node.label()
            ),
            "export the model for inference (in PyTorch, after model.eval())",
        ));
    }
    Ok(())
}

/// The inputs, and all tensors that are computed from them.
fn variable_tensors<'a>(graph: &Graph<'a>) -> HashSet<&'a str> {
    let mut variable: HashSet<&str> = graph.inputs().collect();
    for node in &graph.proto.node {
        let mut inputs = node.input.iter();
        // The graphs inside a node can use any tensor.
        let has_graphs = node.attribute.iter().any(|attribute| attribute.g.is_some());
        if has_graphs || inputs.any(|name| variable.contains(name.as_str())) {
            variable.extend(node.output.iter().map(String::as_str));
        }
    }
    variable
}

/// Until opset 6, an attribute says so; until opset 13, the number of outputs; then again an
/// attribute. An output with an empty name is left out.
fn is_training_normalization(node: &NodeProto, opset: i64) -> bool {
    let has_statistics = node.output.iter().skip(1).any(|name| !name.is_empty());
    match opset {
        ..7 => has_statistics || node.int("is_test", 0) == 0,
        7..14 => has_statistics,
        _ => node.int("training_mode", 0) != 0,
    }
}

/// Until opset 6, an attribute says so; since opset 12, an input. A ratio of 0 drops nothing.
fn is_training_dropout(graph: &Graph<'_>, node: &NodeProto, opset: i64) -> bool {
    match opset {
        ..7 => node.int("is_test", 0) == 0 && node.float("ratio", 0.5) != 0.0,
        7..12 => false,
        _ => {
            let mode = node.input_name(2);
            let ratio = node.input_name(1).and_then(|name| constant(graph, name));
            let drops_nothing = ratio
                .and_then(|ratio| ratio.floats().ok())
                .is_some_and(|ratio| ratio == [0.0]);
            mode.is_some_and(|name| constant(graph, name).is_none_or(is_true)) && !drops_nothing
        }
    }
}

/// The value of a weight or of a `Constant`.
fn constant<'a>(graph: &Graph<'a>, name: &str) -> Option<&'a TensorProto> {
    graph
        .initializer(name)
        .or_else(|| graph.producer(name)?.tensor("value"))
}

/// The value of a boolean of one element.
fn is_true(boolean: &TensorProto) -> bool {
    match &boolean.raw_data {
        Some(raw) => raw.first() != Some(&0),
        None => boolean.int32_data.first() != Some(&0),
    }
}
