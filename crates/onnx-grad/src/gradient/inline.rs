//! Graphs inside graphs are written out: calls of the model's own functions, and branches whose
//! condition does not depend on the input.

use std::collections::{HashMap, HashSet};

use super::error::{GradientError, unsupported};
use super::graph::{for_each_name, for_each_name_of, keep_ancestors, output, varying};
use super::lift;
use super::probe::refuse_hazards;
use super::runtime::{Runtime, run};
use crate::onnx::proto::{
    AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto,
};

/// The largest number of nodes that the functions of a model may expand to. A small file can
/// describe exponentially many.
const MAX_NODES: usize = 1_000_000;

/// Replaces each call of one of the model's own functions by the function's body. `opset` is that of
/// the model.
pub(super) fn functions(model: &mut ModelProto, opset: i64) -> Result<(), GradientError> {
    let functions = std::mem::take(&mut model.functions);
    for function in &functions {
        ensure_same_forms(function, opset)?;
    }
    let find = |node: &NodeProto| {
        functions.iter().find(|f| {
            (f.name(), f.domain(), f.overload()) == (node.op_type(), node.domain(), node.overload())
        })
    };
    let Some(graph) = model.graph.as_mut() else {
        return Ok(());
    };
    let mut taken = HashSet::new();
    for_each_name(graph, &mut |name| {
        taken.insert(name.clone());
    });
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
            nodes.extend(expanded_call(&node, function, calls, &taken));
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

/// Refuses a function of another opset than the model's in which its operators mean something else.
/// ONNX forbids this.
fn ensure_same_forms(function: &FunctionProto, opset: i64) -> Result<(), GradientError> {
    let own = lift::standard_opset(&function.opset_import).unwrap_or(opset);
    let mut nodes = function.node.iter();
    let Some(node) = nodes.find(|node| lift::differs(node, own, opset)) else {
        return Ok(());
    };
    let (name, operator) = (function.name(), node.op_type());
    Err(GradientError::export(
        format!(
            "function `{name}` is of opset {own} and the model of opset {opset}, between which \
             `{operator}` changed"
        ),
        "export the model without functions, or convert it with onnx.version_converter",
    ))
}

/// The nodes of a function for one call. `number` keeps the names of different calls apart, and
/// none of them is a name of the graph, which are `taken`.
fn expanded_call(
    call: &NodeProto,
    function: &FunctionProto,
    number: usize,
    taken: &HashSet<String>,
) -> Vec<NodeProto> {
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
    body.with_free_prefix(taken)
        .renamed_nodes()
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
        let mut taken = HashSet::new();
        for_each_name(graph, &mut |name| {
            taken.insert(name.clone());
        });
        for (i, node) in std::mem::take(&mut graph.node).into_iter().enumerate() {
            let truth = node
                .input
                .first()
                .and_then(|name| truths.get(name))
                .filter(|_| node.op_type() == "If");
            match truth {
                Some(&truth) => {
                    let body = branch(&node, i, truth)?.with_free_prefix(&taken);
                    graph.initializer.extend(body.renamed_weights());
                    graph.node.extend(body.renamed_nodes());
                }
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

/// The contents of one branch of an `If`. `number` keeps the names of different nodes apart.
fn branch(node: &NodeProto, number: usize, truth: bool) -> Result<Body<'_>, GradientError> {
    let branch = node.graph(if truth { "then_branch" } else { "else_branch" });
    let branch =
        branch.ok_or_else(|| GradientError::Model(format!("`{}` lacks a branch", node.label())))?;
    let names = branch
        .output
        .iter()
        .map(|o| o.name().to_owned())
        .zip(node.output.iter().cloned())
        .collect();
    Ok(Body {
        nodes: &branch.node,
        weights: &branch.initializer,
        names,
        prefix: format!("{}/{number}/", node.label()),
    })
}

/// The values of the conditions, from one run. What it runs is checked first: a loop might not end.
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
    refuse_loops(graph)?;
    refuse_hazards(graph)?;
    let values = run(runtime, &model, sample)?;
    let truth = |value: TensorProto| value.raw_data.is_some_and(|raw| raw.first() == Some(&1));
    Ok(conditions
        .iter()
        .cloned()
        .zip(values.into_iter().map(truth))
        .collect())
}

/// Refuses loops in a graph and in its subgraphs.
fn refuse_loops(graph: &GraphProto) -> Result<(), GradientError> {
    for node in &graph.node {
        if matches!(node.op_type(), "Loop" | "Scan") {
            let reason = "it decides which branch of an `If` is taken, and loops are not supported";
            return Err(unsupported(node, reason));
        }
        for attribute in &node.attribute {
            let mut inner = attribute.g.iter().chain(&attribute.graphs);
            inner.try_for_each(refuse_loops)?;
        }
    }
    Ok(())
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
    /// The body with a prefix under which none of its tensors is called like one of `taken`.
    fn with_free_prefix(mut self, taken: &HashSet<String>) -> Self {
        while self
            .made()
            .iter()
            .any(|inner| taken.contains(&format!("{}{inner}", self.prefix)))
        {
            self.prefix.push('_');
        }
        self
    }

    /// The tensors that the body makes, by their inner names.
    fn made(&self) -> HashSet<&str> {
        let outputs = self.nodes.iter().flat_map(|n| &n.output);
        outputs
            .map(String::as_str)
            .chain(self.weights.iter().map(TensorProto::name))
            .collect()
    }

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
        let made = self.made();
        let mut rename = |name: &mut String| {
            if self.names.contains_key(name.as_str()) || made.contains(name.as_str()) {
                *name = self.outer_name(name);
            }
        };
        let renamed = |node: &NodeProto| {
            let mut node = node.clone();
            for_each_name_of(&mut node, &mut rename);
            if !node.name().is_empty() {
                node.name = Some(format!("{}{}", self.prefix, node.name()));
            }
            node
        };
        self.nodes.iter().map(renamed).collect()
    }
}
