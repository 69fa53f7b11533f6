//! The public interface of the solver: a grid of pixels with costs, and its minimum cut.

use crate::forest::{Forests, Unfinished};
use crate::neighbourhood::Scalar;
#[cfg(target_arch = "x86_64")]
use crate::neighbourhood::Simd;
use crate::network::Network;

/// How many neighbours a pixel has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neighbours {
    /// Left, right, above and below.
    Four,
    /// These and the four diagonal ones.
    Eight,
}

impl Neighbours {
    /// The steps (dx, dy) to one half of the neighbours. The other half are their opposites.
    ///
    /// These are (1, 0), (0, 1) and, for [`Self::Eight`], (1, 1) and (-1, 1); x grows to the right
    /// and y grows downwards.
    #[must_use]
    pub fn steps(self) -> &'static [(isize, isize)] {
        const STEPS: [(isize, isize); 4] = [(1, 0), (0, 1), (1, 1), (-1, 1)];
        match self {
            Self::Four => &STEPS[..2],
            Self::Eight => &STEPS,
        }
    }
}

/// The direction in the network of each of [`Neighbours::steps`].
const STEP_DIRECTIONS: [usize; 4] = [4, 6, 7, 5];

/// The costs of all edges in one direction of [`Neighbours::steps`]: one value per pixel, row by
/// row, each ≥ 0. Where a pixel has no such neighbour, its values are ignored.
#[derive(Clone, Copy, Debug)]
pub struct Edges<'a> {
    /// The cost if only the pixel is on the source's side.
    pub forward: &'a [i32],
    /// The cost if only the neighbour is on the source's side. Together with `forward` it is at
    /// most `i32::MAX`.
    pub backward: &'a [i32],
}

impl<'a> Edges<'a> {
    /// Edges that cost the same in both directions.
    #[must_use]
    pub fn symmetric(costs: &'a [i32]) -> Self {
        Self {
            forward: costs,
            backward: costs,
        }
    }
}

/// A grid of pixels with the costs of its edges, and the memory of the solver.
///
/// The memory is kept from one cut to the next: after a few cuts of the same size, no further cut
/// allocates. Keep one grid per thread.
#[derive(Clone, Debug, Default)]
pub struct Grid {
    network: Network,
    forests: Forests<i16>,
    /// For grids with paths longer than 16 bits can count, and for machines without the vector
    /// instructions.
    wide_forests: Forests<i32>,
}

/// A function that finds a maximum flow, or stops before the flow is maximal.
type Maximise = fn(&mut Forests<i16>, &mut Network) -> Result<(), Unfinished>;

impl Grid {
    /// Sets the size of the grid and the costs of all edges: one [`Edges`] for each of
    /// [`Neighbours::steps`]. They stay set for any number of cuts.
    ///
    /// # Panics
    ///
    /// * If `width` or `height` is 0, or (width + 2) · (height + 2) is 2³² or more.
    /// * If the number of `edges` is not that of the steps, or a slice does not have one value per
    ///   pixel.
    /// * If a cost is negative, or the two costs of an edge add up to more than `i32::MAX`.
    pub fn set_edges(
        &mut self,
        width: usize,
        height: usize,
        neighbours: Neighbours,
        edges: &[Edges<'_>],
    ) {
        let fits = |padded_len: usize| u32::try_from(padded_len).is_ok();
        let padded_len = width
            .saturating_add(2)
            .checked_mul(height.saturating_add(2));
        assert!(
            width > 0 && height > 0 && padded_len.is_some_and(fits),
            "a grid must have at least one pixel and fewer than 2^32, counting one pixel of \
             padding on every side"
        );
        assert_eq!(
            edges.len(),
            neighbours.steps().len(),
            "there must be one `Edges` for each step"
        );
        for Edges { forward, backward } in edges {
            assert_eq!(
                [forward.len(), backward.len()],
                [width * height; 2],
                "edges must have one cost per pixel and direction"
            );
            // The sign bit is set by a negative cost, or by a sum that overflows.
            let signs = forward
                .iter()
                .zip(*backward)
                .fold(0, |signs, (f, b)| signs | f | b | f.wrapping_add(*b));
            assert!(
                signs >= 0,
                "the costs of an edge must not be negative and must not overflow together"
            );
        }
        self.network.resize(width, height);
        for (costs, d) in edges.iter().zip(STEP_DIRECTIONS) {
            self.network
                .set_capacities(d, costs.forward, costs.backward);
        }
    }

    /// Finds a minimum cut, and returns its cost, which is the value of a maximum flow.
    ///
    /// `source` has the cost of each pixel on the sink's side, and `sink` its cost on the source's
    /// side; both are ≥ 0 and row by row. `on_source_side` receives, for each pixel, whether the
    /// cut puts it on the source's side. Of all minimum cuts this is the one with the fewest pixels
    /// on that side.
    ///
    /// A grid whose edges were never set has no pixels, and its cut costs 0.
    ///
    /// # Panics
    ///
    /// If a slice does not have one value per pixel, or a cost is negative.
    pub fn cut(&mut self, source: &[i32], sink: &[i32], on_source_side: &mut [bool]) -> i64 {
        self.cut_with(source, sink, on_source_side, maximise_vectorised)
    }

    /// Like [`Self::cut`], but without vector instructions: the result is the same, and it takes
    /// longer. It is meant for tests and comparisons.
    ///
    /// # Panics
    ///
    /// As [`Self::cut`].
    pub fn cut_scalar(&mut self, source: &[i32], sink: &[i32], on_source_side: &mut [bool]) -> i64 {
        self.cut_with(source, sink, on_source_side, |_, _| Err(Unfinished))
    }

    /// Finds a minimum cut by `maximise`, and where that fails by the scalar version.
    fn cut_with(
        &mut self,
        source: &[i32],
        sink: &[i32],
        on_source_side: &mut [bool],
        maximise: Maximise,
    ) -> i64 {
        let network = &mut self.network;
        let pixels = network.width * network.height;
        assert_eq!(
            [source.len(), sink.len(), on_source_side.len()],
            [pixels; 3],
            "costs and labels must have one value per pixel"
        );
        assert!(
            source.iter().chain(sink).all(|&cost| cost >= 0),
            "the costs of a pixel must not be negative"
        );
        if pixels == 0 {
            return 0;
        }
        network.reset(source, sink);
        let deficit = network.total_deficit();
        let is_narrow = maximise(&mut self.forests, network).is_ok();
        if !is_narrow {
            self.wide_forests
                .maximise(Scalar, network)
                .expect("levels of 32 bits suffice for any grid that fits in memory");
        }
        for (p, label) in network.rows().flatten().zip(on_source_side) {
            *label = if is_narrow {
                self.forests.is_reachable(p)
            } else {
                self.wide_forests.is_reachable(p)
            };
        }
        // Each pixel pays the smaller of its costs in any case.
        let paid_anyway: i64 = source
            .iter()
            .zip(sink)
            .map(|(a, b)| i64::from(*a.min(b)))
            .sum();
        paid_anyway + deficit - network.total_deficit()
    }
}

/// Finds a maximum flow with vector instructions.
///
/// # Errors
///
/// [`Unfinished`] if the machine does not have the instructions, or the grid needs levels of more
/// than 16 bits.
fn maximise_vectorised(
    forests: &mut Forests<i16>,
    network: &mut Network,
) -> Result<(), Unfinished> {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = Simd::detect() {
        #[target_feature(enable = "avx2,bmi1,bmi2")]
        fn maximise(
            simd: Simd,
            forests: &mut Forests<i16>,
            network: &mut Network,
        ) -> Result<(), Unfinished> {
            forests.maximise(simd, network)
        }
        // SAFETY: a `Simd` exists only on machines that have these features.
        #[allow(unsafe_code, reason = "a call of a function with target features")]
        return unsafe { maximise(simd, forests, network) };
    }
    let _ = (forests, network);
    Err(Unfinished)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pseudorandom costs: the two planes of the terminals, which are mostly 0, and four pairs of
    /// planes of edges.
    fn random_planes(pixels: usize, seed: u32) -> Vec<Vec<i32>> {
        let number = |i: usize| {
            ((i as u32)
                .wrapping_add(seed << 20)
                .wrapping_mul(2_654_435_761)
                >> 16) as i32
        };
        let cost = |plane: usize, p: usize| {
            let number = number(plane * pixels + p);
            if plane < 2 && number % 5 > 0 {
                0
            } else {
                number % 1000
            }
        };
        (0..10)
            .map(|plane| (0..pixels).map(|p| cost(plane, p)).collect())
            .collect()
    }

    fn edges(planes: &[Vec<i32>]) -> Vec<Edges<'_>> {
        planes
            .chunks(2)
            .map(|pair| Edges {
                forward: &pair[0],
                backward: &pair[1],
            })
            .collect()
    }

    #[test]
    #[should_panic(expected = "must not overflow together")]
    fn edge_costs_that_overflow_together_are_rejected() {
        let costs = [i32::MAX; 2];
        Grid::default().set_edges(2, 1, Neighbours::Four, &[Edges::symmetric(&costs); 2]);
    }

    #[test]
    #[should_panic(expected = "a grid must have at least one pixel")]
    fn a_grid_without_pixels_is_rejected() {
        Grid::default().set_edges(0, 0, Neighbours::Four, &[Edges::symmetric(&[]); 2]);
    }

    #[test]
    fn the_cut_of_a_grid_without_pixels_costs_nothing() {
        assert_eq!(Grid::default().cut(&[], &[], &mut []), 0);
    }

    #[test]
    fn a_grid_can_be_reused_for_fewer_pixels_and_neighbours() {
        let mut grid = Grid::default();
        for (width, height, neighbours) in [
            (30, 20, Neighbours::Eight),
            (30, 20, Neighbours::Four),
            (7, 9, Neighbours::Four),
        ] {
            let planes = random_planes(width * height, 3);
            let edges = &edges(&planes[2..])[..neighbours.steps().len()];
            let cut_in = |solver: &mut Grid| {
                let mut labels = vec![false; width * height];
                solver.set_edges(width, height, neighbours, edges);
                (solver.cut(&planes[0], &planes[1], &mut labels), labels)
            };
            assert_eq!(
                cut_in(&mut grid),
                cut_in(&mut Grid::default()),
                "{width} x {height}, {neighbours:?}"
            );
        }
    }

    /// The pixels that can be reached from a pixel with excess along arcs with residual capacity.
    /// Panics if one of them has a deficit.
    fn reachable(network: &Network) -> Vec<bool> {
        let mut reachable: Vec<_> = network.excess.iter().map(|&e| e > 0).collect();
        let mut stack: Vec<_> = (0..reachable.len()).filter(|&p| reachable[p]).collect();
        while let Some(p) = stack.pop() {
            assert!(network.excess[p] >= 0, "an augmenting path is left");
            for d in (0..8).filter(|&d| network.residual[p][d] > 0) {
                let q = network.neighbour(p, d);
                if !std::mem::replace(&mut reachable[q], true) {
                    stack.push(q);
                }
            }
        }
        network.rows().flatten().map(|p| reachable[p]).collect()
    }

    #[test]
    fn the_flow_is_conserved_and_maximal_and_the_same_in_both_versions() {
        let mut grid = Grid::default();
        let sizes = [
            (1, 1),
            (1, 30),
            (30, 1),
            (2, 2),
            (5, 4),
            (9, 8),
            (17, 23),
            (40, 31),
        ];
        // Miri is too slow for the last two.
        let sizes = &sizes[..if cfg!(miri) { 6 } else { 8 }];
        for (seed, &(width, height)) in (0..).zip(sizes) {
            let planes = random_planes(width * height, seed);
            let (source, sink) = (&planes[0], &planes[1]);
            grid.set_edges(width, height, Neighbours::Eight, &edges(&planes[2..]));
            // The third reports failure after it has found a maximum flow, so that the scalar
            // version starts from a flow that is not its own.
            let versions: [Maximise; 3] = [
                maximise_vectorised,
                |_, _| Err(Unfinished),
                |forests, network| maximise_vectorised(forests, network).and(Err(Unfinished)),
            ];
            let [vectorised, scalar, handed_over] = versions.map(|maximise| {
                let mut labels = vec![false; width * height];
                let flow = grid.cut_with(source, sink, &mut labels, maximise);
                grid.network.check(source, sink);
                let (residual, excess) = (&grid.network.residual, &grid.network.excess);
                (flow, labels, residual.clone(), excess.clone())
            });
            assert!(
                vectorised == scalar,
                "the vectorised and the scalar version differ at {width} x {height}"
            );
            assert!(
                vectorised == handed_over,
                "the scalar version does not keep a maximum flow at {width} x {height}"
            );
            assert_eq!(
                vectorised.1,
                reachable(&grid.network),
                "the source's side is not what the source can reach at {width} x {height}"
            );
        }
    }
}
