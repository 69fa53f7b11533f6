//! Reverse-mode differentiation on a graph: paths, broadcasting, accumulation and arity. It knows no operator.

use std::collections::{HashMap, HashSet};

use super::builder::{Builder, Value, unsupported};
use super::prepare::{Prepared, SCORES, declaration, keep_ancestors, node};
use super::probe::Facts;
use super::rules::{self, Rule};
use super::{Error, GRADIENT, GradientModel, SEED};
use crate::onnx::proto::{GraphProto, ModelProto, NodeProto};

/// Appends the backward half and declares inputs and outputs.
pub(super) fn differentiate(prepared: Prepared, facts: Facts) -> Result<GradientModel, Error> {
    let Prepared { model, input, shape, target, scores } = prepared;
    let graph = model.graph.as_ref().expect("a prepared model has a graph");
    let path = path(graph, &input, &target);
    if !path.contains(&input) {
        return Err(Error::Shape(format!("`{target}` does not depend on the image `{input}`")));
    }
    let target_shape = facts.shapes[&target].clone();
    let classes = target_shape.iter().product();
    if target_shape.first() != Some(&1) {
        let found = format!("`{target}` is of shape {target_shape:?} for one photo; one row of class scores is wanted");
        return Err(Error::Shape(found));
    }
    let chain = chain(graph, &path, &input, &target)?;

    let mut g = Builder::new(graph.node.clone(), graph.initializer.clone(), facts, path);
    g.enter(&target);
    let seed = Value { name: SEED.into(), shape: vec![1, classes] };
    let seed = g.reshape(&seed, &target_shape);
    let gradient = backward(&mut g, &chain, &target, seed, &input)?;
    g.enter("");
    g.nodes.push(node("Identity", &[&gradient.name], GRADIENT, &[]));
    let flat = g.new_integers("classes", &[-1, classes as i64]);
    g.nodes.push(node("Reshape", &[&scores, &flat.name], SCORES, &[]));

    let [c, h, w] = shape;
    let image = declaration(&input, "N", &[c, h, w]);
    let build = |inputs: Vec<_>, outputs: Vec<_>, keep: &[&str]| {
        let mut graph = GraphProto {
            name: Some("gradient".into()),
            node: g.nodes.clone(),
            initializer: g.weights.clone(),
            input: inputs,
            output: outputs,
            ..GraphProto::default()
        };
        keep_ancestors(&mut graph, keep);
        ModelProto {
            ir_version: model.ir_version,
            opset_import: model.opset_import.clone(),
            producer_name: Some("localise".into()),
            producer_version: Some(env!("CARGO_PKG_VERSION").into()),
            functions: model.functions.clone(),
            graph: Some(graph),
            ..ModelProto::default()
        }
    };
    let scores = declaration(SCORES, "N", &[classes]);
    let seeded = vec![image.clone(), declaration(SEED, "M", &[classes])];
    let both = vec![scores.clone(), declaration(GRADIENT, "M", &[c, h, w])];
    Ok(GradientModel {
        model: build(seeded, both, &[SCORES, GRADIENT]),
        forward: build(vec![image], vec![scores], &[SCORES]),
        input,
        input_shape: shape,
        classes,
    })
}

/// The tensors through which `target` depends on `input`.
fn path(graph: &GraphProto, input: &str, target: &str) -> HashSet<String> {
    let mut from_input = HashSet::from([input.to_owned()]);
    for node in &graph.node {
        // The shape of a tensor does not change with its values.
        if !matches!(node.op_type(), "Shape" | "Size") && node.input.iter().any(|name| from_input.contains(name)) {
            from_input.extend(node.output.iter().cloned());
        }
    }
    let mut to_target = HashSet::from([target.to_owned()]);
    for node in graph.node.iter().rev() {
        if node.output.iter().any(|name| to_target.contains(name)) {
            to_target.extend(node.input.iter().cloned());
        }
    }
    from_input.intersection(&to_target).cloned().collect()
}

/// The nodes on the path with their rules, from the target back to the image.
fn chain(
    graph: &GraphProto,
    path: &HashSet<String>,
    input: &str,
    target: &str,
) -> Result<Vec<(NodeProto, Rule)>, Error> {
    let mut missing: Vec<(String, Vec<String>)> = Vec::new();
    let mut chain = Vec::new();
    for node in graph.node.iter().rev() {
        if !node.output.iter().any(|name| path.contains(name)) {
            continue;
        }
        match rules::find(node.op_type()) {
            Some(rule) => chain.push((node.clone(), rule)),
            None => match missing.iter_mut().find(|(op, _)| op == node.op_type()) {
                Some((_, nodes)) => nodes.push(node.label().into()),
                None => missing.push((node.op_type().into(), vec![node.label().into()])),
            },
        }
    }
    if missing.is_empty() {
        return Ok(chain);
    }
    missing.sort();
    Err(Error::NoRule { input: input.into(), target: target.into(), operators: missing })
}

/// The gradient of `target` with respect to `input`, where `seed` is the gradient with respect to `target`.
fn backward(
    g: &mut Builder,
    chain: &[(NodeProto, Rule)],
    target: &str,
    seed: Value,
    input: &str,
) -> Result<Value, Error> {
    let mut gradients = HashMap::from([(target.to_owned(), seed)]);
    for (node, rule) in chain {
        let Some(dy) = gradients.remove(&node.output[0]) else {
            return Err(unsupported(node, "only its first output can have a gradient"));
        };
        g.enter(&node.output[0]);
        let dxs = rule(g, node, &dy)?;
        if dxs.len() != node.input.len() {
            let found = format!("its rule gives {} gradients for {} inputs", dxs.len(), node.input.len());
            return Err(unsupported(node, &found));
        }
        for (name, dx) in node.input.iter().zip(dxs) {
            if !g.wants(name) {
                continue;
            }
            let dx =
                dx.ok_or_else(|| unsupported(node, &format!("its rule has no gradient for its input `{name}`")))?;
            let shape = g.shape(name);
            if dx.shape.len() != shape.len() {
                return Err(unsupported(node, &format!("`{name}` of shape {shape:?} has no axis for photos")));
            }
            let dx = g.summed_to(&dx, &shape);
            let sum = match gradients.remove(name) {
                Some(sum) => g.add(&sum, &dx),
                None => dx,
            };
            gradients.insert(name.clone(), sum);
        }
    }
    let gradient = gradients.remove(input).expect("the image lies on the path");
    let shape = g.shape(input);
    Ok(g.whole(&gradient, &shape))
}
