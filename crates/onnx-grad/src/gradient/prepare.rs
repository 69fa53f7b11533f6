//! Brings a model into one plain form: one input, the score before the softmax, one opset for
//! forward and backward half.

use std::collections::HashSet;

use super::error::GradientError;
use super::graph::{declaration, keep_ancestors};
use super::options::{ASKED, CLASSES, ImageSize, Options, SEED};
use super::runtime::Runtime;
use super::{inline, lift, precision};
use crate::onnx::proto::{
    GraphProto, ModelProto, TensorProto, ValueInfoProto, tensor_proto::DataType,
    tensor_shape_proto::Dimension, tensor_shape_proto::dimension, type_proto,
};
use crate::onnx::{Graph, check};

/// A forward model that ends in its class scores.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) model: ModelProto,
    /// A value for the model's input: its name, shape and type, and some numbers.
    pub(super) sample: TensorProto,
    /// The tensors that the gradient is taken with respect to, at least one.
    pub(super) wrt: Vec<String>,
    /// The tensor that is differentiated. It holds one number per class, in any shape.
    pub(super) target: String,
    /// The tensor of class scores: the target, except in the dense form.
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

/// Finds input and score, drops what comes after the score, and brings the rest into one plain
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
        .map_err(GradientError::Model)?;
    precision::to_float32(&mut model)?;
    let input = fix_input(&mut model, options)?;
    let sample =
        TensorProto::sample(&input.name, &input.shape, input.kind).map_err(GradientError::Model)?;
    inline::conditionals(&mut model, &sample, runtime)?;

    let graph = model.graph.as_mut().expect("fix_input has found it");
    let target = find_target(graph, options, &input)?;
    let wrt = find_wrt(graph, options, &input)?;
    let kept: Vec<_> = [&target, &input.name]
        .into_iter()
        .chain(&wrt)
        .map(String::as_str)
        .collect();
    keep_ancestors(graph, &kept);
    let gradients: Vec<_> = wrt.iter().map(|tensor| format!("{tensor}_grad")).collect();
    let reserved: Vec<_> = [SEED, CLASSES]
        .into_iter()
        .chain(ASKED)
        .chain(gradients.iter().map(String::as_str))
        .collect();
    rename_reserved(graph, &reserved, &kept)?;
    lift::lift(&mut model, opset)?;
    Ok(Prepared {
        model,
        sample,
        wrt,
        scores: target.clone(),
        target,
    })
}

/// The one input of a model.
struct Input {
    name: String,
    /// Its shape for one image.
    shape: Vec<usize>,
    kind: DataType,
}

/// Leaves the image as the only input, of a fixed shape.
fn fix_input(model: &mut ModelProto, options: &Options) -> Result<Input, GradientError> {
    let graph = model
        .graph
        .as_mut()
        .ok_or_else(|| GradientError::export("the model has no graph", "export it again"))?;
    // Old files list weights as inputs.
    let inputs: HashSet<_> = Graph::new(graph).inputs().map(str::to_owned).collect();
    graph.input.retain(|input| inputs.contains(input.name()));
    let input = find_input(graph, options.size)?;
    graph.input[0] = declaration(&input.name, input.kind, None, &input.shape);
    Ok(input)
}

/// The tensor of class scores.
fn find_target(
    graph: &GraphProto,
    options: &Options,
    input: &Input,
) -> Result<String, GradientError> {
    let index = Graph::new(graph);
    match &options.target {
        Some(name) => ensure_exists(&index, name, input),
        None => score(&index),
    }
}

/// The tensors that the gradient is taken with respect to.
fn find_wrt(
    graph: &GraphProto,
    options: &Options,
    input: &Input,
) -> Result<Vec<String>, GradientError> {
    let index = Graph::new(graph);
    let mut wrt = Vec::new();
    for name in &options.wrt {
        wrt.push(ensure_exists(&index, name, input)?);
    }
    if wrt.is_empty() {
        wrt.push(input.name.clone());
    }
    let repeated = (1..wrt.len()).find(|&i| wrt[..i].contains(&wrt[i]));
    if let Some(i) = repeated {
        return Err(GradientError::RepeatedTensor {
            wrt: wrt[i].clone(),
        });
    }
    if wrt.contains(&input.name) && input.kind != DataType::Float {
        return Err(GradientError::NotFloat {
            input: input.name.clone(),
            kind: input.kind.as_str_name().to_lowercase(),
        });
    }
    Ok(wrt)
}

/// `name`, if it is the input or a node makes it.
fn ensure_exists(index: &Graph<'_>, name: &str, input: &Input) -> Result<String, GradientError> {
    if index.producer(name).is_some() || *name == input.name {
        return Ok(name.to_owned());
    }
    Err(GradientError::UnknownTensor {
        name: name.to_owned(),
        nearest: nearest(index.proto, name),
    })
}

/// The class score before the softmax. The posterior probability of a class can also rise because
/// those of the other classes fall (Simonyan, Vedaldi and Zisserman 2013, section 2).
///
/// Searches backwards from the first output through operators that keep or only rearrange the
/// values. If a softmax is among them, its input is the score; otherwise the output itself is.
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
    let output = graph
        .proto
        .output
        .first()
        .ok_or_else(|| GradientError::export("the model has no output", "export it again"))?;
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

/// The one input of the model, whose open dimensions are filled in: 1 for the batch, `size` for
/// height and width.
fn find_input(graph: &GraphProto, size: Option<ImageSize>) -> Result<Input, GradientError> {
    let [input] = graph.input.as_slice() else {
        let names: Vec<_> = graph.input.iter().map(ValueInfoProto::name).collect();
        return Err(GradientError::export(
            format!("the model must have one input, but has {names:?}"),
            "export the others as constants",
        ));
    };
    let name = input.name();
    let Some(type_proto::Value::TensorType(tensor)) =
        input.r#type.as_ref().and_then(|t| t.value.as_ref())
    else {
        return Err(GradientError::Model(format!(
            "input `{name}` is not a tensor"
        )));
    };
    let kind = DataType::try_from(tensor.elem_type()).unwrap_or(DataType::Undefined);
    let Some(dims) = tensor.shape.as_ref().map(|shape| &shape.dim) else {
        return Err(GradientError::export(
            format!("input `{name}` has no declared shape"),
            "export the model with one",
        ));
    };
    let dims: Vec<_> = dims.iter().map(fixed_size).collect();
    // [N, H, W, C] if the last axis is that of the colours, [N, C, H, W] otherwise.
    let height_axis = if dims.last() == Some(&Some(3)) { 1 } else { 2 };
    let fill_in = |axis: usize| match size {
        _ if axis == 0 => Some(1),
        Some(size) if dims.len() == 4 && axis == height_axis => Some(size.height),
        Some(size) if dims.len() == 4 && axis == height_axis + 1 => Some(size.width),
        _ => None,
    };
    let shape: Option<Vec<_>> = dims
        .iter()
        .enumerate()
        .map(|(axis, dim)| dim.or_else(|| fill_in(axis)))
        .collect();
    match shape {
        Some(shape) => Ok(Input {
            name: name.to_owned(),
            shape,
            kind,
        }),
        None => Err(GradientError::OpenSize {
            input: name.to_owned(),
            dims,
        }),
    }
}

/// The size that a dimension declares, or `None` if it is open.
fn fixed_size(dim: &Dimension) -> Option<usize> {
    match dim.value {
        Some(dimension::Value::DimValue(n)) if n > 0 => Some(n as usize),
        _ => None,
    }
}

/// Renames inner tensors that are called like an input or output of the gradient model.
fn rename_reserved(
    graph: &mut GraphProto,
    reserved: &[&str],
    kept: &[&str],
) -> Result<(), GradientError> {
    if let Some(name) = reserved.iter().find(|name| kept.contains(name)) {
        return Err(GradientError::export(
            format!("the model calls a tensor `{name}`, which the gradient model needs"),
            "rename it",
        ));
    }
    let rename = |name: &mut String| {
        if reserved.contains(&name.as_str()) {
            *name = format!("own/{name}");
        }
    };
    for node in &mut graph.node {
        inline::for_each_name(node, &rename);
    }
    graph
        .initializer
        .iter_mut()
        .filter_map(|weight| weight.name.as_mut())
        .for_each(rename);
    Ok(())
}

/// The tensor that a mistyped name may have meant.
fn nearest(graph: &GraphProto, name: &str) -> Option<String> {
    graph
        .node
        .iter()
        .flat_map(|node| &node.output)
        .map(|tensor| (strsim::jaro_winkler(tensor, name), tensor))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, tensor)| tensor.clone())
}
