//! The minimum cut against all labellings of tiny grids and against a referee's flow on small ones.

use localise::maxflow::{Grid, Neighbours};
use petgraph::algo::ford_fulkerson;
use petgraph::graph::{Graph, NodeIndex};
use proptest::prelude::*;

/// Costs of a small grid: per pixel (sink side, source side), per pixel and step (forth, back).
#[derive(Clone, Debug)]
struct Costs {
    width: usize,
    height: usize,
    neighbours: Neighbours,
    terminals: Vec<(i32, i32)>,
    edges: Vec<[(i32, i32); 4]>,
}

type Edge = (usize, usize, i32, i32);

impl Costs {
    fn pairs(&self) -> Vec<(usize, usize, usize, Edge)> {
        let mut pairs = Vec::new();
        for (i, edges) in self.edges.iter().enumerate() {
            let (x, y) = (i % self.width, i / self.width);
            for (k, &(dx, dy)) in self.neighbours.steps().iter().enumerate() {
                let (qx, qy) = (x as isize + dx, y as isize + dy);
                if (0..self.width as isize).contains(&qx) && (0..self.height as isize).contains(&qy) {
                    let q = qy as usize * self.width + qx as usize;
                    pairs.push((x, y, k, (i, q, edges[k].0, edges[k].1)));
                }
            }
        }
        pairs
    }

    fn solve(&self) -> (i64, Vec<bool>) {
        let mut grid = Grid::new(self.width, self.height, self.neighbours);
        let mut common = 0;
        for (i, &(sink, source)) in self.terminals.iter().enumerate() {
            common += grid.set_terminal(i % self.width, i / self.width, sink, source);
        }
        for (x, y, k, (_, _, forth, back)) in self.pairs() {
            grid.set_edge(x, y, k, forth, back);
        }
        let cut = grid.cut();
        (cut.flow + common, cut.source)
    }

    /// The cost of a labelling, from the costs alone.
    fn energy(&self, source: &[bool]) -> i64 {
        let label = |(&(sink, src), &s): (&(i32, i32), &bool)| i64::from(if s { src } else { sink });
        let unary: i64 = self.terminals.iter().zip(source).map(label).sum();
        let pair = |(_, _, _, (p, q, forth, back)): (_, _, _, Edge)| match (source[p], source[q]) {
            (true, false) => i64::from(forth),
            (false, true) => i64::from(back),
            _ => 0,
        };
        unary + self.pairs().into_iter().map(pair).sum::<i64>()
    }

    fn referee(&self) -> i64 {
        let mut graph = Graph::<(), u64>::new();
        let nodes: Vec<_> = self.terminals.iter().map(|_| graph.add_node(())).collect();
        let (s, t): (NodeIndex, NodeIndex) = (graph.add_node(()), graph.add_node(()));
        for (&node, &(sink, source)) in nodes.iter().zip(&self.terminals) {
            graph.add_edge(s, node, sink as u64);
            graph.add_edge(node, t, source as u64);
        }
        for (_, _, _, (p, q, forth, back)) in self.pairs() {
            graph.add_edge(nodes[p], nodes[q], forth as u64);
            graph.add_edge(nodes[q], nodes[p], back as u64);
        }
        ford_fulkerson(&graph, s, t).0 as i64
    }
}

fn costs(side: usize, most: i32) -> impl Strategy<Value = Costs> {
    let neighbours = prop_oneof![Just(Neighbours::Four), Just(Neighbours::Eight)];
    (1..=side, 1..=side, neighbours).prop_flat_map(move |(width, height, neighbours)| {
        let pair = || prop_oneof![2 => (0..=most, 0..=most), 1 => (0..=most).prop_map(|n| (n, n)), 1 => Just((0, 0))];
        let terminals = prop::collection::vec(pair(), width * height);
        let edges = prop::collection::vec([pair(), pair(), pair(), pair()], width * height);
        (terminals, edges).prop_map(move |(terminals, edges)| Costs { width, height, neighbours, terminals, edges })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn the_cut_is_the_best_of_all_labellings(costs in costs(3, 9)) {
        let (energy, source) = costs.solve();
        let n = source.len();
        let labellings = (0..1u32 << n).map(|bits| (0..n).map(|i| bits >> i & 1 == 1).collect::<Vec<_>>());
        let best = labellings.map(|l| (costs.energy(&l), l.iter().filter(|&&s| s).count())).min().expect("one");
        prop_assert_eq!(energy, best.0);
        prop_assert_eq!(costs.energy(&source), energy);
        // The one fixed answer: of the best labellings, the one with the fewest pixels on the source's side.
        prop_assert_eq!(source.iter().filter(|&&s| s).count(), best.1);
    }

    #[test]
    fn the_flow_is_the_referees(costs in costs(12, 40)) {
        let (energy, source) = costs.solve();
        prop_assert_eq!(energy, costs.referee());
        prop_assert_eq!(costs.energy(&source), energy);
    }

    /// Weak terminals behind strong edges, and the reverse: where orphans are many.
    #[test]
    fn the_flow_is_the_referees_with_few_seeds(mut costs in costs(12, 40), every in 2..9usize) {
        for (i, terminal) in costs.terminals.iter_mut().enumerate() {
            *terminal = match i % every { 0 => (900, 0), 1 => (0, 900), _ => (0, 0) };
        }
        let (energy, source) = costs.solve();
        prop_assert_eq!(energy, costs.referee());
        prop_assert_eq!(costs.energy(&source), energy);
    }
}

#[test]
fn sums_beyond_32_bits_do_not_overflow() {
    let n = 64;
    let mut grid = Grid::new(n, 2, Neighbours::Four);
    for x in 0..n {
        grid.set_terminal(x, 0, i32::MAX, 0);
        grid.set_terminal(x, 1, 0, i32::MAX);
        grid.set_edge(x, 0, 1, i32::MAX / 2, i32::MAX / 2);
    }
    assert_eq!(grid.cut().flow, n as i64 * i64::from(i32::MAX / 2));
}
