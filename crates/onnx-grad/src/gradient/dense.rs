//! The fully convolutional form: the classifier slid over a larger image, one row of scores per
//! position.
//!
//! A classifier ends in layers that see the whole feature map: a global pool, or a matrix product
//! on the flattened map. Read as a window of the map's own size, the pool is an `AveragePool` and
//! the product a `Conv`; both give the classifier's own scores at its own image size and a map of
//! scores on a larger image. Mahendran and Vedaldi 2016 run their networks this way in place of the
//! ten crops of 2013.

use super::graph::{declaration, keep_ancestors};
use super::prepare::Prepared;
use super::probe::{Facts, probe};
use super::rules::integers;
use super::{Dense, GradientError, Runtime, unsupported};
use crate::onnx::Graph;
use crate::onnx::proto::{GraphProto, NodeProto, TensorProto, tensor_proto::DataType};

/// The layers of a classifier's tail that a map of scores does not need.
const RESHAPES: [&str; 4] = ["Flatten", "Reshape", "Squeeze", "Identity"];

/// Rewrites the layers from the first global one on, opens the image size, and takes the scores of
/// all positions together.
pub(super) fn rewrite(
    prepared: &mut Prepared,
    dense: Dense,
    size: Option<[usize; 2]>,
    runtime: &dyn Runtime,
) -> Result<(), GradientError> {
    let facts = probe(prepared, runtime)?;
    let [_, channels, height, width] = prepared.picture.shape()[..] else {
        return Err(GradientError::Shape(
            "a fully convolutional form wants an input [N, C, H, W]".into(),
        ));
    };
    let size = size.unwrap_or([height, width]);
    if size[0] < height || size[1] < width {
        let [h, w] = size;
        return Err(GradientError::Shape(format!(
            "an image of {w} x {h} is smaller than the network's {width} x {height}"
        )));
    }
    let tail = tail(prepared);
    let first = tail
        .first()
        .and_then(|n| n.input_name(0))
        .unwrap_or(&prepared.target)
        .to_owned();
    // The spatial size of the map at the native image size: what a global layer sees.
    let mut seen = facts
        .shapes
        .get(&first)
        .and_then(|s| s.get(2..))
        .unwrap_or_default()
        .to_vec();
    if seen.len() != 2 {
        return Err(GradientError::Shape(format!(
            "`{first}` is no feature map; the classifier has no fully convolutional form"
        )));
    }
    let graph = prepared.graph_mut();
    graph.node.retain(|n| !tail.contains(n));
    let mut tensor = first;
    for old in tail.iter().filter(|old| !RESHAPES.contains(&old.op_type())) {
        let output = format!("dense/{}", old.output[0]);
        let new = window(
            old,
            [&tensor, &output],
            &seen,
            &facts,
            &mut graph.initializer,
        )?;
        if matches!(new.op_type(), "AveragePool" | "Conv") {
            seen = vec![1, 1];
        }
        graph.node.push(new);
        tensor = output;
    }
    let [target, scores] = over_positions(graph, &tensor, dense);
    keep_ancestors(graph, &[target, scores]);
    prepared.target = target.into();
    prepared.scores = scores.into();
    let input = prepared.picture.name().to_owned();
    let shape = [1, channels, size[0], size[1]];
    prepared.graph_mut().input = vec![declaration(&input, DataType::Float, None, &shape)];
    prepared.picture =
        TensorProto::picture(&input, &shape, DataType::Float).map_err(GradientError::Shape)?;
    Ok(())
}

/// A layer of the tail, from tensor `x` to `y`, over windows of the size that it saw of the map.
fn window(
    old: &NodeProto,
    [x, y]: [&str; 2],
    seen: &[usize],
    facts: &Facts,
    weights: &mut Vec<TensorProto>,
) -> Result<NodeProto, GradientError> {
    let kernel_shape = ("kernel_shape", integers(seen).into());
    Ok(match old.op_type() {
        "ReduceMean" if !over_the_map(old, facts) => {
            return Err(unsupported(
                old,
                "only a mean over height and width has a fully convolutional form",
            ));
        }
        "GlobalAveragePool" | "ReduceMean" => {
            NodeProto::of("AveragePool", &[x], y, &[kernel_shape])
        }
        "Gemm" => {
            let kernel = kernel(old, facts.constants.get(&old.input[1]), seen)?;
            let inputs: Vec<_> = [x, kernel.name()]
                .into_iter()
                .chain(old.input_name(2))
                .collect();
            let conv = NodeProto::of("Conv", &inputs, y, &[kernel_shape]);
            weights.push(kernel);
            conv
        }
        _ => {
            let mut same = old.clone();
            same.input[0] = x.into();
            same.output = vec![y.into()];
            same
        }
    })
}

/// Takes the scores of all positions together. Returns the tensor to differentiate and that of the
/// class scores.
fn over_positions(graph: &mut GraphProto, scores: &str, dense: Dense) -> [&'static str; 2] {
    match dense {
        Dense::Mean => {
            graph.node.push(NodeProto::of(
                "GlobalAveragePool",
                &[scores],
                "dense/mean",
                &[],
            ));
            ["dense/mean"; 2]
        }
        Dense::Positive => {
            graph.node.extend([
                // Whatever the method's rule of a ReLU, only positions with a positive score count.
                NodeProto::of(
                    "ThresholdedRelu",
                    &[scores],
                    "dense/positive",
                    &[("alpha", 0.0.into())],
                ),
                NodeProto::of(
                    "GlobalAveragePool",
                    &["dense/positive"],
                    "dense/target",
                    &[],
                ),
                NodeProto::of("GlobalMaxPool", &[scores], "dense/maximum", &[]),
            ]);
            ["dense/target", "dense/maximum"]
        }
    }
}

/// The nodes from the first global layer to the target, in order.
fn tail(prepared: &Prepared) -> Vec<NodeProto> {
    const GLOBAL: [&str; 5] = [
        "GlobalAveragePool",
        "ReduceMean",
        "Flatten",
        "Reshape",
        "Gemm",
    ];
    let index = Graph::new(prepared.graph());
    let (mut tensor, mut walked, mut length) = (prepared.target.as_str(), Vec::new(), 0);
    while let Some(node) = index.producer(tensor) {
        walked.push(node.clone());
        if GLOBAL.contains(&node.op_type()) {
            length = walked.len();
        }
        if matches!(
            node.op_type(),
            "Conv" | "Concat" | "Add" | "MaxPool" | "AveragePool"
        ) {
            break;
        }
        tensor = node.input_name(0).unwrap_or_default();
    }
    walked.truncate(length);
    walked.reverse();
    walked
}

/// Whether a `ReduceMean` takes the mean over height and width of [N, C, H, W], and nothing else.
fn over_the_map(mean: &NodeProto, facts: &Facts) -> bool {
    let axes = mean
        .input_name(1)
        .and_then(|name| facts.constants.get(name)?.integers().ok())
        .unwrap_or_default();
    let mut axes: Vec<_> = axes.iter().map(|axis| axis.rem_euclid(4)).collect();
    axes.sort_unstable();
    axes == [2, 3]
}

/// The matrix of a `Gemm` as convolution kernels [out, in, h, w].
fn kernel(
    gemm: &NodeProto,
    matrix: Option<&TensorProto>,
    seen: &[usize],
) -> Result<TensorProto, GradientError> {
    let plain = gemm.float("alpha", 1.0) == 1.0
        && gemm.float("beta", 1.0) == 1.0
        && gemm.int("transA", 0) == 0;
    let (Some(matrix), true) = (matrix, plain) else {
        return Err(unsupported(
            gemm,
            "only y = x · W + b with a constant W has a fully convolutional form",
        ));
    };
    let values = matrix
        .floats()
        .map_err(|reason| unsupported(gemm, &reason))?;
    let shape = matrix.shape();
    let transposed = gemm.int("transB", 0) != 0;
    let (out, inputs) = if transposed {
        (shape[0], shape[1])
    } else {
        (shape[1], shape[0])
    };
    let values = match transposed {
        true => values,
        false => (0..out)
            .flat_map(|o| (0..inputs).map(move |i| (i, o)))
            .map(|(i, o)| values[i * out + o])
            .collect(),
    };
    let dims = [out, inputs / (seen[0] * seen[1]), seen[0], seen[1]];
    Ok(TensorProto::from_floats(
        &format!("dense/{}", matrix.name()),
        &dims,
        &values,
    ))
}
