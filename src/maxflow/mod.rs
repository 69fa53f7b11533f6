//! Exact minimum cuts on pixel grids. It knows integers and pixels, not images.
//!
//! A cut labels every pixel *source* or *sink* at the least total cost: each pixel pays for its label, each pair of
//! neighbours with different labels pays for the edge between them. [`Grid`] holds the costs and finds the cut by
//! a maximum flow with incremental breadth-first search (Goldberg, Hed, Kaplan, Tarjan and Werneck, ESA 2011), whose
//! running time is polynomial whatever the costs.

mod grid;

pub use grid::{Cut, Grid, Neighbours};
