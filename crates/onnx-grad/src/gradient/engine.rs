//! Reverse-mode differentiation on a graph: paths, accumulation and arity. It knows no operator.

use std::collections::HashSet;

use super::builder::{Builder, Value};
use super::graph::{declaration, keep_ancestors};
use super::prepare::Prepared;
use super::probe::Facts;
use super::rules::{self, Rule};
use super::{
    ASKED, CLASSES, GradientError, GradientModel, Options, OutputGradient, ReluRule, SEED,
    compound, unsupported,
};
use crate::onnx::proto::{
    GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, tensor_proto::DataType,
};

/// Finds operators without a rule, and a score that does not depend on the image, before anything
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
        picture,
        wrt,
        target,
        scores,
    } = prepared;

    let graph = model.graph.take().unwrap_or_default();
    let mut g = Builder::new(graph.node, graph.initializer, facts, path, options.relu);
    let target_shape = g.shape(&target);
    let classes = target_shape.iter().product();
    let seed = seed(&mut g, options.seed, &scores, classes)?;
    let seed = g.settle(&seed, &target_shape);
    let gradients = backward(&mut g, &chain, &target, seed, &wrt)?;
    if options.relu != ReluRule::Gradient && !g.met_relu {
        return Err(GradientError::Shape(
            "the network has no ReLU; this method differs from the gradient only there\nhelp: take the gradient".into(),
        ));
    }
    let named = |(tensor, gradient): (&String, Value)| {
        let name = format!("{tensor}_grad");
        g.nodes
            .push(NodeProto::of("Identity", &[&gradient.name], &name, &[]));
        Value { name, ..gradient }
    };
    let gradients: Vec<_> = wrt.iter().zip(gradients).map(named).collect();

    let kind = DataType::try_from(picture.data_type()).unwrap_or_default();
    let forward = Interface {
        inputs: vec![declaration(picture.name(), kind, None, &picture.shape())],
        outputs: vec![float(&g.forward(&scores), None)],
    };
    let layers = wrt
        .iter()
        .filter(|tensor| *tensor != picture.name())
        .map(|tensor| g.forward(tensor));
    let whole = interface(&forward, options.seed, classes, &gradients, layers);
    let Builder {
        nodes,
        weights,
        warnings,
        ..
    } = g;
    Ok(GradientModel {
        forward: pruned(nodes.clone(), weights.clone(), forward, &model),
        model: pruned(nodes, weights, whole, &model),
        input: picture.name().into(),
        input_shape: picture.shape(),
        scores,
        classes,
        gradients: gradients
            .into_iter()
            .map(|gradient| gradient.name)
            .collect(),
        warnings,
    })
}

/// What a model takes and gives.
struct Interface {
    inputs: Vec<ValueInfoProto>,
    outputs: Vec<ValueInfoProto>,
}

/// What a gradient model takes and gives: the forward half's, the seed, the gradients and the
/// layers.
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
            inputs.push(declaration(SEED, DataType::Float, Some("M"), &[1, classes]))
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
        OutputGradient::Input | OutputGradient::Asked => float(gradient, Some("M")),
        OutputGradient::Top(k) => float(
            &Value {
                shape: [&[k], &gradient.shape[1..]].concat(),
                ..gradient.clone()
            },
            None,
        ),
    }));
    outputs.extend(layers.map(|layer| float(&layer, None)));
    Interface { inputs, outputs }
}

/// The declaration of a float32 tensor; a name for its rows leaves their number open.
fn float(tensor: &Value, rows: Option<&str>) -> ValueInfoProto {
    declaration(&tensor.name, DataType::Float, rows, &tensor.shape)
}

/// A model of those nodes and weights that lead to its outputs, of the opset of `like`.
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
        producer_name: Some("localise".into()),
        producer_version: Some(env!("CARGO_PKG_VERSION").into()),
        graph: Some(graph),
        ..ModelProto::default()
    }
}

/// The gradient rows [M, classes] that the backward pass starts from.
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
            return Err(GradientError::Shape(format!(
                "{k} classes are wanted, the model has {classes}\nhelp: --classes 1 to {classes}"
            )));
        }
        OutputGradient::Top(k) => (g.new_integers("k", &[k as i64]).name, CLASSES),
        _ => (ASKED[0].to_owned(), "grad/highest"),
    };
    g.nodes.push(NodeProto::of(
        "TopK",
        &[&scores.name, &count],
        "grad/top",
        &[],
    ));
    g.nodes
        .last_mut()
        .expect("pushed above")
        .output
        .push(highest.into());
    if seed == OutputGradient::Asked {
        g.nodes.push(NodeProto::of(
            "Concat",
            &[highest, ASKED[1]],
            "grad/asked",
            &[("axis", 0.into())],
        ));
        g.nodes.push(NodeProto::of(
            "Unique",
            &["grad/asked"],
            CLASSES,
            &[("sorted", 0.into())],
        ));
    }
    let top = Value {
        name: CLASSES.into(),
        shape: vec![1],
    };
    let depth = g.new_integer("depth", classes as i64);
    let values = g.new_floats("values", &[2], &[0.0, 1.0]);
    Ok(g.emit("OneHot", &[&top, &depth, &values], &[], vec![1, classes]))
}

/// The tensors through which the target depends on those of `wrt` with a slope.
fn path(prepared: &Prepared) -> HashSet<String> {
    let graph = prepared.graph();
    let mut onwards: HashSet<_> = prepared.wrt.iter().cloned().collect();
    for node in &graph.node {
        if !rules::is_flat(node) && node.input.iter().any(|name| onwards.contains(name)) {
            onwards.extend(node.output.iter().filter(|name| !name.is_empty()).cloned());
        }
    }
    let mut backwards = HashSet::from([prepared.target.clone()]);
    for node in graph.node.iter().rev() {
        if !rules::is_flat(node) && node.output.iter().any(|name| backwards.contains(name)) {
            backwards.extend(node.input.iter().cloned());
        }
    }
    onwards.intersection(&backwards).cloned().collect()
}

/// The nodes on the path with their rules, from the target back.
fn chain(
    prepared: &Prepared,
    path: &HashSet<String>,
) -> Result<Vec<(NodeProto, &'static Rule)>, GradientError> {
    let (wrt, target) = (&prepared.wrt, &prepared.target);
    if let Some(wrt) = wrt.iter().find(|tensor| !path.contains(*tensor)) {
        return Err(GradientError::Shape(format!(
            "`{target}` does not depend on `{wrt}`, or only in steps\nhelp: name a tensor before it with --wrt, or one \
             behind with --target"
        )));
    }
    let mut missing: Vec<(String, Vec<String>)> = Vec::new();
    let mut chain = Vec::new();
    for node in prepared.graph().node.iter().rev() {
        let on_path = !rules::is_flat(node)
            && node.output.iter().any(|name| path.contains(name))
            && node.input.iter().any(|name| path.contains(name));
        let rule = rules::find(node);
        // Beside the path too, a loop could keep the probe from ending, and a size that depends on
        // values mislead it.
        if !on_path
            && !matches!(
                node.op_type(),
                "If" | "Loop" | "Scan" | "NonZero" | "Compress" | "Unique"
            )
        {
            continue;
        }
        let Some(rule) = rule else {
            let operator = match node.domain() {
                "" => node.op_type().to_owned(),
                domain => format!("{domain}:{}", node.op_type()),
            };
            match missing.iter_mut().find(|(op, _)| *op == operator) {
                Some((_, nodes)) => nodes.push(node.label().into()),
                None => missing.push((operator, vec![node.label().into()])),
            }
            continue;
        };
        if !rule.all_outputs && node.output[1..].iter().any(|name| path.contains(name)) {
            let used = prepared
                .graph()
                .node
                .iter()
                .any(|n| n.input.iter().any(|name| node.output[1..].contains(name)));
            if used || node.output[1..].contains(target) {
                return Err(unsupported(
                    node,
                    "only its first output has a gradient rule",
                ));
            }
        }
        chain.push((node.clone(), rule));
    }
    if missing.is_empty() {
        return Ok(chain);
    }
    missing.sort();
    Err(GradientError::NoRule {
        input: wrt.join("`, `"),
        target: target.clone(),
        operators: missing,
    })
}

/// The gradients of the target with respect to `wrt`, where `seed` is the gradient with respect to
/// the target.
fn backward(
    g: &mut Builder,
    chain: &[(NodeProto, &'static Rule)],
    target: &str,
    seed: Value,
    wrt: &[String],
) -> Result<Vec<Value>, GradientError> {
    g.start(target, seed);
    for (node, rule) in chain {
        g.enter(&node.output[0]);
        let dy = match g.gradient(&node.output[0]) {
            Some(dy) => dy,
            None => {
                let zero = vec![1; g.row(&node.output[0]).len()];
                g.new_floats("zero", &zero, &[0.0])
            }
        };
        let dxs = (rule.gradients)(g, node, &dy)?;
        for (i, name) in node
            .input
            .iter()
            .enumerate()
            .filter(|(_, name)| g.wants(name))
            .collect::<Vec<_>>()
        {
            let none = || {
                unsupported(
                    node,
                    &format!("its rule has no gradient for its input `{name}`"),
                )
            };
            let dx = dxs.get(i).cloned().flatten().ok_or_else(none)?;
            let fits = |(&have, &want): (&usize, &usize)| have == want || have == 1;
            let wanted = g.row(name);
            assert!(
                dx.shape.len() == wanted.len() && dx.shape.iter().zip(&wanted).all(fits),
                "{} `{}`: a gradient of shape {:?} for an input of shape {wanted:?}",
                node.op_type(),
                node.label(),
                dx.shape
            );
            g.contribute(name, dx);
        }
    }
    g.enter("");
    let whole = |tensor: &String| {
        let gradient = g.gradient(tensor).expect("the chain leads to it");
        let shape = g.row(tensor);
        g.whole(&gradient, &shape)
    };
    Ok(wrt.iter().map(whole).collect())
}
