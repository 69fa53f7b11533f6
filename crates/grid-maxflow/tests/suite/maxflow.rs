//! The minimum cut against all labellings of tiny grids, against the flows that scipy and PyMaxflow
//! found, and against those of petgraph.

use grid_maxflow::{EdgeCapacities, Instance, Neighbours};
use petgraph::algo::ford_fulkerson;
use petgraph::graph::{Graph, NodeIndex};
use proptest::prelude::*;

use crate::support::{count, edges, energy, solve};

/// The maximum flow that petgraph finds.
fn petgraph_flow(instance: &Instance) -> i64 {
    let mut graph = Graph::<(), u64>::new();
    let nodes: Vec<_> = instance.source.iter().map(|_| graph.add_node(())).collect();
    let (s, t): (NodeIndex, NodeIndex) = (graph.add_node(()), graph.add_node(()));
    let terminals = instance.source.iter().zip(&instance.sink);
    for (&node, (&source, &sink)) in nodes.iter().zip(terminals) {
        graph.add_edge(s, node, source as u64);
        graph.add_edge(node, t, sink as u64);
    }
    for edge in edges(instance) {
        graph.add_edge(nodes[edge.from], nodes[edge.to], edge.forward as u64);
        graph.add_edge(nodes[edge.to], nodes[edge.from], edge.backward as u64);
    }
    ford_fulkerson(&graph, s, t).0 as i64
}

/// Random instances of up to `side` x `side` pixels with costs of up to `max_cost`; a third of the
/// costs is zero.
pub(crate) fn instances(side: usize, max_cost: i32) -> impl Strategy<Value = Instance> {
    let neighbours = prop_oneof![Just(Neighbours::Four), Just(Neighbours::Eight)];
    (1..=side, 1..=side, neighbours).prop_flat_map(move |(width, height, neighbours)| {
        let n = width * height;
        let cost = || prop_oneof![2 => 0..=max_cost, 1 => Just(0)];
        let plane = || prop::collection::vec(cost(), n);
        let edges =
            (plane(), plane()).prop_map(|(forward, backward)| EdgeCapacities { forward, backward });
        let edges = prop::collection::vec(edges, neighbours.steps().len());
        (plane(), plane(), edges).prop_map(move |(source, sink, edges)| Instance {
            width,
            height,
            neighbours,
            source,
            sink,
            edges,
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn the_cut_is_the_best_of_all_labellings(instance in instances(3, 9)) {
        let (flow, source_side) = solve(&instance);
        let n = source_side.len();
        let mut best = (i64::MAX, usize::MAX);
        for bits in 0..1u32 << n {
            let labelling: Vec<_> = (0..n).map(|i| bits >> i & 1 == 1).collect();
            best = best.min((energy(&instance, &labelling), count(&labelling)));
        }
        prop_assert_eq!(flow, best.0);
        prop_assert_eq!(energy(&instance, &source_side), flow);
        // Of the best labellings, the answer is the one with the fewest pixels on the source's
        // side.
        prop_assert_eq!(count(&source_side), best.1);
    }

    #[test]
    fn the_flow_is_that_of_petgraph(instance in instances(12, 40)) {
        let (flow, source_side) = solve(&instance);
        prop_assert_eq!(flow, petgraph_flow(&instance));
        prop_assert_eq!(energy(&instance, &source_side), flow);
    }

    /// Weak terminals behind strong edges, and the reverse: these make many orphans.
    #[test]
    fn the_flow_is_that_of_petgraph_with_few_seeds(
        mut instance in instances(12, 40),
        every in 2..9usize,
    ) {
        for (i, (source, sink)) in instance.source.iter_mut().zip(&mut instance.sink).enumerate() {
            (*source, *sink) = match i % every { 0 => (900, 0), 1 => (0, 900), _ => (0, 0) };
        }
        let (flow, source_side) = solve(&instance);
        prop_assert_eq!(flow, petgraph_flow(&instance));
        prop_assert_eq!(energy(&instance, &source_side), flow);
    }
}

/// Steele, Lea and Flood's generator, as in `tests/golden/make_grids.py`.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// The capacity of an arc from or to a terminal, from a draw.
fn terminal_capacity(kind: &str, draw: u64) -> i32 {
    let capacity = match kind {
        "unit" => draw % 2,
        "sparse" if draw.is_multiple_of(3) => draw / 3 % 100 + 1,
        "dense" => draw % 401,
        "huge" => draw % (1 << 24) + 1,
        "strong" if draw.is_multiple_of(8) => draw / 8 % 10_001,
        "symmetric" => draw % 101,
        "seeds" if draw.is_multiple_of(15) => 1_000_000,
        "sparse" | "strong" | "seeds" => 0,
        _ => panic!("no kind is called {kind}"),
    };
    capacity as i32
}

/// The capacity of an arc between two pixels, from a draw.
fn edge_capacity(kind: &str, draw: u64) -> i32 {
    match kind {
        "unit" | "sparse" => terminal_capacity(kind, draw),
        "huge" => (draw % (1 << 22) + 1) as i32,
        "strong" => (draw % 1001) as i32,
        "symmetric" => (draw % 31) as i32,
        _ => (draw % 101) as i32,
    }
}

/// An instance without costs.
fn empty(width: usize, height: usize, neighbours: Neighbours) -> Instance {
    let plane = vec![0; width * height];
    let edges = EdgeCapacities {
        forward: plane.clone(),
        backward: plane.clone(),
    };
    Instance {
        width,
        height,
        neighbours,
        source: plane.clone(),
        sink: plane,
        edges: vec![edges; neighbours.steps().len()],
    }
}

/// Fills an empty instance as `tests/golden/make_grids.py` does: the same seed gives the same
/// instance.
fn generate(mut instance: Instance, kind: &str, seed: u64) -> Instance {
    let mut draws = SplitMix(seed);
    let (width, height) = (instance.width, instance.height);
    let steps = instance.neighbours.steps();
    for p in 0..width * height {
        instance.source[p] = terminal_capacity(kind, draws.next());
        instance.sink[p] = terminal_capacity(kind, draws.next());
        for (&(dx, dy), edges) in steps.iter().zip(&mut instance.edges) {
            if (p % width).wrapping_add_signed(dx) < width
                && (p / width).wrapping_add_signed(dy) < height
            {
                edges.forward[p] = edge_capacity(kind, draws.next());
                edges.backward[p] = edge_capacity(kind, draws.next());
                if kind == "symmetric" {
                    edges.backward[p] = edges.forward[p];
                }
            }
        }
    }
    instance
}

#[test]
fn flows_and_smallest_source_sides_are_those_of_scipy_and_pymaxflow() {
    let mut rows = csv::Reader::from_path("tests/golden/grids.csv").unwrap();
    let mut instances = 0;
    for row in rows.deserialize() {
        let (seed, width, height, neighbours, kind, flow, source_set): (
            u64,
            usize,
            usize,
            u8,
            String,
            i64,
            usize,
        ) = row.unwrap();
        let neighbours = if neighbours == 4 {
            Neighbours::Four
        } else {
            Neighbours::Eight
        };
        let instance = generate(empty(width, height, neighbours), &kind, seed);
        let (found, source_side) = solve(&instance);
        assert_eq!(found, flow, "seed {seed}");
        assert_eq!(energy(&instance, &source_side), flow, "seed {seed}");
        assert_eq!(count(&source_side), source_set, "seed {seed}");
        instances += 1;
    }
    assert_eq!(instances, 1330);
}

#[test]
fn sums_beyond_32_bits_do_not_overflow() {
    let n = 64;
    let mut instance = empty(n, 3, Neighbours::Four);
    // The second step of `Neighbours::Four` leads down.
    instance.edges[1].forward.fill(i32::MAX / 2);
    instance.edges[1].backward.fill(i32::MAX / 2);
    instance.source[n..2 * n].fill(i32::MAX);
    instance.sink[..n].fill(i32::MAX);
    instance.sink[2 * n..].fill(i32::MAX);
    let (flow, source_side) = solve(&instance);
    assert_eq!(flow, n as i64 * i64::from(i32::MAX / 2 * 2));
    assert_eq!(energy(&instance, &source_side), flow);
}

/// A path that winds through the grid is longer than 16-bit levels can count, so that the solver
/// has to hand over to the one with wider levels. The forests meet halfway, but as the sink takes
/// little, the source's forest then grows along the whole path.
#[test]
fn a_path_longer_than_16_bit_levels_is_found() {
    let (width, height) = (301, 257);
    let mut instance = empty(width, height, Neighbours::Four);
    // Every other row is a corridor. Between two corridors one pixel is open, alternately at the
    // right end and at the left end.
    let door = |row: usize| if row % 4 == 1 { width - 1 } else { 0 };
    let is_open = |column: usize, row: usize| row.is_multiple_of(2) || column == door(row);
    for y in 0..height {
        for x in 0..width {
            let p = y * width + x;
            let cost = |there: bool| if is_open(x, y) && there { 5 } else { 0 };
            instance.edges[0].forward[p] = cost(x + 1 < width && is_open(x + 1, y));
            instance.edges[1].forward[p] = cost(y + 1 < height && is_open(x, y + 1));
        }
    }
    for edges in &mut instance.edges {
        edges.backward = edges.forward.clone();
    }
    instance.source[0] = 9;
    instance.sink[width * height - 1] = 2;
    let (flow, source_side) = solve(&instance);
    assert_eq!(flow, 2);
    assert_eq!(energy(&instance, &source_side), 2);
    let path = height.div_ceil(2) * width + height / 2;
    assert_eq!(path, 38_957);
    assert!(path > i16::MAX as usize);
    assert_eq!(count(&source_side), path, "the arc to the sink is the cut");
}
