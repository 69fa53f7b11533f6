//! Which tokens of a transformer belong to positions of the image.
//!
//! Shapes do not tell: some transformers keep their tokens in the order of windows. So the tokens are
//! traced back to where they were made, by flattening a grid row by row, and to where others were put
//! before or behind them.

use std::collections::HashSet;

use onnx_grad::onnx::proto::{NodeProto, TensorProto};

use super::layout::Tokens;
use super::shaped_graph::ShapedGraph;
use crate::geometry::Size;

/// Operators that can change the order of tokens although the shape stays the same.
const REORDERING: [&str; 6] = [
    "Gather",
    "GatherElements",
    "GatherND",
    "ReverseSequence",
    "ScatterElements",
    "ScatterND",
];

/// A tensor, and the axis along which it has tokens.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct TokenAxis<'a> {
    tensor: &'a str,
    axis: usize,
}

impl<'a> ShapedGraph<'a> {
    /// The tokens along an axis of a tensor; `None` if it is not known where they come from.
    pub(super) fn tokens(&'a self, tensor: &'a str, axis: usize) -> Option<Tokens> {
        let mut seen = HashSet::new();
        let mut open = vec![TokenAxis { tensor, axis }];
        while let Some(place) = open.pop() {
            if !seen.insert(place) {
                continue;
            }
            let Some(node) = self.graph.producer(place.tensor) else {
                continue;
            };
            let found = match node.op_type() {
                "Concat" if self.is_axis(node.int("axis", 0), place) => {
                    self.concatenated(node, place)
                }
                "Slice" if self.cuts_tokens(node, place) => self.sliced(node, place),
                "Reshape" | "Flatten" => self.flattened(node, place),
                _ => None,
            };
            if found.is_some() {
                return found;
            }
            if !REORDERING.contains(&node.op_type()) {
                let inputs = node.input.iter();
                open.extend(inputs.filter_map(|input| self.same_tokens(node, place, input)));
            }
        }
        None
    }

    /// The message for a shape, given as text, in which no axis has tokens.
    pub(super) fn not_tokens(&self, text: &str) -> String {
        format!(
            "{text}, in which no axis is known to have one token for each position of the {} image, \
             row by row",
            self.image
        )
    }

    fn size(&self, TokenAxis { tensor, axis }: TokenAxis<'_>) -> Option<usize> {
        let weight = || self.graph.initializer(tensor).map(TensorProto::shape);
        let shape = self.shapes.get(tensor).cloned().or_else(weight)?;
        shape.get(axis).copied()
    }

    /// Whether an attribute names this axis, which it may count from the end.
    fn is_axis(&self, attribute: i64, TokenAxis { tensor, axis }: TokenAxis<'_>) -> bool {
        let rank = self.shapes.get(tensor).map_or(0, Vec::len) as i64;
        (attribute + rank) % rank.max(1) == axis as i64
    }

    /// Where the tokens of a node's output are in one of its inputs, if these are the same.
    fn same_tokens(
        &self,
        node: &NodeProto,
        place: TokenAxis<'a>,
        input: &'a str,
    ) -> Option<TokenAxis<'a>> {
        let (from, to) = (self.shapes.get(input)?, &self.shapes[place.tensor]);
        let axis = match node.op_type() {
            "Transpose" => usize::try_from(*node.ints("perm")?.get(place.axis)?).ok()?,
            "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => {
                let without_ones = |shape: &[usize]| -> Vec<usize> {
                    shape.iter().copied().filter(|&n| n != 1).collect()
                };
                let before = |shape: &[usize], axis: usize| without_ones(&shape[..axis]).len();
                let rank = before(to, place.axis);
                let mut axes = (0..from.len()).filter(|&axis| from[axis] != 1);
                (without_ones(from) == without_ones(to)).then(|| axes.nth(rank))??
            }
            _ if from.len() == to.len() => place.axis,
            _ => return None,
        };
        let found = TokenAxis {
            tensor: input,
            axis,
        };
        (self.size(found) == self.size(place)).then_some(found)
    }

    /// The tokens of a grid [1, H, W, C] or [1, C, H, W] that a node flattens to H · W. In tensors of
    /// more axes, two sides that fit can be windows and the positions in them.
    fn flattened(
        &self,
        node: &NodeProto,
        TokenAxis { tensor, axis }: TokenAxis<'_>,
    ) -> Option<Tokens> {
        let (from, to) = (self.shapes.get(&node.input[0])?, &self.shapes[tensor]);
        let [height, width] = from.get(axis..axis + 2)? else {
            return None;
        };
        let is_flat = from.len() == 4
            && from[..axis] == to[..axis]
            && height * width == to[axis]
            && self.grids.contain(*height, *width);
        is_flat.then(|| Tokens {
            first: 0,
            extra: 0,
            grid: Size::new(*width as u32, *height as u32),
        })
    }

    /// The tokens of the input with the most positions, among others.
    fn concatenated(&'a self, node: &'a NodeProto, place: TokenAxis<'a>) -> Option<Tokens> {
        let count = self.size(place)?;
        let mut first = 0;
        let mut found: Option<Tokens> = None;
        for tensor in &node.input {
            if let Some(tokens) = self.tokens(tensor, place.axis)
                && found.is_none_or(|known| known.grid.area() < tokens.grid.area())
            {
                found = Some(Tokens {
                    first: first + tokens.first,
                    extra: count - tokens.grid.area(),
                    grid: tokens.grid,
                });
            }
            first += self.size(TokenAxis { tensor, ..place })?;
        }
        found
    }

    /// Whether a node removes some of the tokens.
    fn cuts_tokens(&self, node: &NodeProto, place: TokenAxis<'_>) -> bool {
        let tensor = node.input[0].as_str();
        self.size(TokenAxis { tensor, ..place }) != self.size(place)
    }

    /// The tokens that are left of others, if all positions are.
    fn sliced(&'a self, node: &'a NodeProto, place: TokenAxis<'a>) -> Option<Tokens> {
        let of_input = self.tokens(&node.input[0], place.axis)?;
        let list = |i: usize| {
            let weight = self.graph.initializer(node.input.get(i)?)?;
            weight.integers().ok()
        };
        let axes = list(3)?;
        let which = axes.iter().position(|&axis| self.is_axis(axis, place))?;
        let step = list(4).map_or(1, |steps| steps[which]);
        let start = usize::try_from(list(1)?[which]).ok()?;
        let count = self.size(place)?;
        let first = of_input.first.checked_sub(start)?;
        let is_whole = first + of_input.grid.area() <= count && step == 1;
        is_whole.then(|| Tokens {
            first,
            extra: count - of_input.grid.area(),
            grid: of_input.grid,
        })
    }
}
