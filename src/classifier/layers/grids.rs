//! The grids of positions at which a network has features.

use std::collections::{BTreeSet, HashMap};

use onnx_grad::onnx::proto::GraphProto;

use crate::geometry::Size;

/// Operators whose output [N, C, H, W] has its positions on the last two axes by definition.
const SPATIAL: [&str; 10] = [
    "AveragePool",
    "BatchNormalization",
    "Conv",
    "ConvTranspose",
    "DepthToSpace",
    "LRN",
    "LpPool",
    "MaxPool",
    "Resize",
    "SpaceToDepth",
];

/// The grids of positions of a network, by height and width: those of its convolutions and pools,
/// the image, and what is left of each when it is halved again and again.
///
/// A transformer has its first grid from the convolution that makes the patches. Later ones, which
/// it makes by merging patches, are halves of it.
#[derive(Debug)]
pub(super) struct Grids(BTreeSet<(usize, usize)>);

impl Grids {
    pub(super) fn new(
        graph: &GraphProto,
        shapes: &HashMap<String, Vec<usize>>,
        image: Size,
    ) -> Self {
        let outputs = graph
            .node
            .iter()
            .filter(|node| SPATIAL.contains(&node.op_type()))
            .filter_map(|node| shapes.get(node.output.first()?));
        let mut grids = BTreeSet::new();
        for shape in outputs {
            if let [1, _, height, width] = shape[..] {
                add_halves(&mut grids, (height, width), image);
            }
        }
        add_halves(&mut grids, image.shape(), image);
        Self(grids)
    }

    /// Whether the network has features on a grid of this height and width.
    pub(super) fn contain(&self, height: usize, width: usize) -> bool {
        self.0.contains(&(height, width))
    }
}

/// Adds a grid and its halves, rounded down and rounded up, as far as there are several positions.
fn add_halves(grids: &mut BTreeSet<(usize, usize)>, grid: (usize, usize), image: Size) {
    let (height, width) = grid;
    if height * width > 1 && has_aspect_of(grid, image) && grids.insert(grid) {
        add_halves(grids, (height / 2, width / 2), image);
        add_halves(grids, (height.div_ceil(2), width.div_ceil(2)), image);
    }
}

/// Whether both sides of a grid have been divided by the same number, give or take the two positions
/// that unpadded convolutions lose: `|w − h W / H| ≤ 2`, for the shorter side h.
fn has_aspect_of((height, width): (usize, usize), image: Size) -> bool {
    let (image_height, image_width) = image.shape();
    let difference = (width * image_height).abs_diff(height * image_width);
    height <= image_height
        && width <= image_width
        && difference <= 2 * image_height.max(image_width)
}
