//! Reverse-mode differentiation on a graph: paths, accumulation and arity. It knows nothing about
//! individual operators.

use std::collections::HashSet;

use super::builder::{Builder, Value};
use super::chain::{Link, chain};
use super::compound;
use super::error::{GradientError, unsupported};
use super::graph::{declaration, keep_ancestors};
use super::model::GradientModel;
use super::names::gradient_of;
use super::options::{ASKED, CLASSES, Options, OutputGradient, RelevanceRule, ReluRule, SEED};
use super::prepare::Prepared;
use super::probe::Facts;
use super::relevance;
use super::rules;
use crate::onnx::proto::{
    GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, tensor_proto::DataType,
};

/// Finds operators without a rule, and a target that does not depend on the input, before anything
/// runs.
pub(super) fn check(prepared: &Prepared) -> Result<(), GradientError> {
    chain(prepared, &path(prepared)).map(drop)
}

/// Appends the backward half and declares inputs and outputs.
pub(super) fn differentiate(
    prepared: Prepared,
    facts: Facts,
    options: &Options,
) -> Result<GradientModel, GradientError> {
    let path = path(&prepared);
    let mut chain = chain(&prepared, &path)?;
    compound::join(prepared.graph(), &mut chain, &prepared.kept());
    let Prepared {
        mut model,
        sample,
        wrt,
        target,
        scores,
        warnings: found,
        ..
    } = prepared;

    let graph = model.graph.take().unwrap_or_default();
    let mut g = Builder::new(graph.node, graph.initializer, facts, path, options.relu);
    g.warnings = found;
    let target_shape = g.shape(&target);
    let classes = target_shape.iter().product();
    let start = start(&mut g, options, &scores, &target_shape)?;
    let gradients = backward(&mut g, &chain, (&target, start), &wrt, options.relevance)?;
    if options.relevance.is_none() && options.relu != ReluRule::Gradient && !g.found_relu {
        return Err(GradientError::NoRelu);
    }
    let gradients: Vec<_> = wrt
        .iter()
        .zip(gradients)
        .map(|(tensor, gradient)| named_gradient(&mut g, tensor, gradient))
        .collect();

    let forward = forward_interface(&sample, &g.forward(&scores));
    let mut layers = wrt;
    layers.retain(|tensor| tensor != sample.name());
    let values = layers.iter().map(|layer| g.forward(layer));
    let whole = interface(&forward, options.seed, classes, &gradients, values);
    let Builder {
        nodes,
        weights,
        warnings,
        facts: Facts { shapes, .. },
        ..
    } = g;
    Ok(GradientModel {
        forward: pruned(nodes.clone(), weights.clone(), forward, &model),
        model: pruned(nodes, weights, whole, &model),
        input: sample.name().into(),
        input_shape: sample.shape(),
        scores,
        classes,
        gradients: gradients
            .into_iter()
            .map(|gradient| gradient.name)
            .collect(),
        layers,
        shapes,
        warnings,
    })
}

/// The gradient of the target, or its relevance, with which the backward half starts.
fn start(
    g: &mut Builder,
    options: &Options,
    scores: &str,
    target: &[usize],
) -> Result<Value, GradientError> {
    let rows = seed(g, options.seed, scores, target.iter().product())?;
    g.start_rows(&rows);
    let rows = match options.relevance {
        Some(rule) => relevance::start(g, &rows, scores, rule),
        None => rows,
    };
    Ok(g.reshape_to_gradient(&rows, target))
}

/// Gives the gradient of `tensor` the name that users look for.
fn named_gradient(g: &mut Builder, tensor: &str, gradient: Value) -> Value {
    let name = gradient_of(tensor);
    g.nodes
        .push(NodeProto::new("Identity", &[&gradient.name], &name, &[]));
    Value { name, ..gradient }
}

/// The inputs and outputs of a model.
struct Interface {
    inputs: Vec<ValueInfoProto>,
    outputs: Vec<ValueInfoProto>,
}

/// The input and the output of the forward half.
fn forward_interface(sample: &TensorProto, scores: &Value) -> Interface {
    let kind = DataType::try_from(sample.data_type()).unwrap_or_default();
    Interface {
        inputs: vec![declaration(sample.name(), kind, None, &sample.shape())],
        outputs: vec![float_declaration(scores, None)],
    }
}

/// The inputs and outputs of a gradient model: those of the forward half, the output gradient or
/// the classes, the gradients, and the layers.
fn interface(
    forward: &Interface,
    seed: OutputGradient,
    classes: usize,
    gradients: &[Value],
    layers: impl Iterator<Item = Value>,
) -> Interface {
    let (mut inputs, mut outputs) = (forward.inputs.clone(), forward.outputs.clone());
    let integers = |tensor: &str, rows, count| declaration(tensor, DataType::Int64, rows, &[count]);
    match seed {
        OutputGradient::Input => {
            let shape = [1, classes];
            inputs.push(declaration(SEED, DataType::Float, Some("M"), &shape));
        }
        OutputGradient::Top(k) => outputs.push(integers(CLASSES, None, k)),
        OutputGradient::Asked => {
            inputs.extend([
                integers(ASKED[0], None, 1),
                integers(ASKED[1], Some("N"), 1),
            ]);
            outputs.push(integers(CLASSES, Some("M"), 1));
        }
    }
    outputs.extend(gradients.iter().map(|gradient| match seed {
        OutputGradient::Input | OutputGradient::Asked => float_declaration(gradient, Some("M")),
        OutputGradient::Top(k) => float_declaration(
            &Value {
                shape: [&[k], &gradient.shape[1..]].concat(),
                ..gradient.clone()
            },
            None,
        ),
    }));
    outputs.extend(layers.map(|layer| float_declaration(&layer, None)));
    Interface { inputs, outputs }
}

/// The declaration of a float32 tensor. If `rows` is given, it is the name of the first dimension,
/// which is then open.
fn float_declaration(tensor: &Value, rows: Option<&str>) -> ValueInfoProto {
    declaration(&tensor.name, DataType::Float, rows, &tensor.shape)
}

/// A model of those nodes and weights that lead to its outputs, with the opset of `like`.
fn pruned(
    nodes: Vec<NodeProto>,
    weights: Vec<TensorProto>,
    Interface { inputs, outputs }: Interface,
    like: &ModelProto,
) -> ModelProto {
    let names: Vec<_> = outputs
        .iter()
        .map(|output| output.name().to_owned())
        .collect();
    let mut graph = GraphProto {
        name: Some("gradient".into()),
        node: nodes,
        initializer: weights,
        input: inputs,
        output: outputs,
        ..GraphProto::default()
    };
    keep_ancestors(
        &mut graph,
        &names.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    ModelProto {
        ir_version: like.ir_version,
        opset_import: like.opset_import.clone(),
        producer_name: Some(env!("CARGO_PKG_NAME").into()),
        producer_version: Some(env!("CARGO_PKG_VERSION").into()),
        graph: Some(graph),
        ..ModelProto::default()
    }
}

/// The gradient of the scores, [M, classes], with which the backward pass starts.
///
/// If it is not an input, its rows are one-hot vectors: of the K highest scores
/// (`classes = TopK(scores)`), or of the highest scores and other classes without repetition
/// (`classes = Unique(Concat(TopK(scores, top), also))`).
fn seed(
    g: &mut Builder,
    seed: OutputGradient,
    scores: &str,
    classes: usize,
) -> Result<Value, GradientError> {
    if seed == OutputGradient::Input {
        return Ok(Value {
            name: SEED.into(),
            shape: vec![1, classes],
        });
    }
    let flat = g.new_integers("flat", &[-1]);
    let scores = g.emit("Reshape", &[&g.forward(scores), &flat], &[], vec![classes]);
    let (count, highest) = match seed {
        OutputGradient::Top(k) if k == 0 || k > classes => {
            return Err(GradientError::ClassCount { asked: k, classes });
        }
        OutputGradient::Top(k) => (g.new_integers("k", &[k as i64]).name, CLASSES),
        OutputGradient::Input | OutputGradient::Asked => (ASKED[0].to_owned(), "grad/highest"),
    };
    let mut top = NodeProto::new("TopK", &[&scores.name, &count], "grad/top", &[]);
    top.output.push(highest.into());
    g.nodes.push(top);
    if seed == OutputGradient::Asked {
        g.nodes.push(NodeProto::new(
            "Concat",
            &[highest, ASKED[1]],
            "grad/asked",
            &[("axis", 0.into())],
        ));
        g.nodes.push(NodeProto::new(
            "Unique",
            &["grad/asked"],
            CLASSES,
            &[("sorted", 0.into())],
        ));
    }
    let chosen = Value {
        name: CLASSES.into(),
        shape: vec![1],
    };
    let depth = g.new_integer("depth", classes as i64);
    let values = g.new_floats("values", &[2], &[0.0, 1.0]);
    let inputs = [&chosen, &depth, &values];
    Ok(g.emit("OneHot", &inputs, &[], vec![1, classes]))
}

/// The tensors through which the target depends on those of `wrt`, other than in steps.
fn path(prepared: &Prepared) -> HashSet<String> {
    let graph = prepared.graph();
    let mut onwards: HashSet<_> = prepared.wrt.iter().cloned().collect();
    for node in &graph.node {
        if !rules::is_piecewise_constant(node)
            && node.input.iter().any(|name| onwards.contains(name))
        {
            onwards.extend(node.output.iter().filter(|name| !name.is_empty()).cloned());
        }
    }
    let mut backwards = HashSet::from([prepared.target.clone()]);
    for node in graph.node.iter().rev() {
        if !rules::is_piecewise_constant(node)
            && node.output.iter().any(|name| backwards.contains(name))
        {
            backwards.extend(node.input.iter().cloned());
        }
    }
    onwards.intersection(&backwards).cloned().collect()
}

/// The gradients of the target with respect to `wrt`, where `seed` is the gradient with respect to
/// the target; or their relevance for it.
fn backward(
    g: &mut Builder,
    chain: &[Link],
    (target, seed): (&str, Value),
    wrt: &[String],
    relevance: Option<RelevanceRule>,
) -> Result<Vec<Value>, GradientError> {
    g.start(target, seed);
    for link @ Link { node, rule } in chain {
        g.enter(&node.output[0]);
        let dy = match g.gradient(&node.output[0]) {
            Some(dy) => dy,
            None => {
                let ones = vec![1; g.gradient_shape(&node.output[0]).len()];
                g.new_floats("zero", &ones, &[0.0])
            }
        };
        let dxs = match relevance {
            Some(relevance) => relevance::inputs(g, link, &dy, relevance)?,
            None => (rule.gradients)(g, node, &dy)?,
        };
        for (i, name) in node.input.iter().enumerate() {
            if !g.needs_gradient(name) {
                continue;
            }
            let Some(dx) = dxs.get(i).cloned().flatten() else {
                let reason = format!("its rule has no gradient for its input `{name}`");
                return Err(unsupported(node, &reason));
            };
            assert_fits(&dx, &g.gradient_shape(name), node);
            g.contribute(name, dx);
        }
    }
    g.enter("");
    let expanded = |tensor: &String| {
        let gradient = g.gradient(tensor).expect("the chain leads to it");
        let shape = g.gradient_shape(tensor);
        g.expand(&gradient, &shape)
    };
    Ok(wrt.iter().map(expanded).collect())
}

/// Panics if a rule has returned a gradient that does not broadcast to `shape`.
fn assert_fits(dx: &Value, shape: &[usize], node: &NodeProto) {
    let fits = dx.shape.len() == shape.len()
        && dx
            .shape
            .iter()
            .zip(shape)
            .all(|(&have, &want)| have == want || have == 1);
    assert!(
        fits,
        "{} `{}`: a gradient of shape {:?} for an input of shape {shape:?}",
        node.op_type(),
        node.label(),
        dx.shape
    );
}
