//! Normalisations folded into the convolution before them: their affine steps per channel become a
//! part of its weights.

use std::collections::HashMap;

use super::{Facts, Prepared};
use crate::gradient::graph::keep_ancestors;
use crate::onnx::Graph;
use crate::onnx::proto::{NodeProto, TensorProto};

/// `y = factor · x + offset` per channel.
struct Affine {
    factor: Vec<f64>,
    offset: Vec<f64>,
}

/// Folds every `BatchNormalization`, and every product or sum with a constant per channel (Caffe's
/// `Scale`), that is the only user of a convolution, into that convolution's weights and bias.
pub(super) fn folded(prepared: &mut Prepared, facts: &mut Facts) {
    let kept = prepared.kept();
    let mut nodes: Vec<NodeProto> = Vec::new();
    let mut weights = Vec::new();
    let old = prepared.graph();
    let index = Graph::new(old);
    // Where the result of a convolution is made, by its present name.
    let mut convolutions = HashMap::new();
    for node in &old.node {
        let maker = node
            .input
            .iter()
            .find_map(|name| convolutions.get(name).map(|&i| (name.clone(), i)));
        if let Some((x, i)) = maker
            && index.consumers(&x).count() == 1
            && !kept.contains(&x)
            && let Some(affine) = affine(node, &x, facts)
            && let Some([weight, bias]) = scaled(&nodes[i], &affine, facts, &node.output[0])
        {
            let conv: &mut NodeProto = &mut nodes[i];
            conv.input.truncate(1);
            conv.input
                .extend([weight.name().to_owned(), bias.name().to_owned()]);
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
        let others = dims
            .iter()
            .enumerate()
            .all(|(axis, &n)| n == 1 || axis == 1);
        let values = tensor.floats().ok().filter(|_| others)?;
        let values = if values.len() == 1 {
            vec![values[0]; channels]
        } else {
            values
        };
        (values.len() == channels).then(|| values.into_iter().map(f64::from).collect::<Vec<_>>())
    };
    let other = usize::from(node.input_name(0) == Some(x));
    match node.op_type() {
        "BatchNormalization" if node.domain().is_empty() && node.input[0] == x => {
            let [scale, shift, mean, variance] =
                [constant(1)?, constant(2)?, constant(3)?, constant(4)?];
            let epsilon = f64::from(node.float("epsilon", 1e-5));
            let factor = |c: usize| f64::from(scale[c]) / (f64::from(variance[c]) + epsilon).sqrt();
            let offset = |c: usize| f64::from(shift[c]) - f64::from(mean[c]) * factor(c);
            Some(Affine {
                factor: (0..channels).map(factor).collect(),
                offset: (0..channels).map(offset).collect(),
            })
        }
        "Mul" => Some(Affine {
            factor: per_channel(other)?,
            offset: vec![0.0; channels],
        }),
        "Add" => Some(Affine {
            factor: vec![1.0; channels],
            offset: per_channel(other)?,
        }),
        _ => None,
    }
}

/// Weight and bias of `conv` followed by `affine`; called after the tensor that they make.
fn scaled(
    conv: &NodeProto,
    affine: &Affine,
    facts: &Facts,
    output: &str,
) -> Option<[TensorProto; 2]> {
    let weight = facts.constants.get(conv.input_name(1)?)?;
    let bias = match conv.input_name(2) {
        Some(name) => facts.constants.get(name)?.floats().ok()?,
        None => vec![0.0; affine.factor.len()],
    };
    let mut values = weight.floats().ok()?;
    let per_channel = values.len() / affine.factor.len();
    for (kernel, factor) in values.chunks_mut(per_channel).zip(&affine.factor) {
        kernel
            .iter_mut()
            .for_each(|w| *w = (f64::from(*w) * factor) as f32);
    }
    let channels = affine.factor.iter().zip(&affine.offset);
    let bias: Vec<_> = bias
        .iter()
        .zip(channels)
        .map(|(&b, (f, o))| (f64::from(b) * f + o) as f32)
        .collect();
    Some([
        TensorProto::from_floats(&format!("fold/{output}/weight"), &weight.shape(), &values),
        TensorProto::from_floats(&format!("fold/{output}/bias"), &[bias.len()], &bias),
    ])
}
