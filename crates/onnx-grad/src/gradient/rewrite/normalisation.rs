//! Normalisations folded into the convolution before them. Each is affine per channel, so it
//! becomes part of the convolution's weights and bias.

use std::collections::HashMap;

use crate::gradient::graph::keep_ancestors;
use crate::gradient::prepare::Prepared;
use crate::gradient::probe::Facts;
use crate::onnx::Graph;
use crate::onnx::proto::{NodeProto, TensorProto};

/// `y = factor · x + offset` per channel.
struct Affine {
    factor: Vec<f64>,
    offset: Vec<f64>,
}

/// The constants of a convolution.
struct ConvolutionWeights {
    weight: TensorProto,
    bias: TensorProto,
}

/// Folds every `BatchNormalization`, and every product or sum with a constant per channel (Caffe's
/// `Scale`), that is the only user of a convolution, into that convolution's weights and bias.
pub(super) fn fold(prepared: &mut Prepared, facts: &mut Facts) {
    let kept = prepared.kept();
    let mut nodes: Vec<NodeProto> = Vec::new();
    let mut weights = Vec::new();
    let old = prepared.graph();
    let index = Graph::new(old);
    // The position in `nodes` of each convolution, by its output, original and folded.
    let mut convolutions = HashMap::new();
    for node in &old.node {
        let producer = node
            .input
            .iter()
            .find_map(|name| convolutions.get(name).map(|&i| (name, i)));
        if let Some((x, i)) = producer
            && index.consumers(x).count() == 1
            && !kept.contains(x)
            && let Some(affine) = affine(node, x, facts)
            && let Some(folded) = folded(&nodes[i], &affine, facts, &node.output[0])
        {
            let conv: &mut NodeProto = &mut nodes[i];
            conv.input.truncate(1);
            conv.output[0].clone_from(&node.output[0]);
            for tensor in [folded.weight, folded.bias] {
                conv.input.push(tensor.name().to_owned());
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

/// What `node` does to its input `x`, if that is affine per channel.
fn affine(node: &NodeProto, x: &str, facts: &Facts) -> Option<Affine> {
    let shape = facts.shapes.get(x)?;
    let channels = *shape.get(1)?;
    let other = usize::from(node.input_name(0) == Some(x));
    match node.op_type() {
        "BatchNormalization" if node.domain().is_empty() && node.input[0] == x => {
            batch_normalization(node, channels, facts)
        }
        "Mul" => Some(Affine {
            factor: per_channel(node.input_name(other)?, shape, facts)?,
            offset: vec![0.0; channels],
        }),
        "Add" => Some(Affine {
            factor: vec![1.0; channels],
            offset: per_channel(node.input_name(other)?, shape, facts)?,
        }),
        _ => None,
    }
}

/// `y = scale · (x − mean) / √(variance + ε) + shift`
fn batch_normalization(node: &NodeProto, channels: usize, facts: &Facts) -> Option<Affine> {
    let constant = |i: usize| facts.constants.get(node.input_name(i)?)?.floats().ok();
    let [scale, shift, mean, variance] = [constant(1)?, constant(2)?, constant(3)?, constant(4)?];
    let epsilon = f64::from(node.float("epsilon", 1e-5));
    let factor = |c: usize| f64::from(scale[c]) / (f64::from(variance[c]) + epsilon).sqrt();
    let offset = |c: usize| f64::from(shift[c]) - f64::from(mean[c]) * factor(c);
    Some(Affine {
        factor: (0..channels).map(factor).collect(),
        offset: (0..channels).map(offset).collect(),
    })
}

/// The values of a constant that has one number per channel of a tensor of shape `x`, or one for
/// all channels: [C, 1, 1], [1, C, 1, 1], [1, 1, ...].
fn per_channel(name: &str, x: &[usize], facts: &Facts) -> Option<Vec<f64>> {
    let tensor = facts.constants.get(name)?;
    let mut dims = vec![1; x.len().checked_sub(tensor.dims.len())?];
    dims.extend(tensor.shape());
    if dims
        .iter()
        .enumerate()
        .any(|(axis, &n)| n != 1 && axis != 1)
    {
        return None;
    }
    let values: Vec<_> = tensor.floats().ok()?.into_iter().map(f64::from).collect();
    match values[..] {
        [one] => Some(vec![one; x[1]]),
        _ if values.len() == x[1] => Some(values),
        _ => None,
    }
}

/// Weight and bias of `conv` followed by `affine`, named after the tensor `output` that they make.
fn folded(
    conv: &NodeProto,
    affine: &Affine,
    facts: &Facts,
    output: &str,
) -> Option<ConvolutionWeights> {
    let weight = facts.constants.get(conv.input_name(1)?)?;
    let bias = match conv.input_name(2) {
        Some(name) => facts.constants.get(name)?.floats().ok()?,
        None => vec![0.0; affine.factor.len()],
    };
    let mut values = weight.floats().ok()?;
    let per_channel = values.len() / affine.factor.len();
    for (kernel, factor) in values.chunks_mut(per_channel).zip(&affine.factor) {
        for w in kernel {
            *w = (f64::from(*w) * factor) as f32;
        }
    }
    let channels = affine.factor.iter().zip(&affine.offset);
    let bias: Vec<_> = bias
        .iter()
        .zip(channels)
        .map(|(&b, (factor, offset))| (f64::from(b) * factor + offset) as f32)
        .collect();
    let name = |what: &str| format!("fold/{output}/{what}");
    Some(ConvolutionWeights {
        weight: TensorProto::from_floats(&name("weight"), &weight.shape(), &values),
        bias: TensorProto::from_floats(&name("bias"), &[bias.len()], &bias),
    })
}
