//! The face of the room: a grid of pixels with costs, and its minimum cut.

use super::forest::{Forests, TooHigh};
use super::neighbourhood::Scalar;
#[cfg(target_arch = "x86_64")]
use super::neighbourhood::Simd;
use super::network::Network;

/// How many neighbours a pixel has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neighbours {
    /// Left, right, above, below.
    Four,
    /// These and the diagonals.
    Eight,
}

impl Neighbours {
    /// The steps (dx, dy) to one half of the neighbours; the other half are their opposites.
    #[must_use]
    pub fn steps(self) -> &'static [(isize, isize)] {
        const STEPS: [(isize, isize); 4] = [(1, 0), (0, 1), (1, 1), (-1, 1)];
        match self {
            Self::Four => &STEPS[..2],
            Self::Eight => &STEPS,
        }
    }
}

/// What the pairs of neighbours in one direction pay, a value per pixel and row by row; where a
/// pixel has no such neighbour it does not matter.
#[derive(Clone, Copy, Debug)]
pub struct Edges<'a> {
    /// When only the pixel is on the source's side, ≥ 0.
    pub forth: &'a [i32],
    /// When only the neighbour is, ≥ 0. Together with `forth` it is at most `i32::MAX`.
    pub back: &'a [i32],
}

impl<'a> Edges<'a> {
    /// Edges that cost the same in both directions.
    #[must_use]
    pub fn symmetric(costs: &'a [i32]) -> Self {
        Self {
            forth: costs,
            back: costs,
        }
    }
}

/// A grid of pixels with costs for its edges, and a solver's memory. Keep one per thread: its
/// memory is kept from cut to cut, so that after some cuts of a size no other allocates.
#[derive(Clone, Debug, Default)]
pub struct Grid {
    network: Network,
    forests: Forests<i16>,
    /// For grids whose paths are longer than 16 bits can count, and for machines without vector
    /// instructions.
    high_forests: Forests<i32>,
}

impl Grid {
    /// Sets the size and the costs of all edges: one [`Edges`] for each of [`Neighbours::steps`].
    /// They stay until set again, for any number of cuts.
    ///
    /// # Panics
    /// When there is no pixel or more than 2³² with a ring around them, a plane has not a value per
    /// pixel, a cost is negative, or the two costs of an edge do not fit in 32 bits together.
    pub fn set_edges(
        &mut self,
        width: usize,
        height: usize,
        neighbours: Neighbours,
        edges: &[Edges<'_>],
    ) {
        let fits = |size: usize| u32::try_from(size).is_ok();
        let size = (width + 2).checked_mul(height + 2);
        assert!(
            width > 0 && height > 0 && size.is_some_and(fits),
            "a grid has 1 to 2^32 pixels"
        );
        assert_eq!(
            edges.len(),
            neighbours.steps().len(),
            "edges for each of the steps"
        );
        for edges in edges {
            assert_eq!(
                [edges.forth.len(), edges.back.len()],
                [width * height; 2],
                "a cost per pixel and direction"
            );
            // A number below 0 among them, or a sum that has run over, sets the sign.
            let signs = edges
                .forth
                .iter()
                .zip(edges.back)
                .fold(0, |signs, (f, b)| signs | f | b | f.wrapping_add(*b));
            assert!(signs >= 0, "costs are not negative and fit");
        }
        self.network.resize(width, height);
        for (edges, d) in edges.iter().zip([4, 6, 7, 5]) {
            self.network.set_capacities(d, edges.forth, edges.back);
        }
    }

    /// The minimum cut for these terminals: what each pixel pays on the sink's side (`source`) and
    /// on the source's side (`sink`), both ≥ 0 and row by row. Writes to `on_source_side` which
    /// pixels are on the source's side: of all minimum cuts, the one with the fewest. Returns the
    /// cost of the cut, which is the value of the maximum flow.
    ///
    /// # Panics
    /// When a plane or `on_source_side` has not a value per pixel, or a cost is negative.
    pub fn cut(&mut self, source: &[i32], sink: &[i32], on_source_side: &mut [bool]) -> i64 {
        self.cut_with(source, sink, on_source_side, vector)
    }

    /// [`Self::cut`] without vector instructions: the same answer, slower. For tests and
    /// comparisons.
    ///
    /// # Panics
    /// As [`Self::cut`].
    pub fn cut_scalar(&mut self, source: &[i32], sink: &[i32], on_source_side: &mut [bool]) -> i64 {
        self.cut_with(source, sink, on_source_side, |_, _| Err(TooHigh))
    }

    fn cut_with(
        &mut self,
        source: &[i32],
        sink: &[i32],
        on_source_side: &mut [bool],
        vector: fn(&mut Forests<i16>, &mut Network) -> Result<(), TooHigh>,
    ) -> i64 {
        let network = &mut self.network;
        let pixels = network.width * network.height;
        assert_eq!(
            [source.len(), sink.len(), on_source_side.len()],
            [pixels; 3],
            "a value per pixel"
        );
        assert!(
            source.iter().chain(sink).all(|&cost| cost >= 0),
            "costs are not negative"
        );
        if pixels == 0 {
            return 0;
        }
        network.start(source, sink);
        let demand = network.demand();
        let low = vector(&mut self.forests, network).is_ok();
        if !low {
            self.high_forests
                .maximise(Scalar, network)
                .expect("levels of 32 bits suffice for what fits in memory");
        }
        for (p, on_source_side) in network.rows().flatten().zip(on_source_side) {
            *on_source_side = if low {
                self.forests.reached(p)
            } else {
                self.high_forests.reached(p)
            };
        }
        let common: i64 = source
            .iter()
            .zip(sink)
            .map(|(&source, &sink)| i64::from(source.min(sink)))
            .sum();
        common + demand - network.demand()
    }
}

/// Finds the flow with vector instructions, if the machine has them and the grid does not need
/// higher levels.
fn vector(forests: &mut Forests<i16>, network: &mut Network) -> Result<(), TooHigh> {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = Simd::detect() {
        #[target_feature(enable = "avx2,bmi1,bmi2")]
        fn maximise(
            simd: Simd,
            forests: &mut Forests<i16>,
            network: &mut Network,
        ) -> Result<(), TooHigh> {
            forests.maximise(simd, network)
        }
        // SAFETY: there is a `Simd` only where the machine has these features.
        #[allow(unsafe_code, reason = "a call of a function with target features")]
        return unsafe { maximise(simd, forests, network) };
    }
    let _ = (forests, network);
    Err(TooHigh)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grid of noise with both kinds of terminals: planes of 2 + 4 · 2 costs.
    fn noise(pixels: usize, seed: u32) -> Vec<Vec<i32>> {
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

    #[test]
    #[should_panic(expected = "costs are not negative and fit")]
    fn costs_of_an_edge_that_overflow_are_refused() {
        let most = [i32::MAX; 2];
        Grid::default().set_edges(2, 1, Neighbours::Four, &[Edges::symmetric(&most); 2]);
    }

    #[test]
    #[should_panic(expected = "a grid has 1 to 2^32 pixels")]
    fn a_grid_without_pixels_is_refused() {
        Grid::default().set_edges(0, 0, Neighbours::Four, &[Edges::symmetric(&[]); 2]);
    }

    #[test]
    fn a_grid_without_edges_has_no_cut() {
        assert_eq!(Grid::default().cut(&[], &[], &mut []), 0);
    }

    #[test]
    fn a_grid_is_used_again_for_fewer_pixels_and_neighbours() {
        let mut grid = Grid::default();
        for (width, height, neighbours) in [
            (30, 20, Neighbours::Eight),
            (30, 20, Neighbours::Four),
            (7, 9, Neighbours::Four),
        ] {
            let planes = noise(width * height, 3);
            let edges: Vec<_> = planes[2..]
                .chunks(2)
                .map(|p| Edges {
                    forth: &p[0],
                    back: &p[1],
                })
                .collect();
            let cut = |grid: &mut Grid| {
                let mut labels = vec![false; width * height];
                grid.set_edges(
                    width,
                    height,
                    neighbours,
                    &edges[..neighbours.steps().len()],
                );
                (grid.cut(&planes[0], &planes[1], &mut labels), labels)
            };
            assert_eq!(
                cut(&mut grid),
                cut(&mut Grid::default()),
                "{width} x {height}, {neighbours:?}"
            );
        }
    }

    #[test]
    fn the_flow_is_conserved_and_maximal_and_the_same_in_both_forms() {
        let mut grid = Grid::default();
        let sizes = [
            [1, 1],
            [1, 30],
            [30, 1],
            [2, 2],
            [5, 4],
            [9, 8],
            [17, 23],
            [40, 31],
        ];
        // Miri takes its time.
        let sizes = &sizes[..if cfg!(miri) { 6 } else { 8 }];
        for (seed, &[width, height]) in (0..).zip(sizes) {
            let planes = noise(width * height, seed);
            let (terminals, planes) = planes.split_at(2);
            let edges: Vec<_> = planes
                .chunks(2)
                .map(|p| Edges {
                    forth: &p[0],
                    back: &p[1],
                })
                .collect();
            grid.set_edges(width, height, Neighbours::Eight, &edges);
            let mut results = Vec::new();
            // The third gives up when all is done: what takes over finds a flow that is not its
            // own.
            let hands_over = |forests: &mut Forests<i16>, network: &mut Network| {
                vector(forests, network).and(Err(TooHigh))
            };
            for vector in [vector, |_: &mut _, _: &mut _| Err(TooHigh), hands_over] {
                let mut labels = vec![false; width * height];
                let flow = grid.cut_with(&terminals[0], &terminals[1], &mut labels, vector);
                grid.network.check(&terminals[0], &terminals[1]);
                results.push((
                    flow,
                    labels,
                    grid.network.residual.clone(),
                    grid.network.excess.clone(),
                ));
            }
            assert!(
                results[0] == results[1],
                "vector and scalar form differ at {width} x {height}"
            );
            assert!(
                results[0] == results[2],
                "the flow was no valid start at {width} x {height}"
            );
            // No way is left from a pixel with excess to one with a deficit.
            let mut reached: Vec<_> = grid.network.excess.iter().map(|&e| e > 0).collect();
            let mut queue: Vec<_> = (0..reached.len()).filter(|&p| reached[p]).collect();
            while let Some(p) = queue.pop() {
                assert!(
                    grid.network.excess[p] >= 0,
                    "a way to the sink is left at {width} x {height}"
                );
                for d in (0..8).filter(|&d| grid.network.residual[p][d] > 0) {
                    let q = grid.network.neighbour(p, d);
                    if !std::mem::replace(&mut reached[q], true) {
                        queue.push(q);
                    }
                }
            }
            let smallest: Vec<_> = grid.network.rows().flatten().map(|p| reached[p]).collect();
            assert_eq!(
                results[0].1, smallest,
                "the source's side is what it still reaches"
            );
        }
    }
}
