//! A model made ready: one input, the score before the softmax, one opset for forward and backward
//! half.

use std::collections::HashSet;

use super::graph::{declaration, keep_ancestors};
use super::{ASKED, CLASSES, GradientError, Options, Runtime, SEED, inline, lift, precision};
use crate::onnx::proto::{
    GraphProto, ModelProto, TensorProto, ValueInfoProto, tensor_proto::DataType,
    tensor_shape_proto::Dimension, tensor_shape_proto::dimension, type_proto,
};
use crate::onnx::{Graph, check};

/// A forward model that ends in its class scores.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) model: ModelProto,
    /// Some picture for the model's input: its name, its shape, its type.
    pub(super) picture: TensorProto,
    /// The tensors that the gradient is taken with respect to, at least one.
    pub(super) wrt: Vec<String>,
    /// The tensor that is differentiated: any shape that holds one number per class.
    pub(super) target: String,
    /// The tensor of class scores; the target, except in the dense form.
    pub(super) scores: String,
}

impl Prepared {
    /// The tensors that must keep their names and values.
    pub(super) fn kept(&self) -> Vec<String> {
        [&self.target, &self.scores]
            .into_iter()
            .chain(&self.wrt)
            .cloned()
            .collect()
    }

    pub(super) fn graph(&self) -> &GraphProto {
        self.model
            .graph
            .as_ref()
            .expect("a prepared model has a graph")
    }

    pub(super) fn graph_mut(&mut self) -> &mut GraphProto {
        self.model
            .graph
            .as_mut()
            .expect("a prepared model has a graph")
    }
}

/// Finds input and score, drops what lies behind the score, and brings the rest into one plain
/// form.
pub(super) fn prepare(
    model: &ModelProto,
    options: &Options,
    runtime: &dyn Runtime,
) -> Result<Prepared, GradientError> {
    let mut model = model.clone();
    let opset = lift::opset(&model)?;
    inline::functions(&mut model)?;
    model
        .graph
        .as_ref()
        .map_or(Ok(()), check)
        .map_err(GradientError::Shape)?;
    precision::to_float32(&mut model)?;
    let graph = model.graph.as_mut().ok_or_else(|| {
        GradientError::Shape("the model holds no graph\nhelp: export it again".into())
    })?;
    // Old files list weights as inputs.
    let inputs: HashSet<_> = Graph::new(graph).inputs().map(str::to_owned).collect();
    graph.input.retain(|input| inputs.contains(input.name()));
    let (input, shape, kind) = input(graph, options)?;
    graph.input[0] = declaration(&input, kind, None, &shape);
    let picture = TensorProto::picture(&input, &shape, kind).map_err(GradientError::Shape)?;
    inline::conditionals(&mut model, &picture, runtime)?;

    let graph = model.graph.as_mut().expect("checked above");
    let index = Graph::new(graph);
    let known = |name: &String| match index.producer(name).is_some() || *name == input {
        true => Ok(name.clone()),
        false => Err(GradientError::Shape(format!(
            "no tensor of the model is called `{name}`{}",
            nearest(graph, name)
        ))),
    };
    let target = options
        .target
        .as_ref()
        .map_or_else(|| score(&index), known)?;
    let mut wrt = options
        .wrt
        .iter()
        .map(known)
        .collect::<Result<Vec<_>, _>>()?;
    if wrt.is_empty() {
        wrt.push(input.clone());
    }
    if let Some(twice) = wrt
        .iter()
        .enumerate()
        .find_map(|(i, tensor)| wrt[..i].contains(tensor).then_some(tensor))
    {
        return Err(GradientError::Shape(format!(
            "the gradient by `{twice}` is asked for twice\nhelp: name it once"
        )));
    }
    if wrt.contains(&input) && kind != DataType::Float {
        return Err(GradientError::Shape(format!(
            "input `{input}` is of type {}; only a float32 tensor has a gradient\n\
             help: name the first float32 tensor behind it with `--wrt`",
            kind.as_str_name().to_lowercase()
        )));
    }
    let kept: Vec<_> = [&target, &input]
        .into_iter()
        .chain(&wrt)
        .map(String::as_str)
        .collect();
    keep_ancestors(graph, &kept);
    let gradients: Vec<_> = wrt.iter().map(|tensor| format!("{tensor}_grad")).collect();
    let taken: Vec<_> = [SEED, CLASSES]
        .into_iter()
        .chain(ASKED)
        .chain(gradients.iter().map(String::as_str))
        .collect();
    rename(graph, &taken, &kept)?;
    lift::lift(&mut model, opset)?;
    Ok(Prepared {
        model,
        picture,
        wrt,
        scores: target.clone(),
        target,
    })
}

/// The class score before the softmax: the posterior can rise by pushing the other classes down
/// (paper, section 2).
///
/// Walks back from the first output through operators that keep or only rearrange the values. Where
/// a softmax is among them, its input is the score; otherwise the output itself is.
fn score(graph: &Graph<'_>) -> Result<String, GradientError> {
    const TAIL: [&str; 8] = [
        "Identity",
        "Reshape",
        "Flatten",
        "Squeeze",
        "Unsqueeze",
        "Cast",
        "Transpose",
        "Dropout",
    ];
    let output = graph.proto.output.first().ok_or_else(|| {
        GradientError::Shape("the model has no output\nhelp: export it again".into())
    })?;
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

/// The one input of the model: its name, its shape for one photo, its type.
fn input(
    graph: &GraphProto,
    options: &Options,
) -> Result<(String, Vec<usize>, DataType), GradientError> {
    let [input] = graph.input.as_slice() else {
        let names: Vec<_> = graph.input.iter().map(ValueInfoProto::name).collect();
        return Err(GradientError::Shape(format!(
            "one image input is wanted, the model has {names:?}\nhelp: export the others as constants"
        )));
    };
    let name = input.name();
    let Some(type_proto::Value::TensorType(tensor)) =
        input.r#type.as_ref().and_then(|t| t.value.as_ref())
    else {
        return Err(GradientError::Shape(format!("input `{name}` is no tensor")));
    };
    let kind = DataType::try_from(tensor.elem_type()).unwrap_or(DataType::Undefined);
    let Some(dims) = tensor.shape.as_ref().map(|shape| &shape.dim) else {
        return Err(GradientError::Shape(format!(
            "input `{name}` has no declared shape\nhelp: export the model with one"
        )));
    };
    let open = |axis: usize| match (axis, dims.len(), options.size) {
        (0, _, _) => Some(1),
        // [N, H, W, C] where the last axis is that of the colours, [N, C, H, W] otherwise.
        (_, 4, Some(size)) => axis
            .checked_sub(if fixed(&dims[3]) == Some(3) { 1 } else { 2 })
            .map(|i| size[i]),
        _ => None,
    };
    let shape: Option<Vec<_>> = dims
        .iter()
        .enumerate()
        .map(|(i, dim)| fixed(dim).or_else(|| open(i)))
        .collect();
    match shape {
        Some(shape) => Ok((name.to_owned(), shape, kind)),
        None => Err(GradientError::Shape(format!(
            "input `{name}` leaves its size open ({})\n\
             help: give height and width, with `--size` or in the model's description",
            dims.iter()
                .map(|d| fixed(d).map_or("?".into(), |n| n.to_string()))
                .collect::<Vec<_>>()
                .join(" x ")
        ))),
    }
}

fn fixed(dim: &Dimension) -> Option<usize> {
    match dim.value {
        Some(dimension::Value::DimValue(n)) if n > 0 => Some(n as usize),
        _ => None,
    }
}

/// Gives inner tensors other names where the gradient model has these for its own inputs and
/// outputs.
fn rename(graph: &mut GraphProto, taken: &[&str], kept: &[&str]) -> Result<(), GradientError> {
    if let Some(name) = taken.iter().find(|name| kept.contains(name)) {
        return Err(GradientError::Shape(format!(
            "the model calls a tensor `{name}`, which the gradient model needs\nhelp: rename it"
        )));
    }
    let own = |name: &mut String| {
        if taken.contains(&name.as_str()) {
            *name = format!("own/{name}");
        }
    };
    graph
        .node
        .iter_mut()
        .for_each(|node| inline::each_name(node, &own));
    graph
        .initializer
        .iter_mut()
        .filter_map(|w| w.name.as_mut())
        .for_each(own);
    Ok(())
}

/// The tensor that a mistyped name may have meant.
fn nearest(graph: &GraphProto, name: &str) -> String {
    let tensors = graph.node.iter().flat_map(|node| &node.output);
    let near = tensors
        .map(|t| (strsim::jaro_winkler(t, name), t))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    near.map_or(String::new(), |(_, near)| {
        format!("; the nearest is `{near}`")
    })
}
