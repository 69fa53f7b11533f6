//! Which tokens of a transformer belong to positions of the image.

use std::collections::HashSet;

use onnx_grad::onnx::proto::NodeProto;

use super::layout::Tokens;
use super::shaped_graph::ShapedGraph;
use crate::geometry::Size;

impl ShapedGraph<'_> {
    /// The tokens along an axis of a tensor: H · W of them, as many as a grid of the network has
    /// positions, or more if the graph shows where others were put before or behind them.
    pub(super) fn tokens(&self, tensor: &str, axis: usize) -> Option<Tokens> {
        let count = *self.shapes.get(tensor)?.get(axis)?;
        if let Some((height, width)) = self.grids.with_positions(count) {
            return Some(Tokens {
                first: 0,
                extra: 0,
                grid: Size::new(width as u32, height as u32),
            });
        }
        let concat = self.concat_before(tensor, axis, count)?;
        let mut first = 0;
        let mut found: Option<Tokens> = None;
        for input in &concat.input {
            if let Some(tokens) = self.tokens(input, axis)
                && found.is_none_or(|known| known.grid.area() < tokens.grid.area())
            {
                found = Some(Tokens {
                    first: first + tokens.first,
                    extra: count - tokens.grid.area(),
                    grid: tokens.grid,
                });
            }
            first += self.size(input, axis)?;
        }
        found
    }

    /// The message for a shape, given as text, in which no axis has tokens.
    pub(super) fn not_tokens(&self, text: &str) -> String {
        format!(
            "{text}, in which no axis has one token for each position of a grid of the {} image",
            self.image
        )
    }

    /// The nearest node before a tensor that concatenates its `count` tokens along `axis`.
    fn concat_before(&self, tensor: &str, axis: usize, count: usize) -> Option<&NodeProto> {
        let rank = self.shapes.get(tensor)?.len();
        let mut seen = HashSet::from([tensor.to_owned()]);
        let mut open = vec![tensor.to_owned()];
        while let Some(name) = open.pop() {
            let Some(node) = self.graph.producer(&name) else {
                continue;
            };
            let is_along_axis = [axis as i64, axis as i64 - rank as i64].contains(&node.int("axis", 0));
            if node.op_type() == "Concat" && is_along_axis {
                return Some(node);
            }
            let same_tokens = self
                .inputs(node)
                .filter(|(_, shape)| shape.len() == rank && shape[axis] == count)
                .map(|(input, _)| input.to_owned());
            open.extend(same_tokens.filter(|input| seen.insert(input.clone())));
        }
        None
    }

    /// The size of a tensor or weight along an axis.
    fn size(&self, tensor: &str, axis: usize) -> Option<usize> {
        let weight = || self.graph.initializer(tensor).map(|weight| weight.shape());
        let shape = self.shapes.get(tensor).cloned().or_else(weight)?;
        shape.get(axis).copied()
    }
}
