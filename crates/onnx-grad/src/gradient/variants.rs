//! A forward half that takes many variants of a tensor at once, for methods that change the picture
//! or a layer many times and only look at the scores.

use super::graph::{declaration, keep_ancestors};
use crate::onnx::Graph;
use crate::onnx::proto::{
    GraphProto, ModelProto, TensorProto, ValueInfoProto, tensor_proto::DataType,
};

/// The name of the open batch axis.
const BATCH: &str = "N";

/// The part of `forward` from `tensor`, of shape [1, ...], to the scores: its input is `tensor`,
/// of shape [N, ...] with any N if `several`, and with N = 1 otherwise, and the scores have N rows.
///
/// `tensor` is the model's input or a tensor that a node makes. If the scores depend on the image
/// in another way too, the image stays an input, of one image.
///
/// With `several`, the result is right only if no node mixes the images of a batch or has a number of images
/// written into it, which the caller must check by a run. The first number of the shapes of
/// `Reshape` is set to that of its input, as most exporters write the number of images there.
#[must_use]
pub fn variants(forward: &ModelProto, tensor: &str, shape: &[usize], several: bool) -> ModelProto {
    let mut model = forward.clone();
    let Some(graph) = &mut model.graph else {
        return model;
    };
    let scores: Vec<_> = graph.output.iter().map(|o| o.name().to_owned()).collect();
    // What used to make the tensor makes something that nothing uses.
    let outputs = graph.node.iter_mut().flat_map(|node| &mut node.output);
    for output in outputs.filter(|output| *output == tensor) {
        *output = format!("variants/own/{tensor}");
    }
    keep_ancestors(
        graph,
        &scores.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let is_used = |input: &ValueInfoProto| {
        let uses_it = |name: &String| name == input.name();
        input.name() != tensor && graph.node.iter().any(|node| node.input.iter().any(uses_it))
    };
    let mut inputs: Vec<_> = graph
        .input
        .iter()
        .filter(|&input| is_used(input))
        .cloned()
        .collect();
    inputs.insert(
        0,
        declaration(tensor, DataType::Float, several.then_some(BATCH), shape),
    );
    graph.input = inputs;
    if several {
        open_batch(graph);
    }
    model
}

/// Leaves the number of images open.
fn open_batch(graph: &mut GraphProto) {
    for output in &mut graph.output {
        output.r#type = None;
    }
    let index = Graph::new(graph);
    let targets: Vec<_> = graph
        .node
        .iter()
        .map(|node| {
            let is_reshape = node.op_type() == "Reshape" && node.int("allowzero", 0) == 0;
            let target = index.initializer(node.input_name(1).filter(|_| is_reshape)?)?;
            let mut sizes = target.integers().ok()?;
            let first = sizes.first_mut().filter(|first| **first == 1)?;
            *first = 0;
            let name = format!("variants/{}", node.output[0]);
            Some(TensorProto::from_integers(&name, &[sizes.len()], &sizes))
        })
        .collect();
    for (node, target) in graph.node.iter_mut().zip(targets) {
        if let Some(target) = target {
            target.name().clone_into(&mut node.input[1]);
            graph.initializer.push(target);
        }
    }
}
