//! The minimum cut against all labellings of tiny grids, against the flows that scipy and PyMaxflow
//! found, and against petgraph's; and its files.

#[path = "../../benches/maxflow/instances.rs"]
mod instances;

use instances::{CLASSES, photos};
use localise::maxflow::{Grid, Instance, Neighbours};
use petgraph::algo::ford_fulkerson;
use petgraph::graph::{Graph, NodeIndex};
use proptest::prelude::*;

/// An edge: its pixels, and its costs forth and back.
type Edge = (usize, usize, i32, i32);

fn edges(instance: &Instance) -> Vec<Edge> {
    let [width, height] = instance.size;
    let mut edges = Vec::new();
    for (&(dx, dy), [forth, back]) in instance.neighbours.steps().iter().zip(&instance.edges) {
        for p in 0..width * height {
            let (x, y) = (
                (p % width).wrapping_add_signed(dx),
                (p / width).wrapping_add_signed(dy),
            );
            if x < width && y < height {
                edges.push((p, y * width + x, forth[p], back[p]));
            }
        }
    }
    edges
}

/// The cut by vector instructions and without, in a grid that has already cut something else.
fn solve(instance: &Instance) -> (i64, Vec<bool>) {
    let mut grid = Grid::default();
    let mut found = [false, true].map(|scalar| {
        let cut = if scalar { Grid::cut_scalar } else { Grid::cut };
        let mut labels = vec![false; instance.source.len()];
        instance.set_edges(&mut grid);
        cut(&mut grid, &instance.sink, &instance.source, &mut labels);
        let flow = cut(&mut grid, &instance.source, &instance.sink, &mut labels);
        (flow, labels)
    });
    assert_eq!(found[0], found[1], "vector and scalar form");
    std::mem::take(&mut found[0])
}

/// The cost of a labelling, from the costs alone.
fn energy(instance: &Instance, source_side: &[bool]) -> i64 {
    let terminals = instance.source.iter().zip(&instance.sink).zip(source_side);
    let unary: i64 = terminals
        .map(|((&source, &sink), &s)| i64::from(if s { sink } else { source }))
        .sum();
    let pair = |(p, q, forth, back): Edge| match (source_side[p], source_side[q]) {
        (true, false) => i64::from(forth),
        (false, true) => i64::from(back),
        _ => 0,
    };
    unary + edges(instance).into_iter().map(pair).sum::<i64>()
}

fn referee(instance: &Instance) -> i64 {
    let mut graph = Graph::<(), u64>::new();
    let nodes: Vec<_> = instance.source.iter().map(|_| graph.add_node(())).collect();
    let (s, t): (NodeIndex, NodeIndex) = (graph.add_node(()), graph.add_node(()));
    for (&node, (&source, &sink)) in nodes.iter().zip(instance.source.iter().zip(&instance.sink)) {
        graph.add_edge(s, node, source as u64);
        graph.add_edge(node, t, sink as u64);
    }
    for (p, q, forth, back) in edges(instance) {
        graph.add_edge(nodes[p], nodes[q], forth as u64);
        graph.add_edge(nodes[q], nodes[p], back as u64);
    }
    ford_fulkerson(&graph, s, t).0 as i64
}

fn instances(side: usize, most: i32) -> impl Strategy<Value = Instance> {
    let neighbours = prop_oneof![Just(Neighbours::Four), Just(Neighbours::Eight)];
    (1..=side, 1..=side, neighbours).prop_flat_map(move |(width, height, neighbours)| {
        let n = width * height;
        let cost = || prop_oneof![2 => 0..=most, 1 => Just(0)];
        let plane = || prop::collection::vec(cost(), n);
        let edges = prop::collection::vec([plane(), plane()], neighbours.steps().len());
        (plane(), plane(), edges).prop_map(move |(source, sink, edges)| Instance {
            size: [width, height],
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
        let labellings = (0..1u32 << n).map(|bits| (0..n).map(|i| bits >> i & 1 == 1).collect::<Vec<_>>());
        let best = labellings.map(|l| (energy(&instance, &l), l.iter().filter(|&&s| s).count())).min().expect("one");
        prop_assert_eq!(flow, best.0);
        prop_assert_eq!(energy(&instance, &source_side), flow);
        // The one fixed answer: of the best labellings, the one with the fewest pixels on the
        // source's side.
        prop_assert_eq!(source_side.iter().filter(|&&s| s).count(), best.1);
    }

    #[test]
    fn the_flow_is_the_referees(instance in instances(12, 40)) {
        let (flow, source_side) = solve(&instance);
        prop_assert_eq!(flow, referee(&instance));
        prop_assert_eq!(energy(&instance, &source_side), flow);
    }

    /// Weak terminals behind strong edges, and the reverse: where orphans are many.
    #[test]
    fn the_flow_is_the_referees_with_few_seeds(mut instance in instances(12, 40), every in 2..9usize) {
        for (i, (source, sink)) in instance.source.iter_mut().zip(&mut instance.sink).enumerate() {
            (*source, *sink) = match i % every { 0 => (900, 0), 1 => (0, 900), _ => (0, 0) };
        }
        let (flow, source_side) = solve(&instance);
        prop_assert_eq!(flow, referee(&instance));
        prop_assert_eq!(energy(&instance, &source_side), flow);
    }

    #[test]
    fn a_file_gives_the_instance_back(instance in instances(5, 3)) {
        let mut file = Vec::new();
        instance.write(&mut file).unwrap();
        let read = Instance::read(&file[..]).unwrap();
        prop_assert_eq!(solve(&read), solve(&instance));
        let mut again = Vec::new();
        read.write(&mut again).unwrap();
        prop_assert_eq!(file, again);
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

/// The instances of `tests/golden/make_grids.py`, made again from their seeds.
fn golden(seed: u64, size: [usize; 2], neighbours: Neighbours, kind: &str) -> Instance {
    let terminal = |d: u64| match kind {
        "unit" => d % 2,
        "sparse" => {
            if d.is_multiple_of(3) {
                d / 3 % 100 + 1
            } else {
                0
            }
        }
        "dense" => d % 401,
        "huge" => d % (1 << 24) + 1,
        "strong" => {
            if d.is_multiple_of(8) {
                d / 8 % 10_001
            } else {
                0
            }
        }
        "symmetric" => d % 101,
        _ => {
            if d.is_multiple_of(15) {
                1_000_000
            } else {
                0
            }
        }
    };
    let edge = |d: u64| match kind {
        "unit" | "sparse" => terminal(d),
        "huge" => d % (1 << 22) + 1,
        "strong" => d % 1001,
        "symmetric" => d % 31,
        _ => d % 101,
    };
    let [width, height] = size;
    let mut draws = SplitMix(seed);
    let plane = || vec![0; width * height];
    let steps = neighbours.steps();
    let mut instance = Instance {
        size,
        neighbours,
        source: plane(),
        sink: plane(),
        edges: vec![[plane(), plane()]; steps.len()],
    };
    for p in 0..width * height {
        instance.source[p] = terminal(draws.next()) as i32;
        instance.sink[p] = terminal(draws.next()) as i32;
        for (&(dx, dy), [forth, back]) in steps.iter().zip(&mut instance.edges) {
            if (p % width).wrapping_add_signed(dx) < width
                && (p / width).wrapping_add_signed(dy) < height
            {
                forth[p] = edge(draws.next()) as i32;
                back[p] = edge(draws.next()) as i32;
                if kind == "symmetric" {
                    back[p] = forth[p];
                }
            }
        }
    }
    instance
}

#[test]
fn flows_and_smallest_source_sides_are_those_of_scipy_and_pymaxflow() {
    let mut rows = csv::Reader::from_path("tests/golden/grids.csv").unwrap();
    let mut count = 0;
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
        let instance = golden(seed, [width, height], neighbours, &kind);
        let (found, source_side) = solve(&instance);
        assert_eq!(found, flow, "seed {seed}");
        assert_eq!(energy(&instance, &source_side), flow, "seed {seed}");
        assert_eq!(
            source_side.iter().filter(|&&s| s).count(),
            source_set,
            "seed {seed}"
        );
        count += 1;
    }
    assert!(count >= 1000, "only {count} instances");
}

/// `tests/golden/make_photo_flows.py`. The numbers hang on every stage before the cut, to the last
/// bit, and on the C library's logarithm.
#[test]
fn flows_of_photos_are_those_of_scipy_and_pymaxflow() {
    let photos = photos();
    let mut rows = csv::Reader::from_path("tests/golden/photo_flows.csv").unwrap();
    let mut count = 0;
    for row in rows.deserialize() {
        let (name, flow, source_set): (String, i64, usize) = row.unwrap();
        let (photo, class) = name.split_once('.').unwrap();
        let (_, photo) = photos.iter().find(|(name, _)| name == photo).unwrap();
        let class = CLASSES.iter().find(|c| c.name == class).unwrap();
        let instance = class.energy(photo).instance();
        let (found, source_side) = solve(&instance);
        assert_eq!(found, flow, "{name}");
        assert_eq!(energy(&instance, &source_side), flow, "{name}");
        assert_eq!(
            source_side.iter().filter(|&&s| s).count(),
            source_set,
            "{name}"
        );
        count += 1;
    }
    assert!(count >= 24, "only {count} instances");
}

#[test]
fn sums_beyond_32_bits_do_not_overflow() {
    let n = 64;
    let mut instance = Instance {
        size: [n, 3],
        neighbours: Neighbours::Four,
        source: vec![0; 3 * n],
        sink: vec![0; 3 * n],
        edges: vec![
            [vec![0; 3 * n], vec![0; 3 * n]],
            [vec![i32::MAX / 2; 3 * n], vec![i32::MAX / 2; 3 * n]],
        ],
    };
    instance.source[n..2 * n].fill(i32::MAX);
    instance.sink[..n].fill(i32::MAX);
    instance.sink[2 * n..].fill(i32::MAX);
    let (flow, source_side) = solve(&instance);
    assert_eq!(flow, n as i64 * i64::from(i32::MAX / 2 * 2));
    assert_eq!(energy(&instance, &source_side), flow);
}

/// A way that winds through the grid is longer than 16-bit levels can count: the solver must hand
/// over. (The forests meet halfway; but as the sink takes little, the source's then grows along the
/// whole way.)
#[test]
fn a_way_longer_than_16_bits_is_found() {
    let (width, height) = (301, 257);
    let mut instance = Instance {
        size: [width, height],
        neighbours: Neighbours::Four,
        source: vec![0; width * height],
        sink: vec![0; width * height],
        edges: vec![[vec![0; width * height], vec![0; width * height]]; 2],
    };
    // Every other row is a corridor; between them one pixel is open, by turns at the right and at
    // the left.
    for y in 0..height {
        for x in 0..width {
            let p = y * width + x;
            let door = |y: usize| if y % 4 == 1 { width - 1 } else { 0 };
            let open = |x: usize, y: usize| y.is_multiple_of(2) || x == door(y);
            let cost = |there: bool| if open(x, y) && there { 5 } else { 0 };
            instance.edges[0][0][p] = cost(x + 1 < width && open(x + 1, y));
            instance.edges[1][0][p] = cost(y + 1 < height && open(x, y + 1));
        }
    }
    for i in 0..2 {
        instance.edges[i][1] = instance.edges[i][0].clone();
    }
    instance.source[0] = 9;
    instance.sink[width * height - 1] = 2;
    let (flow, source_side) = solve(&instance);
    assert_eq!(flow, 2);
    assert_eq!(energy(&instance, &source_side), 2);
    let way = height.div_ceil(2) * width + height / 2;
    assert!(way > 32_000);
    assert_eq!(
        source_side.iter().filter(|&&s| s).count(),
        way,
        "the sink's arc is the cut"
    );
}

#[test]
fn files_that_are_no_grid_are_refused_with_the_line() {
    let good = "c grid 2 2\np max 6 4\nn 1 s\nn 2 t\na 1 3 9\na 6 2 7\na 3 6 5\na 6 3 1\n";
    let read = |text: &str| Instance::read(text.as_bytes());
    let instance = read(good).unwrap();
    assert_eq!(
        (instance.size, instance.neighbours),
        ([2, 2], Neighbours::Eight)
    );
    assert_eq!(solve(&instance).0, 5);
    assert_eq!(solve(&read(&good.replace('\n', "\r\n")).unwrap()).0, 5);
    for (from, to, line, words) in [
        ("c grid 2 2", "c grid 2 3", 2, "6 nodes are announced"),
        ("c grid 2 2", "c grid 0 2", 1, "one grid of 1 to"),
        (
            "c grid 2 2",
            "c grid 99999999999 99999999999",
            1,
            "one grid of 1 to",
        ),
        ("c grid 2 2", "c grid 1 67108864", 1, "one grid of 1 to"),
        ("c grid 2 2", "c grid 2 2\nc grid 2 2", 2, "one grid"),
        ("c grid 2 2\n", "", 4, "an arc before"),
        ("p max 6 4\n", "", 4, "an arc before"),
        ("p max 6 4", "p max 6 3", 8, "more arcs than the 3"),
        ("p max 6 4", "p max 6 5", 8, "after 4 of 5 arcs"),
        ("p max", "p min", 2, "no line of a maximum-flow problem"),
        ("n 1 s", "n 5 s", 3, "the source is node 1"),
        ("n 1 s\n", "", 7, "without \"n 1 s\""),
        ("a 1 3 9", "a 3 1 9", 5, "3 to 1 is no arc"),
        ("a 1 3 9", "a 1 2 9", 5, "1 to 2 is no arc"),
        ("a 1 3 9", "a 1 7 9", 5, "1 to 7 is no arc"),
        ("a 3 6 5", "a 3 3 5", 7, "3 to 3 is no arc"),
        ("a 3 6 5", "a 3 6 5.5", 7, "a capacity is an integer"),
        ("a 3 6 5", "a 3 6 -5", 7, "a capacity is an integer"),
        ("a 3 6 5", "a 3 6", 7, "no line of a maximum-flow problem"),
        ("a 6 3 1", "a 6 3 2147483646", 8, "sum above 2147483647"),
        ("a 6 3 1", "a 6 x 1", 8, "\"x\" is no number"),
    ] {
        let error = read(&good.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("line {line}: ")) && error.contains(words),
            "{from} -> {to}: {error}"
        );
    }
    let far = read("c grid 3 1\np max 5 1\nn 1 s\nn 2 t\na 3 5 1\n")
        .unwrap_err()
        .to_string();
    assert!(far.starts_with("line 5: 3 to 5 is no arc"), "{far}");
}
