//! A ReLU moved behind the pool that follows it.

use crate::gradient::prepare::Prepared;
use crate::gradient::probe::Facts;
use crate::onnx::Graph;
use crate::onnx::proto::NodeProto;

/// Exchanges a `Relu` and the `MaxPool` that is its only user: `max relu x = relu max x`
///
/// The mask of the ReLU is then as small as the pool's output. The other rules of
/// [`ReluRule`](crate::gradient::options::ReluRule) depend on the order.
pub(super) fn move_behind_pools(prepared: &mut Prepared, facts: &mut Facts) {
    for Pair { relu, pool } in pairs(prepared) {
        let x = relu.input[0].clone();
        let between = relu.output[0].clone();
        let y = pool.output[0].clone();
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

/// A pool and the ReLU before it.
struct Pair {
    relu: NodeProto,
    pool: NodeProto,
}

fn pairs(prepared: &Prepared) -> Vec<Pair> {
    let kept = prepared.kept();
    let graph = prepared.graph();
    let index = Graph::new(graph);
    let mut pairs = Vec::new();
    for pool in &graph.node {
        // The kernel of `MaxPool` with `Indices`, which other windows need, is faster on what a
        // ReLU has made zero.
        let windows_tile = pool.ints("kernel_shape") == pool.ints("strides");
        if pool.op_type() != "MaxPool"
            || !pool.domain().is_empty()
            || pool.output.len() != 1
            || !windows_tile
        {
            continue;
        }
        let Some(x) = pool.input_name(0) else {
            continue;
        };
        let relu = index
            .producer(x)
            .filter(|node| node.op_type() == "Relu" && node.domain().is_empty());
        let only_user = index.consumers(x).count() == 1 && !kept.iter().any(|name| name == x);
        if let Some(relu) = relu.filter(|_| only_user) {
            pairs.push(Pair {
                relu: relu.clone(),
                pool: pool.clone(),
            });
        }
    }
    pairs
}
