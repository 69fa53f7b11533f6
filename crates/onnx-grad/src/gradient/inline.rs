//! Graphs inside graphs are written out: calls of the model's own functions, and branches whose
//! condition does not depend on the input.

use std::collections::{HashMap, HashSet};

use super::error::GradientError;
use super::graph::{keep_ancestors, output, varying};
use super::runtime::{Runtime, run};
use crate::onnx::proto::{
    AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto,
};

/// The largest number of nodes that the functions of a model may expand to. A small file can
/// describe exponentially many.
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
            return Err(GradientError::Model(
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
            nodes.extend(expanded_call(&node, function, calls));
            if nodes.len() > MAX_NODES {
                return Err(GradientError::Model(format!(
                    "the model's functions expand to more than {MAX_NODES} nodes"
                )));
            }
        }
        graph.node = nodes;
    }
    Ok(())
}

/// The nodes of a function for one call. `number` keeps the names of different calls apart.
fn expanded_call(call: &NodeProto, function: &FunctionProto, number: usize) -> Vec<NodeProto> {
    let mut names = HashMap::new();
    for (i, parameter) in function.input.iter().enumerate() {
        let argument = call.input.get(i).cloned().unwrap_or_default();
        names.insert(parameter.clone(), argument);
    }
    for (inner, outer) in function.output.iter().zip(&call.output) {
        if !outer.is_empty() {
            names.insert(inner.clone(), outer.clone());
        }
    }
    let body = Body {
        nodes: &function.node,
        weights: &[],
        names,
        prefix: format!("{}/{number}/", function.name()),
    };
    body.renamed_nodes()
        .into_iter()
        .map(|inner| with_arguments(inner, call, function))
        .collect()
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

/// Replaces each `If` whose condition does not depend on the input by the branch that is taken.
/// Branches may hold further ones, so this is repeated until there are none.
pub(super) fn conditionals(
    model: &mut ModelProto,
    sample: &TensorProto,
    runtime: &dyn Runtime,
) -> Result<(), GradientError> {
    loop {
        let conditions = fixed_conditions(model.graph.as_ref().expect("checked by prepare"));
        if conditions.is_empty() {
            return Ok(());
        }
        let truths = evaluate(model, &conditions, sample, runtime)?;
        let graph = model.graph.as_mut().expect("checked by prepare");
        for (i, node) in std::mem::take(&mut graph.node).into_iter().enumerate() {
            let truth = node
                .input
                .first()
                .and_then(|name| truths.get(name))
                .filter(|_| node.op_type() == "If");
            match truth {
                Some(&truth) => take_branch(graph, &node, i, truth)?,
                None => graph.node.push(node),
            }
        }
    }
}

/// The conditions of `If` nodes that do not depend on the input, sorted.
fn fixed_conditions(graph: &GraphProto) -> Vec<String> {
    let varying = varying(graph);
    let mut conditions: Vec<_> = graph
        .node
        .iter()
        .filter(|node| node.op_type() == "If" && !node.input.is_empty())
        .map(|node| node.input[0].clone())
        .filter(|name| !varying.contains(name))
        .collect();
    conditions.sort();
    conditions.dedup();
    conditions
}

/// Appends the nodes and weights of one branch of an `If`. `number` keeps the names of different
/// nodes apart.
fn take_branch(
    graph: &mut GraphProto,
    node: &NodeProto,
    number: usize,
    truth: bool,
) -> Result<(), GradientError> {
    let branch = node.graph(if truth { "then_branch" } else { "else_branch" });
    let branch =
        branch.ok_or_else(|| GradientError::Model(format!("`{}` lacks a branch", node.label())))?;
    let names = branch
        .output
        .iter()
        .map(|o| o.name().to_owned())
        .zip(node.output.iter().cloned())
        .collect();
    let body = Body {
        nodes: &branch.node,
        weights: &branch.initializer,
        names,
        prefix: format!("{}/{number}/", node.label()),
    };
    graph.initializer.extend(body.renamed_weights());
    graph.node.extend(body.renamed_nodes());
    Ok(())
}

/// The values of the conditions, from one run.
fn evaluate(
    model: &ModelProto,
    conditions: &[String],
    sample: &TensorProto,
    runtime: &dyn Runtime,
) -> Result<HashMap<String, bool>, GradientError> {
    let mut model = model.clone();
    let graph = model.graph.as_mut().expect("checked by prepare");
    graph.output = conditions.iter().map(|name| output(name)).collect();
    let names: Vec<_> = conditions.iter().map(String::as_str).collect();
    keep_ancestors(graph, &names);
    let values = run(runtime, &model, sample)?;
    let truth = |value: TensorProto| value.raw_data.is_some_and(|raw| raw.first() == Some(&1));
    Ok(conditions
        .iter()
        .cloned()
        .zip(values.into_iter().map(truth))
        .collect())
}

/// The contents of a function or branch, to be moved to an outer graph.
struct Body<'a> {
    nodes: &'a [NodeProto],
    weights: &'a [TensorProto],
    /// The outer names of the inputs and outputs.
    names: HashMap<String, String>,
    /// Put before the names of all other tensors that the body makes.
    prefix: String,
}

impl Body<'_> {
    /// The outer name of a tensor of the body.
    fn outer_name(&self, inner: &str) -> String {
        self.names
            .get(inner)
            .cloned()
            .unwrap_or_else(|| format!("{}{inner}", self.prefix))
    }

    /// The weights under their outer names.
    fn renamed_weights(&self) -> Vec<TensorProto> {
        self.weights
            .iter()
            .map(|weight| TensorProto {
                name: Some(self.outer_name(weight.name())),
                ..weight.clone()
            })
            .collect()
    }

    /// The nodes with the outer names of their tensors. A name that the body neither makes nor is
    /// given belongs to the outer graph already.
    fn renamed_nodes(&self) -> Vec<NodeProto> {
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
                *name = self.outer_name(name);
            }
        };
        let renamed = |node: &NodeProto| {
            let mut node = node.clone();
            for_each_name(&mut node, &rename);
            if !node.name().is_empty() {
                node.name = Some(format!("{}{}", self.prefix, node.name()));
            }
            node
        };
        self.nodes.iter().map(renamed).collect()
    }
}

/// Visits the names of all tensors that a node and its subgraphs use and make.
pub(super) fn for_each_name(node: &mut NodeProto, visit: &dyn Fn(&mut String)) {
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
        for inner in &mut graph.node {
            for_each_name(inner, visit);
        }
        graph
            .output
            .iter_mut()
            .filter_map(|o| o.name.as_mut())
            .for_each(visit);
    }
}
