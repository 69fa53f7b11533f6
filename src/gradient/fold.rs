//! The forward half rewritten to equal values, so that the backward pass has less to do.
//!
//! Affine steps per channel go into the convolution before them; a ReLU goes behind the pool after it; the single
//! positions that a transformer takes out of one tensor become a split; a local response normalisation becomes the
//! convolution that it is.

use super::Error;
use super::graph::{keep_ancestors, node};
use super::prepare::Prepared;
use super::probe::Facts;
use crate::onnx::Graph;
use crate::onnx::proto::{NodeProto, TensorProto};

/// `y = factor · x + offset` per channel.
struct Affine {
    factor: Vec<f64>,
    offset: Vec<f64>,
}

/// Folds every `BatchNormalization`, and every product or sum with a constant per channel (Caffe's `Scale`), that is
/// the only user of a convolution, into that convolution's weights and bias.
pub(super) fn normalisations(prepared: &mut Prepared, facts: &mut Facts) -> Result<(), Error> {
    let kept = prepared.kept();
    let mut nodes: Vec<NodeProto> = Vec::new();
    let mut weights = Vec::new();
    let old = prepared.graph();
    let index = Graph::new(old);
    // Where the result of a convolution is made, by its present name.
    let mut convolutions = std::collections::HashMap::new();
    for node in &old.node {
        let maker = node.input.iter().find_map(|name| convolutions.get(name).map(|&i| (name.clone(), i)));
        if let Some((x, i)) = maker
            && index.consumers(&x).count() == 1
            && !kept.contains(&x)
            && let Some(affine) = affine(node, &x, facts)
            && let Some([weight, bias]) = folded(&nodes[i], &affine, facts, &node.output[0])
        {
            let conv: &mut NodeProto = &mut nodes[i];
            conv.input.truncate(1);
            conv.input.extend([weight.name().to_owned(), bias.name().to_owned()]);
            conv.output[0].clone_from(&node.output[0]);
            for tensor in [weight, bias] {
                facts.constants.insert(tensor.name().into(), tensor.clone());
                weights.push(tensor);
            }
            convolutions.insert(node.output[0].clone(), i);
            continue;
        }
        if node.op_type() == "Conv" && node.domain().is_empty() {
            convolutions.insert(node.output[0].clone(), nodes.len());
        }
        nodes.push(node.clone());
    }
    let graph = prepared.graph_mut();
    graph.node = nodes;
    graph.initializer.extend(weights);
    keep_ancestors(graph, &kept.iter().map(String::as_str).collect::<Vec<_>>());
    Ok(())
}

/// Exchanges a `Relu` and the `MaxPool` that is its only user: `max relu x = relu max x`. The mask of the ReLU is then as
/// small as the pool's output. Not for the other rules of [`super::ReluRule`], where the order matters.
pub(super) fn relus_behind_pools(prepared: &mut Prepared, facts: &mut Facts) {
    let kept = prepared.kept();
    let graph = prepared.graph();
    let index = Graph::new(graph);
    let relu_of = |pool: &NodeProto| {
        let x = pool.input_name(0)?;
        let relu = index.producer(x).filter(|node| node.op_type() == "Relu" && node.domain().is_empty())?;
        let alone = index.consumers(x).count() == 1 && pool.output.len() == 1 && !kept.iter().any(|name| name == x);
        // Of a pool that needs `Indices` the kernel is faster on what a ReLU has made zero.
        let tiles = pool.ints("kernel_shape") == pool.ints("strides");
        (pool.op_type() == "MaxPool" && pool.domain().is_empty() && alone && tiles).then_some(relu)
    };
    let pairs: Vec<(NodeProto, NodeProto)> =
        graph.node.iter().filter_map(|pool| Some((relu_of(pool)?.clone(), pool.clone()))).collect();
    for (relu, pool) in pairs {
        let (x, between, y) = (relu.input[0].clone(), relu.output[0].clone(), pool.output[0].clone());
        facts.shapes.insert(between.clone(), facts.shapes[&y].clone());
        for node in &mut prepared.graph_mut().node {
            if *node == relu {
                *node = NodeProto { input: vec![x.clone()], output: vec![between.clone()], ..pool.clone() };
            } else if *node == pool {
                *node = NodeProto { input: vec![between.clone()], output: vec![y.clone()], ..relu.clone() };
            }
        }
    }
}

/// Writes the `Gather`s that take each position along an axis of one tensor (queries, keys and values) as one `Split`:
/// the gradient is then one `Concat`, and not a sum of tensors that are mostly zero.
pub(super) fn gathers_as_splits(prepared: &mut Prepared, facts: &mut Facts) {
    let graph = prepared.graph();
    let index = Graph::new(graph);
    let position = |node: &NodeProto| {
        if node.op_type() != "Gather" || !node.domain().is_empty() {
            return None;
        }
        let single = facts.constants.get(node.input_name(1)?).filter(|t| t.dims.is_empty())?;
        let x = facts.shapes.get(node.input_name(0)?)?;
        let axis = node.int("axis", 0).rem_euclid(x.len() as i64);
        let at = single.integers().ok()?[0].rem_euclid(x[axis as usize] as i64);
        Some((axis, at as usize, x[axis as usize]))
    };
    // The gathers of one tensor along one axis, where they are one for each position.
    let family = |first: &NodeProto| {
        let (axis, 0, size) = position(first)? else { return None };
        let takes =
            |at: usize| index.consumers(&first.input[0]).find(|node| position(node) == Some((axis, at, size))).cloned();
        let members: Vec<_> = (0..size).map_while(takes).collect();
        (size > 1 && members.len() == size).then_some((axis, members))
    };
    let families: Vec<_> = graph.node.iter().filter_map(family).collect();
    for (axis, members) in families {
        let x = members[0].input[0].clone();
        let mut part = facts.shapes[&x].clone();
        part[axis as usize] = 1;
        let parts: Vec<_> = members.iter().map(|member| format!("fold/{}/part", member.output[0])).collect();
        let axes = TensorProto::from_integers(&format!("{}/axes", parts[0]), &[1], &[axis]);
        let mut split =
            node("Split", &[&x], &parts[0], &[("axis", axis.into()), ("num_outputs", (parts.len() as i64).into())]);
        split.output.clone_from(&parts);
        let mut split = Some(split);
        let graph = prepared.graph_mut();
        for old in std::mem::take(&mut graph.node) {
            match members.iter().position(|member| *member == old) {
                Some(i) => {
                    graph.node.extend(split.take());
                    graph.node.push(node("Squeeze", &[&parts[i], axes.name()], &old.output[0], &[]));
                }
                None => graph.node.push(old),
            }
        }
        facts.shapes.extend(parts.into_iter().map(|name| (name, part.clone())));
        facts.constants.insert(axes.name().into(), axes.clone());
        graph.initializer.push(axes);
    }
}

/// The band of a local response normalisation has this many squared weights at most.
pub(super) const MOST_CHANNELS: usize = 4096;

/// Writes `LRN` out: `yᵢ = xᵢ · sᵢ^−β, sᵢ = k + α/n · Σ x²ⱼ` over the n channels j around i.
///
/// The sum is a convolution of one pixel whose weights are a band. It stays in ONNX Runtime's blocked layout, where `LRN`
/// does not (192 channels at 56 x 56: 3 against 19 ms), and so does its gradient, by the rules of its parts.
pub(super) fn local_responses(prepared: &mut Prepared, facts: &mut Facts) {
    let graph = prepared.graph_mut();
    for old in std::mem::take(&mut graph.node) {
        let shape = facts.shapes.get(old.input_name(0).unwrap_or_default()).cloned().unwrap_or_default();
        let (channels, size) = match (old.op_type(), old.domain(), &shape[..], usize::try_from(old.int("size", 0))) {
            ("LRN", "", &[1, channels, _, _], Ok(size @ 1..=MOST_CHANNELS)) if channels <= MOST_CHANNELS => {
                (channels, size)
            }
            _ => {
                graph.node.push(old);
                continue;
            }
        };
        let [alpha, beta, k] =
            [("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0)].map(|(name, usual)| old.float(name, usual));
        let (before, after) = ((size - 1) / 2, size / 2);
        let weight = |i: usize, j: usize| if i <= j + before && j <= i + after { alpha / size as f32 } else { 0.0 };
        let band: Vec<_> = (0..channels * channels).map(|at| weight(at / channels, at % channels)).collect();
        let (x, y) = (&old.input[0], &old.output[0]);
        let name = |part: &str| format!("fold/{y}/{part}");
        let weights = [
            TensorProto::from_floats(&name("band"), &[channels, channels, 1, 1], &band),
            TensorProto::from_floats(&name("k"), &[channels], &vec![k; channels]),
            TensorProto::from_floats(&name("exponent"), &[], &[-beta]),
        ];
        let [square, sum, power] = ["square", "sum", "power"].map(name);
        graph.node.extend([
            node("Mul", &[x, x], &square, &[]),
            node("Conv", &[&square, weights[0].name(), weights[1].name()], &sum, &[]),
            node("Pow", &[&sum, weights[2].name()], &power, &[]),
            node("Mul", &[x, &power], y, &[]),
        ]);
        facts.shapes.extend([square, sum, power].map(|name| (name, shape.clone())));
        facts.constants.extend(weights.iter().map(|w| (w.name().to_owned(), w.clone())));
        graph.initializer.extend(weights);
    }
}

/// What `node` does to its input `x`, where that is an affine step per channel.
fn affine(node: &NodeProto, x: &str, facts: &Facts) -> Option<Affine> {
    let shape = facts.shapes.get(x)?;
    let (rank, channels) = (shape.len(), *shape.get(1)?);
    let constant = |i: usize| facts.constants.get(node.input_name(i)?)?.floats().ok();
    // A constant [C, 1, 1] or [1, C, 1, 1], one for all channels, or [1, 1, ...].
    let per_channel = |i: usize| {
        let tensor = facts.constants.get(node.input_name(i)?)?;
        let mut dims = vec![1; rank.checked_sub(tensor.dims.len())?];
        dims.extend(tensor.shape());
        let others = dims.iter().enumerate().all(|(axis, &n)| n == 1 || axis == 1);
        let values = tensor.floats().ok().filter(|_| others)?;
        let values = if values.len() == 1 { vec![values[0]; channels] } else { values };
        (values.len() == channels).then(|| values.into_iter().map(f64::from).collect::<Vec<_>>())
    };
    let other = usize::from(node.input_name(0) == Some(x));
    match node.op_type() {
        "BatchNormalization" if node.domain().is_empty() && node.input[0] == x => {
            let [scale, shift, mean, variance] = [constant(1)?, constant(2)?, constant(3)?, constant(4)?];
            let epsilon = f64::from(node.float("epsilon", 1e-5));
            let factor = |c: usize| f64::from(scale[c]) / (f64::from(variance[c]) + epsilon).sqrt();
            let offset = |c: usize| f64::from(shift[c]) - f64::from(mean[c]) * factor(c);
            Some(Affine { factor: (0..channels).map(factor).collect(), offset: (0..channels).map(offset).collect() })
        }
        "Mul" => Some(Affine { factor: per_channel(other)?, offset: vec![0.0; channels] }),
        "Add" => Some(Affine { factor: vec![1.0; channels], offset: per_channel(other)? }),
        _ => None,
    }
}

/// Weight and bias of `conv` followed by `affine`; called after the tensor that they make.
fn folded(conv: &NodeProto, affine: &Affine, facts: &Facts, output: &str) -> Option<[TensorProto; 2]> {
    let weight = facts.constants.get(conv.input_name(1)?)?;
    let bias = match conv.input_name(2) {
        Some(name) => facts.constants.get(name)?.floats().ok()?,
        None => vec![0.0; affine.factor.len()],
    };
    let mut values = weight.floats().ok()?;
    let per_channel = values.len() / affine.factor.len();
    for (kernel, factor) in values.chunks_mut(per_channel).zip(&affine.factor) {
        kernel.iter_mut().for_each(|w| *w = (f64::from(*w) * factor) as f32);
    }
    let channels = affine.factor.iter().zip(&affine.offset);
    let bias: Vec<_> = bias.iter().zip(channels).map(|(&b, (f, o))| (f64::from(b) * f + o) as f32).collect();
    Some([
        TensorProto::from_floats(&format!("fold/{output}/weight"), &weight.shape(), &values),
        TensorProto::from_floats(&format!("fold/{output}/bias"), &[bias.len()], &bias),
    ])
}
