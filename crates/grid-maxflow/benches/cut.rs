//! `cargo bench -p grid-maxflow`: building and solving generated grids.
//!
//! The grids come from a fixed generator, so that they are the same on every machine. They imitate
//! GrabCut's problems, easy and hard ones, but are not photos: `benches/run` measures cuts of
//! photos, and compares with other solvers.

#![allow(missing_docs, reason = "of what the macros make")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use grid_maxflow::{EdgeCapacities, Grid, Instance, Neighbours};

/// The SplitMix64 generator (Steele, Lea and Flood 2014).
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// An integer in 0..`end`.
    fn below(&mut self, end: i32) -> i32 {
        (self.next() % end as u64) as i32
    }
}

/// A kind of generated grid.
struct Kind {
    name: &'static str,
    width: usize,
    height: usize,
    neighbours: Neighbours,
    /// All edge costs are below this.
    smoothing: i32,
}

const KINDS: [Kind; 5] = [
    kind("224 weak", 224, 224, Neighbours::Eight, 500),
    kind("224 strong", 224, 224, Neighbours::Eight, 5_000),
    kind(
        "224 strong, four neighbours",
        224,
        224,
        Neighbours::Four,
        5_000,
    ),
    kind("500 weak", 500, 375, Neighbours::Eight, 500),
    kind("500 strong", 500, 375, Neighbours::Eight, 5_000),
];

const fn kind(
    name: &'static str,
    width: usize,
    height: usize,
    neighbours: Neighbours,
    smoothing: i32,
) -> Kind {
    Kind {
        name,
        width,
        height,
        neighbours,
        smoothing,
    }
}

/// The cost that fixes the label of a seed: more than all edges of a pixel together.
const SEED_COST: i32 = 100_000;
/// The costs of undecided pixels are below this.
const UNDECIDED_COST: i32 = 4_000;

impl Kind {
    /// A grid with source seeds in a central ellipse, sink seeds far from it, and random costs
    /// between them and on the edges.
    fn instance(&self) -> Instance {
        let mut random = SplitMix(2013);
        let pixels = self.width * self.height;
        let (mut source, mut sink) = (vec![0; pixels], vec![0; pixels]);
        for p in 0..pixels {
            // Twice the offset from the centre as a share of the grid, from -1 to 1.
            let offset = |i: usize, n: usize| (2 * i + 1) as f64 / n as f64 - 1.0;
            let x = offset(p % self.width, self.width);
            let y = offset(p / self.width, self.height);
            let distance = x.hypot(y);
            if distance < 0.25 {
                source[p] = SEED_COST;
            } else if distance > 0.8 {
                sink[p] = SEED_COST;
            } else {
                source[p] = random.below(UNDECIDED_COST);
                sink[p] = random.below(UNDECIDED_COST);
            }
        }
        let edges = self.neighbours.steps().iter().map(|_| {
            let costs: Vec<_> = (0..pixels).map(|_| random.below(self.smoothing)).collect();
            EdgeCapacities {
                forward: costs.clone(),
                backward: costs,
            }
        });
        Instance {
            width: self.width,
            height: self.height,
            neighbours: self.neighbours,
            source,
            sink,
            edges: edges.collect(),
        }
    }
}

/// Building and solving, with and without vector instructions, always in the same grid.
fn cuts(criterion: &mut Criterion) {
    for (version, cut) in [
        ("vectorised", Grid::cut as Cut),
        ("scalar", Grid::cut_scalar),
    ] {
        let mut group = criterion.benchmark_group(version);
        group.sample_size(10);
        let mut grid = Grid::default();
        for kind in &KINDS {
            let instance = kind.instance();
            let mut on_source_side = vec![false; instance.source.len()];
            group.bench_function(kind.name, |bencher| {
                bencher.iter(|| {
                    instance.set_edges(&mut grid);
                    black_box(cut(
                        &mut grid,
                        &instance.source,
                        &instance.sink,
                        &mut on_source_side,
                    ));
                });
            });
        }
        group.finish();
    }
}

type Cut = fn(&mut Grid, &[i32], &[i32], &mut [bool]) -> i64;

criterion_group!(benches, cuts);
criterion_main!(benches);
