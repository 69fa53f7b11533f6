//! The fully convolutional form: the classifier applied at every position of a larger image, with
//! one row of scores per position.
//!
//! A classifier ends in layers that see the whole feature map: a global pool, or a matrix product
//! on the flattened map. With windows of the map's own size, the pool is an `AveragePool` and the
//! product a `Conv`. Both give the classifier's own scores for an image of its own size, and a map
//! of scores for a larger image. Mahendran and Vedaldi 2016 run their networks this way instead of
//! on the ten crops of Simonyan et al. 2013.

use super::builder::to_i64;
use super::error::{GradientError, unsupported};
use super::graph::{declaration, keep_ancestors};
use super::options::{Dense, ImageSize};
use super::prepare::Prepared;
use super::probe::{Facts, probe};
use super::runtime::Runtime;
use crate::onnx::Graph;
use crate::onnx::proto::{GraphProto, NodeProto, TensorProto, tensor_proto::DataType};

/// Layers at the end of a classifier that only reshape; a map of scores does not need them.
const RESHAPES: [&str; 4] = ["Flatten", "Reshape", "Squeeze", "Identity"];

/// Rewrites the layers from the first global one on, changes the image size, and combines the
/// scores of all positions.
pub(super) fn rewrite(
    prepared: &mut Prepared,
    dense: Dense,
    size: Option<ImageSize>,
    runtime: &dyn Runtime,
) -> Result<(), GradientError> {
    let facts = probe(prepared, runtime)?;
    let [_, channels, height, width] = prepared.sample.shape()[..] else {
        return Err(GradientError::NoDenseForm(
            "its input is not of shape [N, C, H, W]".into(),
        ));
    };
    let network = ImageSize { width, height };
    let size = size.unwrap_or(network);
    if size.height < height || size.width < width {
        return Err(GradientError::ImageTooSmall { size, network });
    }
    let tail = tail(prepared);
    let first = tail
        .first()
        .and_then(|n| n.input_name(0))
        .unwrap_or(&prepared.target)
        .to_owned();
    let mut map = feature_map_size(&first, &facts)?;
    let graph = prepared.graph_mut();
    graph.node.retain(|n| !tail.contains(n));
    let mut tensor = first;
    for old in tail.iter().filter(|old| !RESHAPES.contains(&old.op_type())) {
        let layer = Layer {
            input: &tensor,
            output: format!("dense/{}", old.output[0]),
            map,
        };
        let new = layer.windowed(old, &facts, &mut graph.initializer)?;
        if matches!(new.op_type(), "AveragePool" | "Conv") {
            map = ImageSize {
                width: 1,
                height: 1,
            };
        }
        graph.node.push(new);
        tensor = layer.output;
    }
    let combined = combine_positions(graph, &tensor, dense);
    keep_ancestors(graph, &[combined.target, combined.scores]);
    prepared.target = combined.target.into();
    prepared.scores = combined.scores.into();
    let input = prepared.sample.name().to_owned();
    let shape = [1, channels, size.height, size.width];
    prepared.graph_mut().input = vec![declaration(&input, DataType::Float, None, &shape)];
    prepared.sample =
        TensorProto::sample(&input, &shape, DataType::Float).map_err(GradientError::Model)?;
    Ok(())
}

/// The size of a feature map for an image of the network's own size: what a global layer sees.
fn feature_map_size(tensor: &str, facts: &Facts) -> Result<ImageSize, GradientError> {
    match facts.shapes.get(tensor).map(Vec::as_slice) {
        Some(&[_, _, height, width]) => Ok(ImageSize { width, height }),
        _ => Err(GradientError::NoDenseForm(format!(
            "`{tensor}` is not a feature map [N, C, H, W]"
        ))),
    }
}

/// A layer of the fully convolutional tail.
struct Layer<'a> {
    /// The tensor that it reads.
    input: &'a str,
    /// The tensor that it makes.
    output: String,
    /// The size of its windows: that of the feature map that the original layer sees.
    map: ImageSize,
}

impl Layer<'_> {
    /// `old` as a layer over windows.
    fn windowed(
        &self,
        old: &NodeProto,
        facts: &Facts,
        weights: &mut Vec<TensorProto>,
    ) -> Result<NodeProto, GradientError> {
        let (x, y) = (self.input, self.output.as_str());
        let window = to_i64(&[self.map.height, self.map.width]);
        let kernel_shape = ("kernel_shape", window.into());
        Ok(match old.op_type() {
            "ReduceMean" if !is_spatial_mean(old, facts) => {
                return Err(unsupported(
                    old,
                    "only a mean over height and width has a fully convolutional form",
                ));
            }
            "GlobalAveragePool" | "ReduceMean" => {
                NodeProto::new("AveragePool", &[x], y, &[kernel_shape])
            }
            "Gemm" => {
                let kernels = kernels(old, facts.constants.get(&old.input[1]), self.map)?;
                let inputs: Vec<_> = [x, kernels.name()]
                    .into_iter()
                    .chain(old.input_name(2))
                    .collect();
                let conv = NodeProto::new("Conv", &inputs, y, &[kernel_shape]);
                weights.push(kernels);
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
}

/// The tensors that hold the combined scores of all positions.
struct Combined {
    /// What is differentiated.
    target: &'static str,
    /// The class scores.
    scores: &'static str,
}

/// Combines the scores of all positions.
fn combine_positions(graph: &mut GraphProto, scores: &str, dense: Dense) -> Combined {
    let (mean, positive) = ("dense/mean", "dense/positive");
    let (target, maximum) = ("dense/target", "dense/maximum");
    match dense {
        Dense::Mean => {
            graph
                .node
                .push(NodeProto::new("GlobalAveragePool", &[scores], mean, &[]));
            Combined {
                target: mean,
                scores: mean,
            }
        }
        Dense::Positive => {
            // Not a `Relu`: whatever the rule for ReLUs, only positive scores count here.
            let attributes = [("alpha", 0.0.into())];
            graph.node.extend([
                NodeProto::new("ThresholdedRelu", &[scores], positive, &attributes),
                NodeProto::new("GlobalAveragePool", &[positive], target, &[]),
                NodeProto::new("GlobalMaxPool", &[scores], maximum, &[]),
            ]);
            Combined {
                target,
                scores: maximum,
            }
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
    let (mut tensor, mut visited, mut length) = (prepared.target.as_str(), Vec::new(), 0);
    while let Some(node) = index.producer(tensor) {
        visited.push(node.clone());
        if GLOBAL.contains(&node.op_type()) {
            length = visited.len();
        }
        if matches!(
            node.op_type(),
            "Conv" | "Concat" | "Add" | "MaxPool" | "AveragePool"
        ) {
            break;
        }
        tensor = node.input_name(0).unwrap_or_default();
    }
    visited.truncate(length);
    visited.reverse();
    visited
}

/// Whether a `ReduceMean` takes the mean over height and width of [N, C, H, W], and nothing else.
fn is_spatial_mean(mean: &NodeProto, facts: &Facts) -> bool {
    let axes = mean
        .input_name(1)
        .and_then(|name| facts.constants.get(name)?.integers().ok())
        .unwrap_or_default();
    let mut axes: Vec<_> = axes.iter().map(|axis| axis.rem_euclid(4)).collect();
    axes.sort_unstable();
    axes == [2, 3]
}

/// The matrix of a `Gemm` as convolution kernels [out, in, h, w] of the size `map`.
fn kernels(
    gemm: &NodeProto,
    matrix: Option<&TensorProto>,
    map: ImageSize,
) -> Result<TensorProto, GradientError> {
    let plain = gemm.float("alpha", 1.0) == 1.0
        && gemm.float("beta", 1.0) == 1.0
        && gemm.int("transA", 0) == 0;
    let Some(matrix) = matrix.filter(|_| plain) else {
        return Err(unsupported(
            gemm,
            "only y = x · W + b with a constant W has a fully convolutional form",
        ));
    };
    let values = matrix
        .floats()
        .map_err(|reason| unsupported(gemm, &reason))?;
    let shape = matrix.shape();
    let (out, inputs, values) = if gemm.int("transB", 0) != 0 {
        (shape[0], shape[1], values)
    } else {
        (shape[1], shape[0], transposed(&values, shape[1]))
    };
    let dims = [
        out,
        inputs / (map.height * map.width),
        map.height,
        map.width,
    ];
    let name = format!("dense/{}", matrix.name());
    Ok(TensorProto::from_floats(&name, &dims, &values))
}

/// A row-major matrix of `columns` columns, transposed.
fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    (0..columns)
        .flat_map(|column| values.iter().skip(column).step_by(columns).copied())
        .collect()
}
