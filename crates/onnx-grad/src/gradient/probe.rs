//! Shapes and constants, read off one run of the model instead of being inferred.
//!
//! Every tensor that depends on the image gets a `Shape` node, every other its value as an output.
//! One run on some picture then tells what a shape inference and a constant folder would have to be
//! written for.

use std::collections::{HashMap, HashSet};

use super::graph::{output, varying};
use super::prepare::Prepared;
use super::{GradientError, Runtime, unsupported};
use crate::onnx::proto::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto};

/// A constant of more bytes than this is a mistake or a bomb.
const MAX_BYTES: i64 = 4 << 30;

/// What one run told.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// The shape of every tensor that depends on the image.
    pub(super) shapes: HashMap<String, Vec<usize>>,
    /// The value of every tensor that does not.
    pub(super) constants: HashMap<String, TensorProto>,
}

/// Probes the model, and turns the nodes whose values do not depend on the image into weights.
pub(super) fn probe(
    prepared: &mut Prepared,
    runtime: &dyn Runtime,
) -> Result<Facts, GradientError> {
    let graph = prepared.graph();
    refuse_traps(graph)?;
    let mut varying: Vec<_> = varying(graph).into_iter().collect();
    varying.sort();
    let outputs = graph
        .node
        .iter()
        .flat_map(|n| &n.output)
        .filter(|name| !name.is_empty());
    let computed: Vec<_> = outputs
        .filter(|name| varying.binary_search(name).is_err())
        .cloned()
        .collect();

    let model = with_questions(prepared, &computed, &varying);
    let mut results = runtime
        .run(&model, &prepared.picture)
        .map_err(GradientError::Probe)?
        .into_iter();

    let mut facts = Facts::default();
    for (name, value) in computed.iter().zip(&mut results) {
        facts.constants.insert(
            name.clone(),
            TensorProto {
                name: Some(name.clone()),
                ..value
            },
        );
    }
    for (name, shape) in varying.into_iter().zip(&mut results) {
        let shape = shape.integers().map_err(GradientError::Probe)?;
        if shape.contains(&0) {
            return Err(GradientError::Shape(format!(
                "`{name}` is of shape {shape:?} and holds no values"
            )));
        }
        facts
            .shapes
            .insert(name, shape.iter().map(|&n| n as usize).collect());
    }
    let scores = results
        .next()
        .and_then(|scores| scores.floats().ok())
        .unwrap_or_default();
    if scores.iter().any(|s| !s.is_finite()) {
        return Err(GradientError::Shape(format!(
            "`{}` is not finite for some picture: a weight that it depends on is NaN or infinite",
            prepared.target
        )));
    }
    let folded: HashSet<_> = computed.iter().collect();
    let graph = prepared.graph_mut();
    graph
        .node
        .retain(|node| !node.output.iter().any(|name| folded.contains(name)));
    graph
        .initializer
        .extend(computed.iter().map(|name| facts.constants[name].clone()));
    facts.constants.extend(
        graph
            .initializer
            .iter()
            .map(|t| (t.name().to_owned(), t.clone())),
    );
    Ok(facts)
}

/// The model with these outputs: the values of `computed`, the shapes of `varying`, which is
/// sorted, and the target.
fn with_questions(prepared: &Prepared, computed: &[String], varying: &[String]) -> ModelProto {
    let mut model = prepared.model.clone();
    let graph = model.graph.as_mut().expect("a prepared model has a graph");
    graph.output = computed.iter().map(|name| output(name)).collect();
    let input = graph.input[0].name().to_owned();
    let shape = |i: usize| format!("shape/{i}");
    graph
        .output
        .extend((0..varying.len()).map(|i| output(&shape(i))));
    let shape_of = |name: &String| {
        let i = varying.binary_search(name).ok()?;
        Some(NodeProto::of("Shape", &[name], &shape(i), &[]))
    };
    // ONNX Runtime takes the last node without users first, with all that it needs. So the latest
    // tensor's shape comes first here: each tensor's shape is taken, and its memory given back,
    // before the next one is made.
    let tensors = graph
        .node
        .iter()
        .rev()
        .flat_map(|node| &node.output)
        .chain([&input]);
    let shapes: Vec<_> = tensors.filter_map(shape_of).collect();
    graph.node.extend(shapes);
    graph.output.push(output(&prepared.target));
    model
}

/// Whether the text is what ONNX `Einsum` takes: terms of letters, each with at most one "...", and
/// one "->" at most.
fn is_equation(text: &str) -> bool {
    let plain = text.replace(' ', "");
    let is_term = |term: &str| {
        term.replacen("...", "", 1)
            .chars()
            .all(|c| c.is_ascii_alphabetic())
    };
    plain.matches("->").count() <= 1
        && plain
            .split("->")
            .flat_map(|side| side.split(','))
            .all(is_term)
}

/// Refuses what is known to fill the memory, to end the runtime or never to end: it would only be
/// noticed while it runs.
fn refuse_traps(graph: &GraphProto) -> Result<(), GradientError> {
    let constants = graph
        .node
        .iter()
        .filter_map(|n| Some((n.output.first()?.as_str(), n.tensor("value")?)));
    let weights: HashMap<_, _> = graph
        .initializer
        .iter()
        .map(|t| (t.name(), t))
        .chain(constants)
        .collect();
    for node in &graph.node {
        let reason = match node.op_type() {
            "ConstantOfShape" => {
                let shape = node
                    .input_name(0)
                    .and_then(|name| weights.get(name)?.integers().ok())
                    .unwrap_or_default();
                let bytes = shape.iter().try_fold(4i64, |n, &d| n.checked_mul(d));
                let large = bytes.is_none_or(|bytes| bytes > MAX_BYTES);
                large.then(|| {
                    format!(
                        "it makes a tensor of shape {shape:?}, of more than {} GiB",
                        MAX_BYTES >> 30
                    )
                })
            }
            // ONNX Runtime 1.32 dies of it.
            "Split" if node.output.iter().any(String::is_empty) => {
                Some("it leaves an output out".to_owned())
            }
            "Split" if ![0, node.output.len() as i64].contains(&node.int("num_outputs", 0)) => {
                Some("it has not as many outputs as it says".to_owned())
            }
            // ONNX Runtime 1.32 does not come back from some of the others.
            "Einsum" => {
                let equation = node
                    .attribute
                    .iter()
                    .find(|a| a.name() == "equation")
                    .map_or(&[][..], AttributeProto::s);
                let text = String::from_utf8_lossy(equation);
                (!is_equation(&text)).then(|| format!("its equation '{text}' is none"))
            }
            _ => None,
        };
        if let Some(reason) = reason {
            return Err(unsupported(node, &reason));
        }
    }
    Ok(())
}
