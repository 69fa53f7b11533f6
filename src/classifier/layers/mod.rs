//! The feature maps of a network: which tensors they are, how their numbers are laid out, and names
//! for them that every network has.
//!
//! ```text
//! network ─► shapes of its tensors ─► grids of positions ─► layout of a tensor  [C, H, W]
//!                                  └► candidates ─► `stride16`, `last` and the like
//! ```

mod axes;
mod candidates;
mod feature_maps;
mod grids;
mod layout;
mod names;
mod shaped_graph;
mod tokens;

pub use candidates::{LayerCandidate, UnreadEnd};
pub use feature_maps::FeatureMaps;
pub use layout::{AxisOrder, FeatureLayout};
pub use names::{AUTOMATIC_NAMES, LayerName};
pub(super) use shaped_graph::ShapedGraph;
