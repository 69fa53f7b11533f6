//! A suspicion: pixels that are scaled by the description, and again by the model itself.

use std::collections::BTreeSet;

use onnx_grad::onnx::Graph;
use onnx_grad::onnx::proto::{GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};

use super::any_model::AnyModel;
use super::description::ModelDescription;
use super::preprocess::tensor;

/// Operators at the beginning of a model that leave the values as they are.
const REARRANGING: [&str; 6] = [
    "Cast",
    "Identity",
    "Reshape",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
];
/// Operators by which models scale their own input.
const SCALING: [&str; 4] = ["Add", "Div", "Mul", "Sub"];
/// By how much black and white differ in the input of usual networks: 1 for an input in 0..=1, 4.4
/// for ImageNet's standard deviations, 255 for plain pixels. The limits are far outside.
const USUAL_DIFFERENCE: std::ops::Range<f32> = 0.25..1000.0;

/// A warning, if the model, which is in the standard form and takes float32, begins with operators
/// that scale its input, and black and white are then unusually near to each other or far apart.
pub(super) fn warning(model: &ModelProto, description: &ModelDescription) -> Option<String> {
    let graph = model.graph.as_ref()?;
    let steps = scaling_steps(graph);
    let last = steps.last()?;
    let [black, white] = [0.0, 255.0].map(|level| scaled(model, &steps, description, level));
    let difference = black?
        .iter()
        .zip(white?)
        .map(|(black, white)| (white - black).abs())
        .fold(0.0, f32::max);
    if USUAL_DIFFERENCE.contains(&difference) {
        return None;
    }
    let operators: Vec<_> = steps
        .iter()
        .filter(|node| SCALING.contains(&node.op_type()))
        .map(|node| format!("{} `{}`", node.op_type(), node.output[0]))
        .collect();
    Some(format!(
        "the pixels seem to be scaled twice: `range`, `mean` and `std` of the description scale \
         them, and so does the model itself ({}), after which black and white differ by \
         {difference:.3} in `{}`; if the model takes plain pixels, its description needs `range = \
         255.0`, `mean = 0.0`, `std = 1.0`",
        operators.join(", "),
        last.output[0]
    ))
}

/// Whether a model begins with operators that scale its input.
pub(super) fn scales_its_input(model: &ModelProto) -> bool {
    let graph = model.graph.as_ref();
    graph.is_some_and(|graph| !scaling_steps(graph).is_empty())
}

/// The nodes at the beginning of a model that only rearrange and scale its input, up to the last
/// that scales it.
fn scaling_steps(graph: &GraphProto) -> Vec<&NodeProto> {
    let index = Graph::new(graph);
    let is_constant = |name: &String| {
        index.initializer(name).is_some()
            || index
                .producer(name)
                .is_some_and(|node| node.op_type() == "Constant")
    };
    let mut steps: Vec<&NodeProto> = Vec::new();
    let mut tensor = index.inputs().next().unwrap_or_default();
    loop {
        let users: Vec<_> = index.consumers(tensor).collect();
        let [node] = users[..] else {
            break;
        };
        let others = node.input.iter().filter(|name| *name != tensor);
        let known = REARRANGING.contains(&node.op_type()) || SCALING.contains(&node.op_type());
        if !known || node.output.len() != 1 || !others.clone().all(is_constant) {
            break;
        }
        steps.push(node);
        tensor = &node.output[0];
    }
    let last = steps
        .iter()
        .rposition(|node| SCALING.contains(&node.op_type()));
    steps.truncate(last.map_or(0, |last| last + 1));
    steps
}

/// What the steps make of a picture of one level of grey; `None` if they cannot be run.
fn scaled(
    model: &ModelProto,
    steps: &[&NodeProto],
    description: &ModelDescription,
    level: f32,
) -> Option<Vec<f32>> {
    let graph = model.graph.as_ref()?;
    let index = Graph::new(graph);
    let constants: BTreeSet<&str> = steps
        .iter()
        .flat_map(|node| &node.input)
        .map(String::as_str)
        .collect();
    let mut nodes: Vec<NodeProto> = constants
        .iter()
        .filter_map(|name| index.producer(name))
        .filter(|node| node.op_type() == "Constant")
        .cloned()
        .collect();
    nodes.extend(steps.iter().map(|node| (*node).clone()));
    let beginning = ModelProto {
        graph: Some(GraphProto {
            name: Some("beginning".into()),
            node: nodes,
            initializer: constants
                .iter()
                .filter_map(|name| index.initializer(name).cloned())
                .collect(),
            input: vec![graph.input.first()?.clone()],
            output: vec![ValueInfoProto {
                name: Some(steps.last()?.output[0].clone()),
                ..ValueInfoProto::default()
            }],
            ..GraphProto::default()
        }),
        functions: vec![],
        // Before IR version 4, weights had to be inputs too.
        ir_version: Some(model.ir_version().max(4)),
        ..model.clone()
    };
    let (height, width) = description.size.shape();
    let picture = ndarray::Array3::from_elem((3, height, width), level);
    let input = tensor(picture.view(), description);
    let values: Vec<f32> = input.iter().copied().collect();
    let image = TensorProto::from_floats(graph.input.first()?.name(), input.shape(), &values);
    let outputs = AnyModel::new(&beginning).ok()?.run(&[image]).ok()?;
    outputs.first()?.floats().ok()
}
