//! Solving an instance in both forms, and what a labelling costs.
//!
//! The test suite of `localise` includes this file too, for the cuts of its sample photos.

use grid_maxflow::{Grid, Instance};

/// An edge between two neighbouring pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CostedEdge {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// The cost when `from` is on the source's side and `to` on the sink's.
    pub(crate) forward: i32,
    /// The cost in the opposite case.
    pub(crate) backward: i32,
}

/// The edges between the pixels of the grid.
pub(crate) fn edges(instance: &Instance) -> Vec<CostedEdge> {
    let (width, height) = (instance.width, instance.height);
    let mut edges = Vec::new();
    for (&(dx, dy), costs) in instance.neighbours.steps().iter().zip(&instance.edges) {
        for from in 0..width * height {
            let x = (from % width).wrapping_add_signed(dx);
            let y = (from / width).wrapping_add_signed(dy);
            if x < width && y < height {
                edges.push(CostedEdge {
                    from,
                    to: y * width + x,
                    forward: costs.forward[from],
                    backward: costs.backward[from],
                });
            }
        }
    }
    edges
}

/// The flow and the source's side, computed with vector instructions and without them. Each grid
/// has cut another instance before, so that nothing may be left over from it.
///
/// # Panics
/// When the two forms differ.
pub(crate) fn solve(instance: &Instance) -> (i64, Vec<bool>) {
    let mut grid = Grid::default();
    let [vector, scalar] = [Grid::cut, Grid::cut_scalar].map(|cut| {
        let mut labels = vec![false; instance.source.len()];
        instance.set_edges(&mut grid);
        cut(&mut grid, &instance.sink, &instance.source, &mut labels);
        let flow = cut(&mut grid, &instance.source, &instance.sink, &mut labels);
        (flow, labels)
    });
    assert_eq!(vector, scalar, "the vector and the scalar form");
    vector
}

/// The cost of a labelling, computed from the costs alone.
pub(crate) fn energy(instance: &Instance, source_side: &[bool]) -> i64 {
    let terminals = instance.source.iter().zip(&instance.sink).zip(source_side);
    let unary: i64 = terminals
        .map(|((&source, &sink), &s)| i64::from(if s { sink } else { source }))
        .sum();
    let pair = |edge: CostedEdge| match (source_side[edge.from], source_side[edge.to]) {
        (true, false) => i64::from(edge.forward),
        (false, true) => i64::from(edge.backward),
        _ => 0,
    };
    unary + edges(instance).into_iter().map(pair).sum::<i64>()
}

/// The number of pixels on the source's side.
pub(crate) fn count(source_side: &[bool]) -> usize {
    source_side.iter().filter(|&&s| s).count()
}
