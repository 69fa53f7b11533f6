//! Shapes and constants, which are not inferred but read from a run of the model.
//!
//! Every tensor that depends on the input gets a `Shape` node, and every other tensor becomes an
//! output. One run on a sample input then replaces shape inference and constant folding.

use std::collections::{HashMap, HashSet};

use super::error::{GradientError, unsupported};
use super::graph::{output, varying};
use super::prepare::Prepared;
use super::runtime::{Runtime, run};
use crate::onnx::proto::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto};

/// The largest constant, in bytes. A small file can ask for a larger one by mistake or on purpose.
const MAX_BYTES: i64 = 4 << 30;

/// What a run of the model has shown.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// The shape of every tensor that depends on the input.
    pub(super) shapes: HashMap<String, Vec<usize>>,
    /// The value of every tensor that does not.
    pub(super) constants: HashMap<String, TensorProto>,
}

/// Probes the model, which [`refuse_hazards`] has accepted, and turns the nodes whose values do not depend on the input into weights.
pub(super) fn probe(
    prepared: &mut Prepared,
    runtime: &dyn Runtime,
) -> Result<Facts, GradientError> {
    let graph = prepared.graph();
    let mut varying: Vec<_> = varying(graph).into_iter().collect();
    varying.sort();
    let computed: Vec<_> = graph
        .node
        .iter()
        .flat_map(|node| &node.output)
        .filter(|name| !name.is_empty() && varying.binary_search(name).is_err())
        .cloned()
        .collect();

    let model = with_probe_outputs(prepared, &computed, &varying);
    let mut results = run(runtime, &model, &prepared.sample)?.into_iter();
    let mut facts = Facts::default();
    for (name, value) in computed.iter().zip(&mut results) {
        let constant = TensorProto {
            name: Some(name.clone()),
            ..value
        };
        facts.constants.insert(name.clone(), constant);
    }
    for (name, value) in varying.into_iter().zip(&mut results) {
        let shape = checked_shape(&name, &value)?;
        facts.shapes.insert(name, shape);
    }
    let scores = results
        .next()
        .and_then(|scores| scores.floats().ok())
        .unwrap_or_default();
    if scores.iter().any(|s| !s.is_finite()) {
        return Err(GradientError::Model(format!(
            "`{}` is not finite for a sample image: a weight that it depends on is NaN or infinite",
            prepared.target
        )));
    }
    fold_constants(prepared.graph_mut(), &computed, &mut facts);
    Ok(facts)
}

/// A shape that the probe has returned for tensor `name`.
fn checked_shape(name: &str, value: &TensorProto) -> Result<Vec<usize>, GradientError> {
    let shape = value.integers().map_err(GradientError::Runtime)?;
    if shape.contains(&0) {
        return Err(GradientError::Model(format!(
            "`{name}` is of shape {shape:?} and holds no values"
        )));
    }
    Ok(shape.iter().map(|&n| n as usize).collect())
}

/// Replaces the nodes that make the tensors of `computed` by weights.
fn fold_constants(graph: &mut GraphProto, computed: &[String], facts: &mut Facts) {
    let folded: HashSet<_> = computed.iter().collect();
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
}

/// The model with these outputs: the values of `computed`, the shapes of `varying`, which is
/// sorted, and the target.
fn with_probe_outputs(prepared: &Prepared, computed: &[String], varying: &[String]) -> ModelProto {
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
        Some(NodeProto::new("Shape", &[name], &shape(i), &[]))
    };
    // ONNX Runtime first runs the last node without users, with all that it needs. So the shape of
    // the last tensor comes first here: each tensor's shape is taken and its memory freed before
    // the next tensor is made.
    let shapes: Vec<_> = graph
        .node
        .iter()
        .rev()
        .flat_map(|node| &node.output)
        .chain([&input])
        .filter_map(shape_of)
        .collect();
    graph.node.extend(shapes);
    graph.output.push(output(&prepared.target));
    model
}

/// Refuses nodes that are known to exhaust the memory, to crash the runtime or never to end, also
/// in subgraphs. None of these could be caught while the model runs.
pub(super) fn refuse_hazards(graph: &GraphProto) -> Result<(), GradientError> {
    refuse_nested_hazards(graph, &HashMap::new())
}

/// The same for a graph that can use the weights `outer`.
fn refuse_nested_hazards<'a>(
    graph: &'a GraphProto,
    outer: &HashMap<&'a str, &'a TensorProto>,
) -> Result<(), GradientError> {
    let mut weights = outer.clone();
    weights.extend(graph.initializer.iter().map(|t| (t.name(), t)));
    weights.extend(
        graph
            .node
            .iter()
            .filter_map(|n| Some((n.output.first()?.as_str(), n.tensor("value")?))),
    );
    for node in &graph.node {
        if let Some(reason) = hazard(node, &weights) {
            return Err(unsupported(node, &reason));
        }
        for attribute in &node.attribute {
            for inner in attribute.g.iter().chain(&attribute.graphs) {
                refuse_nested_hazards(inner, &weights)?;
            }
        }
    }
    Ok(())
}

/// Why a node must not be run.
fn hazard(node: &NodeProto, weights: &HashMap<&str, &TensorProto>) -> Option<String> {
    match node.op_type() {
        "ConstantOfShape" => {
            let shape = node
                .input_name(0)
                .and_then(|name| weights.get(name)?.integers().ok())
                .unwrap_or_default();
            let bytes = shape.iter().try_fold(4i64, |n, &d| n.checked_mul(d));
            bytes.is_none_or(|bytes| bytes > MAX_BYTES).then(|| {
                let limit = MAX_BYTES >> 30;
                format!("it makes a tensor of shape {shape:?}, of more than {limit} GiB")
            })
        }
        // These crash ONNX Runtime 1.32.
        "GatherND" if node.int("batch_dims", 0) < 0 => {
            Some("its `batch_dims` is negative".to_owned())
        }
        "Split" if node.output.iter().any(String::is_empty) => {
            Some("it leaves an output out".to_owned())
        }
        "Split" if ![0, node.output.len() as i64].contains(&node.int("num_outputs", 0)) => {
            Some("its number of outputs differs from `num_outputs`".to_owned())
        }
        // ONNX Runtime 1.32 never returns from some invalid equations.
        "Einsum" => {
            let equation = node
                .attribute
                .iter()
                .find(|a| a.name() == "equation")
                .map_or(&[][..], AttributeProto::s);
            let text = String::from_utf8_lossy(equation);
            (!is_equation(&text)).then(|| format!("its equation '{text}' is invalid"))
        }
        _ => None,
    }
}

/// Whether the text is a valid equation of ONNX `Einsum`: terms of letters, each with at most one
/// "...", and at most one "->".
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
