//! Which axis of a tensor has the channels, where its shape does not tell.

use std::collections::HashSet;

use onnx_grad::onnx::proto::NodeProto;

use super::shaped_graph::ShapedGraph;

/// Operators whose output has the channels on its second axis by definition.
const CHANNELS_FIRST: [&str; 9] = [
    "AveragePool",
    "BatchNormalization",
    "Conv",
    "ConvTranspose",
    "GroupNormalization",
    "InstanceNormalization",
    "LRN",
    "MaxPool",
    "Resize",
];

impl ShapedGraph<'_> {
    /// Whether the channels of a tensor are on its last axis (true) or its second one (false), by
    /// the operators that make and use it; `None` if they do not tell.
    pub(super) fn channels_are_last(&self, tensor: &str) -> Option<bool> {
        self.trace_channels(tensor, &mut HashSet::new())
    }

    fn trace_channels<'a>(&'a self, tensor: &'a str, seen: &mut HashSet<&'a str>) -> Option<bool> {
        if !seen.insert(tensor) {
            return None;
        }
        let rank = self.shapes.get(tensor)?.len();
        if self
            .graph
            .consumers(tensor)
            .any(|node| normalises_last(node, rank))
        {
            return Some(true);
        }
        let node = self.graph.producer(tensor)?;
        match node.op_type() {
            op if CHANNELS_FIRST.contains(&op) => Some(rank == 2),
            "LayerNormalization" => Some(true),
            "Transpose" => {
                let last = self.trace_channels(&node.input[0], seen)?;
                match node.ints("perm")? {
                    [0, 2, 3, 1] | [0, 2, 1] if !last => Some(true),
                    [0, 3, 1, 2] | [0, 2, 1] if last => Some(false),
                    _ => None,
                }
            }
            // [1, C, H, W] to [1, C, H W] and the like.
            "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => {
                let input = &node.input[0];
                let (from, to) = (self.shapes.get(input)?, self.shapes.get(tensor)?);
                let last = self.trace_channels(input, seen)?;
                let kept = if last {
                    from.last() == to.last()
                } else {
                    from.get(1) == to.get(1)
                };
                kept.then_some(last)
            }
            // The product with a matrix of weights leaves the axes where they are.
            "MatMul" => self.trace_channels(&node.input[0], seen),
            _ => {
                let shape = &self.shapes[tensor];
                let same = self.inputs(node).filter(|(_, input)| input == shape);
                same.map(|(input, _)| input)
                    .find_map(|input| self.trace_channels(input, seen))
            }
        }
    }
}

/// Whether a node normalises over the last of `rank` axes.
fn normalises_last(node: &NodeProto, rank: usize) -> bool {
    node.op_type() == "LayerNormalization" && [-1, rank as i64 - 1].contains(&node.int("axis", -1))
}
