//! A ReLU put behind the pool after it.

use super::{Facts, Prepared};
use crate::onnx::Graph;
use crate::onnx::proto::NodeProto;

/// Exchanges a `Relu` and the `MaxPool` that is its only user: `max relu x = relu max x`. The mask
/// of the ReLU is then as small as the pool's output. Not for the other rules of
/// [`ReluRule`](crate::gradient::ReluRule), where the order matters.
pub(super) fn behind_pools(prepared: &mut Prepared, facts: &mut Facts) {
    let kept = prepared.kept();
    let graph = prepared.graph();
    let index = Graph::new(graph);
    let relu_of = |pool: &NodeProto| {
        let x = pool.input_name(0)?;
        let relu = index
            .producer(x)
            .filter(|node| node.op_type() == "Relu" && node.domain().is_empty())?;
        let alone = index.consumers(x).count() == 1
            && pool.output.len() == 1
            && !kept.iter().any(|name| name == x);
        // Of a pool that needs `Indices` the kernel is faster on what a ReLU has made zero.
        let tiles = pool.ints("kernel_shape") == pool.ints("strides");
        (pool.op_type() == "MaxPool" && pool.domain().is_empty() && alone && tiles).then_some(relu)
    };
    let pairs: Vec<(NodeProto, NodeProto)> = graph
        .node
        .iter()
        .filter_map(|pool| Some((relu_of(pool)?.clone(), pool.clone())))
        .collect();
    for (relu, pool) in pairs {
        let (x, between, y) = (
            relu.input[0].clone(),
            relu.output[0].clone(),
            pool.output[0].clone(),
        );
        facts
            .shapes
            .insert(between.clone(), facts.shapes[&y].clone());
        for node in &mut prepared.graph_mut().node {
            if *node == relu {
                *node = NodeProto {
                    input: vec![x.clone()],
                    output: vec![between.clone()],
                    ..pool.clone()
                };
            } else if *node == pool {
                *node = NodeProto {
                    input: vec![between.clone()],
                    output: vec![y.clone()],
                    ..relu.clone()
                };
            }
        }
    }
}
