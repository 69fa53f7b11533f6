//! The attention of a transformer, which is found by its shape.

use onnx_grad::onnx::Graph;
use onnx_grad::onnx::proto::{ModelProto, NodeProto, TensorProto, ValueInfoProto};

use super::any_model::AnyModel;
use super::description::ModelDescription;
use super::error::ClassifierError;
use crate::geometry::patch_grid;
use crate::remedy::Refused;

/// The outputs of all `Softmax` nodes of shape [1, heads, tokens, tokens], from the first block to
/// the last, where the tokens are those of a square grid of patches and a few others.
///
/// # Errors
/// [`ClassifierError::Description`] for a model without such a node, with one whose tokens do not form
/// such a grid, or with ONNX's operator `Attention`, whose attention is not an output.
pub(super) fn tensors(
    model: &ModelProto,
    description: &ModelDescription,
) -> Result<Vec<String>, ClassifierError> {
    let refused = |fault: &str, advice: &'static str| {
        let path = description.model.display();
        ClassifierError::Description(Refused::with_advice(format!("{path}: {fault}"), advice))
    };
    let nodes = || model.graph.iter().flat_map(|graph| &graph.node);
    if let Some(node) = nodes().find(|node| node.op_type() == "Attention") {
        let fault = format!(
            "the attention inside of Attention node `{}` cannot be read",
            node.label()
        );
        return Err(refused(&fault, "export the model with an opset below 23"));
    }
    let mut attention = Vec::new();
    for (name, shape) in softmax_shapes(model, description)? {
        let [1, _, rows, columns] = shape[..] else {
            continue;
        };
        if rows != columns {
            continue;
        }
        if patch_grid(rows).is_none() || description.size.width != description.size.height {
            let fault = format!(
                "the {rows} tokens of the attention `{name}` are not those of a square grid of patches"
            );
            return Err(refused(
                &fault,
                "choose a method for feature maps or for the picture",
            ));
        }
        attention.push(name);
    }
    if attention.is_empty() {
        return Err(refused(
            "the model has no attention: no Softmax node makes a tensor of shape [1, heads, \
             tokens, tokens]",
            "choose a method for feature maps or for the picture",
        ));
    }
    Ok(attention)
}

/// The outputs of all `Softmax` nodes with their shapes, which a run of the model tells.
fn softmax_shapes(
    model: &ModelProto,
    description: &ModelDescription,
) -> Result<Vec<(String, Vec<usize>)>, ClassifierError> {
    let mut probe = model.clone();
    let Some(graph) = &mut probe.graph else {
        return Ok(vec![]);
    };
    let is_softmax = |node: &&NodeProto| node.op_type() == "Softmax";
    let softmaxes = graph.node.iter().filter(is_softmax);
    let names: Vec<_> = softmaxes.map(|node| node.output[0].clone()).collect();
    let shape_of = |i: usize| format!("localise/attention/{i}");
    for (i, name) in names.iter().enumerate() {
        graph
            .node
            .push(NodeProto::new("Shape", &[name], &shape_of(i), &[]));
        graph.output.push(ValueInfoProto {
            name: Some(shape_of(i)),
            ..ValueInfoProto::default()
        });
    }
    let input = Graph::new(graph)
        .inputs()
        .next()
        .unwrap_or_default()
        .to_owned();
    let (height, width) = description.size.shape();
    let channels = description.channels.count();
    let zeros = vec![0.0; channels * height * width];
    let picture = TensorProto::from_floats(&input, &[1, channels, height, width], &zeros);
    let outputs = AnyModel::new(&probe)?.run(&[picture])?;
    let mut shapes = Vec::new();
    for (i, name) in names.into_iter().enumerate() {
        let found = outputs.iter().find(|output| output.name() == shape_of(i));
        let sizes = found
            .and_then(|output| output.integers().ok())
            .unwrap_or_default();
        shapes.push((name, sizes.into_iter().map(|n| n.max(0) as usize).collect()));
    }
    Ok(shapes)
}
