//! Brings a model into one plain form: one input, the score before the softmax, one opset for
//! forward and backward half.

use std::collections::{HashMap, HashSet};

use super::error::GradientError;
use super::graph::{declaration, keep_ancestors};
use super::options::{ImageSize, Options};
use super::runtime::Runtime;
use super::score::{self, Score};
use super::{inline, integer_input, lift, names, outputs, precision};
use crate::onnx::proto::{
    GraphProto, ModelProto, TensorProto, ValueInfoProto, tensor_proto::DataType,
    tensor_shape_proto::Dimension, tensor_shape_proto::dimension, type_proto,
};
use crate::onnx::{Graph, check};

/// A forward model that ends in its class scores.
#[derive(Clone, Debug)]
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
    /// The nodes that the search for the score passed on its way from the model's output, until
    /// [`score::confirm`] has confirmed the score.
    pub(super) tail: Option<Score>,
    /// What a user of the gradients should know.
    pub(super) warnings: Vec<String>,
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
    let renamed = model.graph.as_mut().map(names::free_interface);
    let options = &with_names(options, &renamed.unwrap_or_default());
    inline::functions(&mut model, opset)?;
    model
        .graph
        .as_ref()
        .map_or(Ok(()), check)
        .map_err(GradientError::Model)?;
    precision::to_float32(&mut model)?;
    let input = fix_input(&mut model, options)?;
    let mut sample =
        TensorProto::sample(&input.name, &input.shape, input.kind).map_err(GradientError::Model)?;
    inline::conditionals(&mut model, &sample, runtime)?;

    let score = find_score(&model, &sample, options, runtime, &input)?;
    let graph = model.graph.as_mut().expect("fix_input has found it");
    let mut chosen = Chosen {
        score,
        wrt: find_wrt(graph, options, &input)?,
        input: input.name,
    };
    let kept: Vec<_> = chosen.names().map(|name| name.clone()).collect();
    keep_ancestors(graph, &kept.iter().map(String::as_str).collect::<Vec<_>>());
    chosen.free_gradients(graph);
    sample.name = Some(chosen.input);
    lift::lift(&mut model, opset)?;
    Ok(Prepared {
        model,
        sample,
        wrt: chosen.wrt,
        scores: chosen.score.tensor.clone(),
        target: chosen.score.tensor.clone(),
        tail: Some(chosen.score),
        warnings: Vec::new(),
    })
}

/// The options with the new names of tensors that were renamed.
fn with_names(options: &Options, renamed: &HashMap<String, String>) -> Options {
    let current = |name: &String| renamed.get(name).unwrap_or(name).clone();
    Options {
        target: options.target.as_ref().map(current),
        wrt: options.wrt.iter().map(current).collect(),
        ..options.clone()
    }
}

/// The tensors of a model that the options choose.
struct Chosen {
    input: String,
    score: Score,
    wrt: Vec<String>,
}

impl Chosen {
    /// The names of all these tensors.
    fn names(&mut self) -> impl Iterator<Item = &mut String> {
        let Score { tensor, output, .. } = &mut self.score;
        [&mut self.input, tensor, output]
            .into_iter()
            .chain(&mut self.wrt)
    }

    /// Renames the tensors of the model that are called like a gradient. If a tensor of `wrt` is
    /// among them, its gradient gets another name too, which may again be taken.
    fn free_gradients(&mut self, graph: &mut GraphProto) {
        loop {
            let renamed = names::free_gradients(graph, &self.wrt);
            if renamed.is_empty() {
                return;
            }
            for name in self.names() {
                if let Some(own) = renamed.get(name) {
                    name.clone_from(own);
                }
            }
        }
    }
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
    outputs::drop_other_inputs(graph, options.target.as_deref());
    let mut input = find_input(graph, options.size)?;
    if integer_input::is_integer(input.kind) && integer_input::to_float32(graph, &input.name) {
        input.kind = DataType::Float;
    }
    graph.input[0] = declaration(&input.name, input.kind, None, &input.shape);
    Ok(input)
}

/// The tensor of class scores: the target, or the one that the output with the scores is made from.
fn find_score(
    model: &ModelProto,
    sample: &TensorProto,
    options: &Options,
    runtime: &dyn Runtime,
    input: &Input,
) -> Result<Score, GradientError> {
    let index = Graph::new(model.graph.as_ref().expect("fix_input has found it"));
    if let Some(name) = &options.target {
        return Ok(Score::chosen(ensure_exists(&index, name, input)?));
    }
    let before = |graph: &Graph<'_>, output: &str| score::find(graph, output).tensor;
    let output = outputs::find_output(model, sample, options, runtime, before)?;
    Ok(score::find(&index, &output))
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

/// The one input of the model, whose open dimensions are filled in: 1 for the batch, `size` for
/// height and width, and the channels that the network reads.
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
        Some(_) if dims.len() == 4 => Some(channels(graph, name)),
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

/// The channels of an image [N, C, H, W] as the first convolution counts them, or else 3. Optimum
/// leaves them open too. A wrong number is found when the model is run.
fn channels(graph: &GraphProto, input: &str) -> usize {
    const COLOURS: usize = 3;
    let index = Graph::new(graph);
    let first = index
        .consumers(input)
        .find(|node| node.op_type() == "Conv")
        .and_then(|conv| {
            let kernel = index.initializer(conv.input_name(1)?)?.shape();
            Some(kernel.get(1)? * usize::try_from(conv.int("group", 1)).ok()?)
        });
    first.unwrap_or(COLOURS)
}

/// The size that a dimension declares, or `None` if it is open.
fn fixed_size(dim: &Dimension) -> Option<usize> {
    match dim.value {
        Some(dimension::Value::DimValue(n)) if n > 0 => Some(n as usize),
        _ => None,
    }
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
