//! Graphs inside graphs, taken apart: calls of the model's own functions, and branches whose
//! condition is known.

use std::collections::{HashMap, HashSet};

use super::graph::{keep_ancestors, output, varying};
use super::{GradientError, Runtime};
use crate::onnx::proto::{AttributeProto, FunctionProto, ModelProto, NodeProto, TensorProto};

/// A model whose functions call each other to more nodes than this is a bomb.
const MAX_NODES: usize = 1_000_000;

/// Replaces each call of one of the model's own functions by the function's body.
pub(super) fn functions(model: &mut ModelProto) -> Result<(), GradientError> {
    let functions = std::mem::take(&mut model.functions);
    let find = |node: &NodeProto| {
        functions.iter().find(|f| {
            (f.name(), f.domain(), f.overload()) == (node.op_type(), node.domain(), node.overload())
        })
    };
    let Some(graph) = model.graph.as_mut() else {
        return Ok(());
    };
    let mut calls = 0;
    let mut depth = 0;
    while graph.node.iter().any(|node| find(node).is_some()) {
        depth += 1;
        if depth > functions.len() {
            return Err(GradientError::Shape(
                "a function of the model calls itself".into(),
            ));
        }
        let mut nodes = Vec::new();
        for node in std::mem::take(&mut graph.node) {
            let Some(function) = find(&node) else {
                nodes.push(node);
                continue;
            };
            calls += 1;
            let names = function.input.iter().zip(
                node.input
                    .iter()
                    .map(String::as_str)
                    .chain(std::iter::repeat("")),
            );
            let outputs = function
                .output
                .iter()
                .zip(node.output.iter().map(String::as_str));
            let outputs = outputs.filter(|(_, outer)| !outer.is_empty());
            let names = names
                .chain(outputs)
                .map(|(inner, outer)| (inner.clone(), outer.to_owned()))
                .collect();
            let body = Body {
                nodes: &function.node,
                weights: &[],
                names,
                prefix: format!("{}/{calls}/", function.name()),
            };
            nodes.extend(
                body.spliced()
                    .into_iter()
                    .map(|inner| with_arguments(inner, &node, function)),
            );
            if nodes.len() > MAX_NODES {
                return Err(GradientError::Shape(format!(
                    "the model's functions unfold to more than {MAX_NODES} nodes"
                )));
            }
        }
        graph.node = nodes;
    }
    Ok(())
}

/// Gives a node of a function's body the attributes that the call passes, or the function's
/// defaults.
fn with_arguments(mut inner: NodeProto, call: &NodeProto, function: &FunctionProto) -> NodeProto {
    let given = |name: &str| {
        call.attribute
            .iter()
            .chain(&function.attribute_proto)
            .find(|a| a.name() == name)
    };
    let argument = |attribute: AttributeProto| match attribute.ref_attr_name() {
        "" => Some(attribute),
        name => given(name).map(|value| AttributeProto {
            name: attribute.name.clone(),
            ..value.clone()
        }),
    };
    inner.attribute = std::mem::take(&mut inner.attribute)
        .into_iter()
        .filter_map(argument)
        .collect();
    inner
}

/// Replaces each `If` whose condition does not depend on the image by the branch that is taken.
pub(super) fn conditionals(
    model: &mut ModelProto,
    image: &TensorProto,
    runtime: &dyn Runtime,
) -> Result<(), GradientError> {
    loop {
        let graph = model.graph.as_ref().expect("checked by prepare");
        let varying = varying(graph);
        let mut conditions: Vec<_> = graph
            .node
            .iter()
            .filter(|n| n.op_type() == "If" && !n.input.is_empty())
            .map(|n| n.input[0].clone())
            .filter(|name| !varying.contains(name))
            .collect();
        conditions.sort();
        conditions.dedup();
        if conditions.is_empty() {
            return Ok(());
        }
        let taken = truths(model, &conditions, image, runtime)?;
        let graph = model.graph.as_mut().expect("checked by prepare");
        for (i, node) in std::mem::take(&mut graph.node).into_iter().enumerate() {
            let Some(&truth) = node
                .input
                .first()
                .and_then(|name| taken.get(name))
                .filter(|_| node.op_type() == "If")
            else {
                graph.node.push(node);
                continue;
            };
            let branch = node.graph(if truth { "then_branch" } else { "else_branch" });
            let branch = branch.ok_or_else(|| {
                GradientError::Shape(format!("`{}` lacks a branch", node.label()))
            })?;
            let names = branch
                .output
                .iter()
                .map(|o| o.name().to_owned())
                .zip(node.output.iter().cloned())
                .collect();
            let prefix = format!("{}/{i}/", node.label());
            let body = Body {
                nodes: &branch.node,
                weights: &branch.initializer,
                names,
                prefix,
            };
            let renamed = |w: &TensorProto| TensorProto {
                name: Some(body.named(w.name())),
                ..w.clone()
            };
            graph.initializer.extend(body.weights.iter().map(renamed));
            graph.node.extend(body.spliced());
        }
    }
}

/// The values of the conditions, by one run.
fn truths(
    model: &ModelProto,
    conditions: &[String],
    image: &TensorProto,
    runtime: &dyn Runtime,
) -> Result<HashMap<String, bool>, GradientError> {
    let mut model = model.clone();
    let graph = model.graph.as_mut().expect("checked by prepare");
    graph.output = conditions.iter().map(|name| output(name)).collect();
    let names: Vec<_> = conditions.iter().map(String::as_str).collect();
    keep_ancestors(graph, &names);
    let values = runtime.run(&model, image).map_err(GradientError::Probe)?;
    let truth = |value: TensorProto| value.raw_data.is_some_and(|raw| raw.first() == Some(&1));
    Ok(conditions
        .iter()
        .cloned()
        .zip(values.into_iter().map(truth))
        .collect())
}

/// The nodes of a function or branch that are to stand in an outer graph.
struct Body<'a> {
    nodes: &'a [NodeProto],
    weights: &'a [TensorProto],
    /// Outer names of the tensors that the caller knows.
    names: HashMap<String, String>,
    /// Goes before the names of all others that the body makes.
    prefix: String,
}

impl Body<'_> {
    /// The outer name of a tensor that the body makes or is given.
    fn named(&self, inner: &str) -> String {
        self.names
            .get(inner)
            .cloned()
            .unwrap_or_else(|| format!("{}{inner}", self.prefix))
    }

    fn spliced(&self) -> Vec<NodeProto> {
        let outputs = self
            .nodes
            .iter()
            .flat_map(|n| &n.output)
            .map(String::as_str);
        let made: HashSet<&str> = outputs
            .chain(self.weights.iter().map(TensorProto::name))
            .collect();
        let rename = |name: &mut String| {
            if self.names.contains_key(name.as_str()) || made.contains(name.as_str()) {
                *name = self.named(name);
            }
        };
        let renamed = |node: &NodeProto| {
            let mut node = node.clone();
            each_name(&mut node, &rename);
            if !node.name().is_empty() {
                node.name = Some(format!("{}{}", self.prefix, node.name()));
            }
            node
        };
        self.nodes.iter().map(renamed).collect()
    }
}

/// Visits the names of all tensors that a node and its subgraphs use and make.
pub(super) fn each_name(node: &mut NodeProto, visit: &dyn Fn(&mut String)) {
    node.input
        .iter_mut()
        .chain(&mut node.output)
        .filter(|name| !name.is_empty())
        .for_each(visit);
    for graph in node
        .attribute
        .iter_mut()
        .flat_map(|a| a.g.iter_mut().chain(&mut a.graphs))
    {
        graph
            .node
            .iter_mut()
            .for_each(|inner| each_name(inner, visit));
        graph
            .output
            .iter_mut()
            .filter_map(|o| o.name.as_mut())
            .for_each(visit);
    }
}
