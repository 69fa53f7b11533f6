//! Reverse-mode differentiation on a graph: paths, accumulation and arity. It knows no operator.

use std::collections::HashSet;

use super::builder::{Builder, Value};
use super::graph::{declaration, keep_ancestors, node};
use super::prepare::Prepared;
use super::probe::Facts;
use super::rules::{self, Rule};
use super::{ASKED, CLASSES, Error, GradientModel, Options, ReluRule, SEED, Seed, compound, unsupported};
use crate::onnx::proto::{GraphProto, ModelProto, NodeProto, ValueInfoProto, tensor_proto::DataType};

/// Finds operators without a rule, and a score that does not depend on the image, before anything runs.
pub(super) fn check(prepared: &Prepared) -> Result<(), Error> {
    chain(prepared, &path(prepared)).map(drop)
}

/// Appends the backward half and declares inputs and outputs.
pub(super) fn differentiate(prepared: Prepared, facts: Facts, options: &Options) -> Result<GradientModel, Error> {
    let path = path(&prepared);
    let mut chain = chain(&prepared, &path)?;
    compound::join(prepared.graph(), &mut chain, &prepared.kept());
    let Prepared { model, picture, wrt, target, scores } = prepared;
    let shape_of = |tensor: &str| facts.shapes.get(tensor).cloned().unwrap_or_default();
    let scores_shape = shape_of(&scores);
    let wrt_shapes: Vec<_> = wrt.iter().map(|tensor| shape_of(tensor)).collect();
    let target_shape = shape_of(&target);
    let classes = target_shape.iter().product();

    let graph = model.graph.unwrap_or_default();
    let mut g = Builder::new(graph.node, graph.initializer, facts, path, options.relu);
    let seed = seed(&mut g, options.seed, &scores, classes)?;
    let seed = g.settle(&seed, &target_shape);
    let gradients = backward(&mut g, &chain, &target, seed, &wrt)?;
    if options.relu != ReluRule::Gradient && !g.met_relu {
        return Err(Error::Shape(
            "the network has no ReLU; this method differs from the gradient only there\nhelp: take the gradient".into(),
        ));
    }
    let names: Vec<_> = wrt.iter().map(|tensor| format!("{tensor}_grad")).collect();
    for (gradient, name) in gradients.iter().zip(&names) {
        g.nodes.push(node("Identity", &[&gradient.name], name, &[]));
    }

    let float = |tensor: &str, rows, shape: &[usize]| declaration(tensor, DataType::Float, rows, shape);
    let kind = DataType::try_from(picture.data_type()).unwrap_or_default();
    let image = declaration(picture.name(), kind, None, &picture.shape());
    let forward = float(&scores, None, &scores_shape);
    let mut inputs = vec![image.clone()];
    let mut outputs = vec![forward.clone()];
    match options.seed {
        Seed::Input => inputs.push(float(SEED, Some("M"), &[1, classes])),
        Seed::Top(k) => outputs.push(declaration(CLASSES, DataType::Int64, None, &[k])),
        Seed::Asked => {
            inputs.push(declaration(ASKED[0], DataType::Int64, None, &[1]));
            inputs.push(declaration(ASKED[1], DataType::Int64, Some("N"), &[1]));
            outputs.push(declaration(CLASSES, DataType::Int64, Some("M"), &[1]));
        }
    }
    for (name, Value { mut shape, .. }) in names.iter().zip(gradients) {
        let rows = match options.seed {
            Seed::Input | Seed::Asked => Some("M"),
            Seed::Top(k) => {
                shape[0] = k;
                None
            }
        };
        outputs.push(float(name, rows, &shape));
    }
    for (tensor, shape) in wrt.iter().zip(&wrt_shapes).filter(|(tensor, _)| *tensor != picture.name()) {
        outputs.push(float(tensor, None, shape));
    }
    let Builder { nodes, weights, warnings, .. } = g;
    let build = |inputs: Vec<_>, outputs: Vec<_>| {
        let names: Vec<_> = outputs.iter().map(|o: &ValueInfoProto| o.name().to_owned()).collect();
        let mut graph = GraphProto {
            name: Some("gradient".into()),
            node: nodes.clone(),
            initializer: weights.clone(),
            input: inputs,
            output: outputs,
            ..GraphProto::default()
        };
        keep_ancestors(&mut graph, &names.iter().map(String::as_str).collect::<Vec<_>>());
        ModelProto {
            ir_version: model.ir_version,
            opset_import: model.opset_import.clone(),
            producer_name: Some("localise".into()),
            producer_version: Some(env!("CARGO_PKG_VERSION").into()),
            graph: Some(graph),
            ..ModelProto::default()
        }
    };
    Ok(GradientModel {
        model: build(inputs, outputs),
        forward: build(vec![image], vec![forward]),
        input: picture.name().into(),
        input_shape: picture.shape(),
        scores,
        classes,
        gradients: names,
        warnings,
    })
}

/// The gradient rows [M, classes] that the backward pass starts from.
fn seed(g: &mut Builder, seed: Seed, scores: &str, classes: usize) -> Result<Value, Error> {
    if seed == Seed::Input {
        return Ok(Value { name: SEED.into(), shape: vec![1, classes] });
    }
    let flat = g.new_integers("flat", &[-1]);
    let scores = g.emit("Reshape", &[&g.forward(scores), &flat], &[], vec![classes]);
    let (count, highest) = match seed {
        Seed::Top(k) if k == 0 || k > classes => {
            return Err(Error::Shape(format!(
                "{k} classes are wanted, the model has {classes}\nhelp: --classes 1 to {classes}"
            )));
        }
        Seed::Top(k) => (g.new_integers("k", &[k as i64]).name, CLASSES),
        _ => (ASKED[0].to_owned(), "grad/highest"),
    };
    g.nodes.push(node("TopK", &[&scores.name, &count], "grad/top", &[]));
    g.nodes.last_mut().expect("pushed above").output.push(highest.into());
    if seed == Seed::Asked {
        g.nodes.push(node("Concat", &[highest, ASKED[1]], "grad/asked", &[("axis", 0.into())]));
        g.nodes.push(node("Unique", &["grad/asked"], CLASSES, &[("sorted", 0.into())]));
    }
    let top = Value { name: CLASSES.into(), shape: vec![1] };
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
fn chain(prepared: &Prepared, path: &HashSet<String>) -> Result<Vec<(NodeProto, &'static Rule)>, Error> {
    let (wrt, target) = (&prepared.wrt, &prepared.target);
    if let Some(wrt) = wrt.iter().find(|tensor| !path.contains(*tensor)) {
        return Err(Error::Shape(format!(
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
        // Beside the path too, a loop could keep the probe from ending, and a size that depends on values mislead it.
        if !on_path && !matches!(node.op_type(), "If" | "Loop" | "Scan" | "NonZero" | "Compress" | "Unique") {
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
            let used = prepared.graph().node.iter().any(|n| n.input.iter().any(|name| node.output[1..].contains(name)));
            if used || node.output[1..].contains(target) {
                return Err(unsupported(node, "only its first output has a gradient rule"));
            }
        }
        chain.push((node.clone(), rule));
    }
    if missing.is_empty() {
        return Ok(chain);
    }
    missing.sort();
    Err(Error::NoRule { input: wrt.join("`, `"), target: target.clone(), operators: missing })
}

/// The gradients of the target with respect to `wrt`, where `seed` is the gradient with respect to the target.
fn backward(
    g: &mut Builder,
    chain: &[(NodeProto, &'static Rule)],
    target: &str,
    seed: Value,
    wrt: &[String],
) -> Result<Vec<Value>, Error> {
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
        for (i, name) in node.input.iter().enumerate().filter(|(_, name)| g.wants(name)).collect::<Vec<_>>() {
            let none = || unsupported(node, &format!("its rule has no gradient for its input `{name}`"));
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
