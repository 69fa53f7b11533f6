//! A graph with the shapes of its tensors.

use std::collections::HashMap;

use onnx_grad::onnx::Graph;
use onnx_grad::onnx::proto::{GraphProto, NodeProto};

use super::grids::Grids;
use super::layout::FeatureLayout;
use crate::geometry::Size;

/// The forward half of a network for images of one size.
pub(in crate::classifier) struct ShapedGraph<'a> {
    pub(super) graph: Graph<'a>,
    /// The shape of every tensor that depends on the image.
    pub(super) shapes: &'a HashMap<String, Vec<usize>>,
    /// The grids of positions that the network can have.
    pub(super) grids: Grids,
    /// The size of the image, in pixels.
    pub(super) image: Size,
}

impl<'a> ShapedGraph<'a> {
    pub(in crate::classifier) fn new(
        graph: &'a GraphProto,
        shapes: &'a HashMap<String, Vec<usize>>,
        image: Size,
    ) -> Self {
        Self {
            grids: Grids::new(graph, shapes, image),
            graph: Graph::new(graph),
            shapes,
            image,
        }
    }

    /// How the numbers of a feature map are laid out, or why the tensor is not one.
    pub(in crate::classifier) fn layout(&self, tensor: &str) -> Result<FeatureLayout, String> {
        match self.shapes.get(tensor) {
            Some(shape) => FeatureLayout::find(self, tensor, shape),
            None => Err("does not depend on the image".into()),
        }
    }

    /// The inputs of a node that depend on the image, with their shapes.
    pub(super) fn inputs<'n>(
        &'n self,
        node: &'n NodeProto,
    ) -> impl Iterator<Item = (&'n str, &'n [usize])> {
        node.input.iter().filter_map(|name| {
            let shape = self.shapes.get(name)?;
            Some((name.as_str(), shape.as_slice()))
        })
    }
}
