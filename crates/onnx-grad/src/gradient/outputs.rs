//! Which of a model's outputs holds the class scores. Others hold the label of the best class, a
//! loss, features, or the scores once more in another form.

use std::collections::HashSet;

use super::chain::is_loop;
use super::error::GradientError;
use super::graph::{keep_ancestors, output, uses};
use super::options::Options;
use super::probe::refuse_hazards;
use super::rules;
use super::runtime::{Runtime, run};
use crate::onnx::proto::{
    GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, tensor_proto::DataType,
    type_proto,
};
use crate::onnx::{Graph, sides};

/// Operators whose first input is usually the class scores, or probabilities.
const CONSUMERS_OF_SCORES: [&str; 7] = [
    "ArgMax",
    "LogSoftmax",
    "NegativeLogLikelihoodLoss",
    "Softmax",
    "SoftmaxCrossEntropyLoss",
    "TopK",
    "ZipMap",
];

/// Leaves out the inputs that the scores do not need, such as the true labels of a loss, together
/// with the outputs that need them. Changes nothing where several inputs could be the image.
pub(super) fn drop_other_inputs(graph: &mut GraphProto, target: Option<&str>) {
    if graph.input.len() < 2 {
        return;
    }
    let names: Vec<String> = match target {
        Some(name) => vec![name.to_owned()],
        None => graph.output.iter().map(|o| o.name().to_owned()).collect(),
    };
    let needed = |name: &String| -> Vec<String> {
        let ancestors = ancestors(graph, name);
        let inputs = graph.input.iter().map(|input| input.name().to_owned());
        inputs.filter(|input| ancestors.contains(input)).collect()
    };
    let alone: Vec<(String, String)> = names
        .into_iter()
        .filter_map(|name| match &needed(&name)[..] {
            [input] => Some((name, input.clone())),
            _ => None,
        })
        .collect();
    let Some((_, image)) = alone.first().cloned() else {
        return;
    };
    if alone.iter().any(|(_, input)| *input != image) {
        return;
    }
    let kept: Vec<&str> = alone.iter().map(|(name, _)| name.as_str()).collect();
    keep_ancestors(graph, &kept);
    graph.output.retain(|o| kept.contains(&o.name()));
    graph.input.retain(|input| input.name() == image);
}

/// The tensors that `tensor` depends on.
fn ancestors(graph: &GraphProto, tensor: &str) -> HashSet<String> {
    let mut needed = HashSet::from([tensor.to_owned()]);
    for node in graph.node.iter().rev() {
        if node.output.iter().any(|name| needed.contains(name)) {
            uses(node, &mut needed);
        }
    }
    needed
}

/// The one output that holds the class scores or, behind a `ZipMap`, the tensor of probabilities.
///
/// `score` leads from such a tensor to that before its softmax. `sample` is a value for the
/// model's input. Where several outputs depend on the image, a run of the model tells their shapes.
pub(super) fn find_output(
    model: &ModelProto,
    sample: &TensorProto,
    options: &Options,
    runtime: &dyn Runtime,
    score: impl Fn(&Graph<'_>, &str) -> String,
) -> Result<String, GradientError> {
    let graph = model.graph.as_ref().expect("checked by prepare");
    let index = Graph::new(graph);
    if graph.output.is_empty() {
        return Err(GradientError::export(
            "the model has no output",
            "export it again",
        ));
    }
    let sloped = sloped(graph);
    let mut candidates: Vec<Candidate> = Vec::new();
    for output in graph
        .output
        .iter()
        .filter_map(|declared| score_like(&index, declared, &sloped))
    {
        let score = score(&index, output);
        if candidates.iter().all(|other| other.score != score) {
            let output = output.to_owned();
            candidates.push(Candidate { output, score });
        }
    }
    match (&candidates[..], &graph.output[..]) {
        // Why the only output does not depend on the image is found later.
        ([], [only]) if may_be_float(only) => Ok(only.name().to_owned()),
        ([], _) => Err(no_scores(graph, &sloped, score)),
        ([only], _) => Ok(only.output.clone()),
        _ => choose(model, sample, options, runtime, candidates),
    }
}

/// An output that could be the class scores.
struct Candidate {
    /// The output, or the tensor of probabilities that a map is made from.
    output: String,
    /// The tensor before its softmax.
    score: String,
}

/// The tensors that depend on the image other than in steps.
fn sloped(graph: &GraphProto) -> HashSet<String> {
    let mut sloped: HashSet<String> = graph.input.iter().map(|i| i.name().to_owned()).collect();
    for node in &graph.node {
        if !rules::is_piecewise_constant(node)
            && !makes_labels(node)
            && node.input.iter().any(|name| sloped.contains(name))
        {
            // The second output of `TopK` holds indices.
            let count = if node.op_type() == "TopK" {
                1
            } else {
                node.output.len()
            };
            sloped.extend(node.output.iter().take(count).cloned());
        }
    }
    sloped
}

/// Whether a node's outputs are labels.
fn makes_labels(node: &NodeProto) -> bool {
    matches!(node.op_type(), "ArrayFeatureExtractor" | "LabelEncoder")
}

/// The tensor of an output that could be the class scores: one of floating point that depends on
/// the image, or what a `ZipMap` turns into a map from class to probability.
fn score_like<'a>(
    graph: &Graph<'a>,
    declared: &'a ValueInfoProto,
    sloped: &HashSet<String>,
) -> Option<&'a str> {
    let name = declared.name();
    let tensor = match graph.producer(name) {
        Some(node) if node.op_type() == "ZipMap" => node.input_name(0)?,
        _ if may_be_float(declared) => name,
        _ => return None,
    };
    sloped.contains(tensor).then_some(tensor)
}

/// Whether an output is declared as a tensor of floating point, or not declared at all.
fn may_be_float(output: &ValueInfoProto) -> bool {
    match output.r#type.as_ref().and_then(|t| t.value.as_ref()) {
        Some(type_proto::Value::TensorType(tensor)) => {
            [DataType::Undefined as i32, DataType::Float as i32].contains(&tensor.elem_type())
        }
        Some(_) => false,
        None => true,
    }
}

/// The error for outputs none of which could be the class scores. It names the inner tensors that
/// could be.
fn no_scores(
    graph: &GraphProto,
    sloped: &HashSet<String>,
    score: impl Fn(&Graph<'_>, &str) -> String,
) -> GradientError {
    let index = Graph::new(graph);
    let mut candidates = Vec::new();
    for node in &graph.node {
        if CONSUMERS_OF_SCORES.contains(&node.op_type())
            && let Some(tensor) = node.input_name(0).filter(|name| sloped.contains(*name))
        {
            let score = score(&index, tensor);
            if !candidates.contains(&score) {
                candidates.push(score);
            }
        }
    }
    let outputs: Vec<_> = graph.output.iter().map(described).collect();
    GradientError::UnclearScores {
        fault: format!(
            "no output holds class scores that change with the image: {}",
            outputs.join(", ")
        ),
        candidates,
    }
}

/// An output with its type, for a message.
fn described(output: &ValueInfoProto) -> String {
    let kind = match output.r#type.as_ref().and_then(|t| t.value.as_ref()) {
        Some(type_proto::Value::TensorType(tensor)) => {
            let kind = DataType::try_from(tensor.elem_type()).unwrap_or_default();
            let kind = kind.as_str_name().to_lowercase();
            format!("{kind} [{}]", sides(output).join(", "))
        }
        Some(type_proto::Value::SequenceType(_)) => "a sequence".into(),
        Some(type_proto::Value::MapType(_)) => "a map".into(),
        _ => "of unknown type".into(),
    };
    format!("`{}` ({kind})", output.name())
}

/// The output of the one of several candidates whose shape is that of class scores: it has as many values as there
/// are classes or, if their number is not known, more than one, on a single axis.
fn choose(
    model: &ModelProto,
    sample: &TensorProto,
    options: &Options,
    runtime: &dyn Runtime,
    candidates: Vec<Candidate>,
) -> Result<String, GradientError> {
    let scores: Vec<String> = candidates.iter().map(|c| c.score.clone()).collect();
    let shapes = shapes(model, sample, &scores, runtime)?;
    let batch = sample.shape().first().copied();
    let counts = shapes.iter().map(|shape| match shape[..] {
        [first, ref rest @ ..] if !rest.is_empty() && Some(first) == batch => rest.to_vec(),
        _ => shape.clone(),
    });
    let classes = options
        .classes
        .map(|n| n + usize::from(options.background.is_some()));
    let fits = |shape: &Vec<usize>| match classes {
        Some(classes) => shape.iter().product::<usize>() == classes,
        None => shape.iter().filter(|&&n| n > 1).count() == 1,
    };
    let fitting: Vec<_> = counts
        .zip(&candidates)
        .filter_map(|(shape, candidate)| fits(&shape).then_some(candidate))
        .collect();
    if let [only] = fitting[..] {
        return Ok(only.output.clone());
    }
    let listed: Vec<_> = scores
        .iter()
        .zip(&shapes)
        .map(|(name, shape)| format!("`{name}` {shape:?}"))
        .collect();
    let listed = listed.join(", ");
    let fault = match (fitting.is_empty(), classes) {
        (true, Some(classes)) => {
            format!("none of the model's outputs holds {classes} class scores: {listed}")
        }
        _ => format!("several outputs of the model could be the class scores: {listed}"),
    };
    Err(GradientError::UnclearScores {
        fault,
        candidates: scores,
    })
}

/// The shapes of some tensors, from a run of the model.
fn shapes(
    model: &ModelProto,
    sample: &TensorProto,
    tensors: &[String],
    runtime: &dyn Runtime,
) -> Result<Vec<Vec<usize>>, GradientError> {
    let mut model = model.clone();
    let graph = model.graph.as_mut().expect("checked by prepare");
    let kept: Vec<_> = tensors.iter().map(String::as_str).collect();
    keep_ancestors(graph, &kept);
    refuse_hazards(graph)?;
    if graph.node.iter().any(is_loop) {
        return Err(GradientError::UnclearScores {
            fault: "several outputs of the model could be the class scores, and it cannot be run \
                    to find out"
                .into(),
            candidates: tensors.to_vec(),
        });
    }
    let names: Vec<_> = (0..tensors.len())
        .map(|i| format!("outputs/{i}/shape"))
        .collect();
    for (tensor, name) in tensors.iter().zip(&names) {
        graph
            .node
            .push(NodeProto::new("Shape", &[tensor], name, &[]));
    }
    graph.output = names.iter().map(|name| output(name)).collect();
    let results = run(runtime, &model, sample)?;
    let shape = |result: &TensorProto| {
        let shape = result.integers().map_err(GradientError::Runtime)?;
        Ok(shape.into_iter().map(|n| n.max(0) as usize).collect())
    };
    results.iter().map(shape).collect()
}
