//! Shapes and constants, read off one run of the model instead of being inferred.
//!
//! Every tensor that depends on the image gets a `Shape` node, every other its value as an output. One run on a
//! zero image then tells what a shape inference and a constant folder would have to be written for.

use std::collections::{HashMap, HashSet};

use super::prepare::{Prepared, node};
use super::{Error, Runtime};
use crate::onnx::proto::{TensorProto, ValueInfoProto};

/// What one run told.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// The shape of every tensor that depends on the image, for one photo.
    pub(super) shapes: HashMap<String, Vec<usize>>,
    /// The value of every tensor that does not.
    pub(super) constants: HashMap<String, TensorProto>,
}

/// Probes the model, and turns the nodes whose values do not depend on the image into weights.
pub(super) fn probe(prepared: &mut Prepared, runtime: &dyn Runtime) -> Result<Facts, Error> {
    let mut varying = HashSet::from([prepared.input.clone()]);
    let mut computed = Vec::new();
    for node in &prepared.graph().node {
        if node.input.iter().any(|name| varying.contains(name)) {
            varying.extend(node.output.iter().filter(|name| !name.is_empty()).cloned());
        } else {
            computed.extend(node.output.iter().filter(|name| !name.is_empty()).cloned());
        }
    }
    let mut varying: Vec<_> = varying.into_iter().collect();
    varying.sort();

    let mut model = prepared.model.clone();
    let graph = model.graph.as_mut().expect("a prepared model has a graph");
    graph.output = computed.iter().map(|name| output(name)).collect();
    for (i, name) in varying.iter().enumerate() {
        let shape = format!("shape/{i}");
        graph.output.push(output(&shape));
        graph.node.push(node("Shape", &[name], &shape, &[]));
    }
    let [c, h, w] = prepared.shape;
    let image = TensorProto::from_floats(&prepared.input, &[1, c, h, w], &vec![0.0; c * h * w]);
    let mut results = runtime.run(&model, &image).map_err(Error::Probe)?.into_iter();

    let mut facts = Facts::default();
    for (name, value) in computed.iter().zip(&mut results) {
        facts.constants.insert(name.clone(), TensorProto { name: Some(name.clone()), ..value });
    }
    for (name, shape) in varying.into_iter().zip(results) {
        let shape = shape.integers().map_err(Error::Probe)?;
        facts.shapes.insert(name, shape.iter().map(|&n| n as usize).collect());
    }
    let folded: HashSet<_> = computed.iter().collect();
    let graph = prepared.graph_mut();
    graph.node.retain(|node| !node.output.iter().any(|name| folded.contains(name)));
    graph.initializer.extend(computed.iter().map(|name| facts.constants[name].clone()));
    facts.constants.extend(graph.initializer.iter().map(|t| (t.name().to_owned(), t.clone())));
    Ok(facts)
}

fn output(name: &str) -> ValueInfoProto {
    ValueInfoProto { name: Some(name.into()), ..ValueInfoProto::default() }
}
