//! The solver: incremental breadth-first search on an implicit grid.
//!
//! Two breadth-first trees grow over arcs with residual capacity, one from the source and one from the sink, a level
//! at a time. Every node knows its distance to its own root. An arc that joins the trees closes a shortest augmenting
//! path. Pushing flow along it saturates arcs; the nodes that hung on these become orphans. An orphan looks for a
//! parent one level nearer to its root; where there is none it comes loose, and its children become orphans in turn.
//! The loose nodes then take the lowest levels that their neighbours offer, nearest first; where that is above the
//! level reached so far they fall free. Distances only ever rise, which bounds the work.
//!
//! The source and the sink are no nodes: a pixel's terminal is one signed residual, positive towards the source.
//! Pixels are padded by one ring of pixels without capacity, so that no neighbour lookup needs a bounds test.

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

/// A minimum cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The value of the maximum flow, which is the cost of the cut less what [`Grid::set_terminal`] has subtracted.
    pub flow: i64,
    /// Per pixel, row by row: whether it is on the source's side. Of all minimum cuts this is the one with the
    /// fewest such pixels.
    pub source: Vec<bool>,
}

/// A grid of pixels with costs, and the solver's state.
#[derive(Clone, Debug)]
pub struct Grid {
    width: usize,
    height: usize,
    stride: usize,
    neighbours: Neighbours,
    /// Index offset of each direction; direction `d ^ 1` is the opposite of `d`.
    offsets: [isize; 8],
    directions: usize,
    /// Residual capacity to each neighbour.
    residual: Vec<[i32; 8]>,
    /// Residual capacity from the source (positive) or to the sink (negative).
    terminal: Vec<i32>,
    nodes: Vec<Node>,
    /// The trees that have grown so far.
    trees: [Border; 2],
    /// Orphans by distance, then loose nodes by the distance that they are offered.
    waiting: Vec<Vec<usize>>,
    loose: Vec<usize>,
    flow: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tree {
    Free,
    Source,
    Sink,
}

impl Tree {
    /// The tree's place in an array of two.
    fn index(self) -> usize {
        usize::from(self == Self::Sink)
    }
}

#[derive(Clone, Copy, Debug)]
struct Node {
    tree: Tree,
    /// The direction of the parent, or one of the values below.
    parent: u8,
    distance: u32,
}

/// No parent: the node has terminal capacity of its own.
const ROOT: u8 = 8;
/// No parent any more.
const ORPHAN: u8 = 9;
/// No parent at the distance that the node has; its distance is what it is offered so far.
const LOOSE: u8 = 10;

const FREE: Node = Node { tree: Tree::Free, parent: ORPHAN, distance: 0 };
const UNREACHED: u32 = u32::MAX;

/// The outermost levels of a tree.
#[derive(Clone, Debug, Default)]
struct Border {
    /// The level whose nodes are scanned next, or just now.
    level: u32,
    /// The nodes of that level, and stale ones.
    nodes: Vec<usize>,
    /// While the tree grows: the nodes of the level after it.
    next: Option<Vec<usize>>,
}

impl Grid {
    /// A grid without costs.
    ///
    /// # Panics
    /// When width or height is 0.
    #[must_use]
    pub fn new(width: usize, height: usize, neighbours: Neighbours) -> Self {
        assert!(width > 0 && height > 0, "a grid has at least one pixel");
        let stride = width + 2;
        let mut offsets = [0; 8];
        for (i, &(dx, dy)) in neighbours.steps().iter().enumerate() {
            offsets[2 * i] = dy * stride as isize + dx;
            offsets[2 * i + 1] = -offsets[2 * i];
        }
        let size = stride * (height + 2);
        Self {
            width,
            height,
            stride,
            neighbours,
            offsets,
            directions: 2 * neighbours.steps().len(),
            residual: vec![[0; 8]; size],
            terminal: vec![0; size],
            nodes: vec![FREE; size],
            trees: [Border { level: 1, ..Border::default() }, Border { level: 1, ..Border::default() }],
            waiting: Vec::new(),
            loose: Vec::new(),
            flow: 0,
        }
    }

    fn at(&self, x: usize, y: usize) -> usize {
        (y + 1) * self.stride + x + 1
    }

    /// Sets what pixel (x, y) pays on the sink's side and on the source's side, both ≥ 0. Returns what both have in
    /// common, which the cut pays in any case and which is not part of its flow.
    ///
    /// # Panics
    /// When a cost is negative.
    pub fn set_terminal(&mut self, x: usize, y: usize, sink_side: i32, source_side: i32) -> i64 {
        assert!(sink_side >= 0 && source_side >= 0, "costs are not negative");
        let i = self.at(x, y);
        self.terminal[i] = sink_side - source_side;
        i64::from(sink_side.min(source_side))
    }

    /// Sets what the pair of (x, y) and its neighbour in step `i` of [`Neighbours::steps`] pays: `forth` when only
    /// (x, y) is on the source's side, `back` when only the neighbour is.
    ///
    /// # Panics
    /// When a cost is negative, the neighbour lies outside, or both together do not fit in 32 bits.
    pub fn set_edge(&mut self, x: usize, y: usize, i: usize, forth: i32, back: i32) {
        let (dx, dy) = self.neighbours.steps()[i];
        let inside = |n: usize, step: isize, size: usize| n.checked_add_signed(step).is_some_and(|n| n < size);
        assert!(inside(x, dx, self.width) && inside(y, dy, self.height), "the neighbour lies outside the grid");
        assert!(forth >= 0 && back >= 0 && forth.checked_add(back).is_some(), "costs are not negative and fit");
        let p = self.at(x, y);
        let q = p.wrapping_add_signed(self.offsets[2 * i]);
        self.residual[p][2 * i] = forth;
        self.residual[q][2 * i + 1] = back;
    }

    fn neighbour(&self, p: usize, d: usize) -> usize {
        p.wrapping_add_signed(self.offsets[d])
    }

    /// Residual capacity of the arc between `p` and its neighbour `q` in direction `d` that would carry flow in `tree`
    /// if `q` were the parent: from q to p in the source's tree, from p to q in the sink's.
    fn open(&self, tree: Tree, p: usize, q: usize, d: usize) -> bool {
        (if tree == Tree::Source { self.residual[q][d ^ 1] } else { self.residual[p][d] }) > 0
    }

    /// The minimum cut. Uses up the costs.
    ///
    /// # Panics
    /// Never, but for a bug in the solver: the cut is checked to be closed.
    #[must_use]
    pub fn cut(mut self) -> Cut {
        for y in 0..self.height {
            for x in 0..self.width {
                let p = self.at(x, y);
                let tree = match self.terminal[p] {
                    0 => continue,
                    1.. => Tree::Source,
                    _ => Tree::Sink,
                };
                self.nodes[p] = Node { tree, parent: ROOT, distance: 1 };
                self.trees[tree.index()].nodes.push(p);
            }
        }
        // Grow the tree with the smaller border by one level at a time, until one of them cannot grow.
        while self.trees.iter().all(|border| !border.nodes.is_empty()) {
            let smaller = self.trees[0].nodes.len() <= self.trees[1].nodes.len();
            self.grow(if smaller { Tree::Source } else { Tree::Sink });
        }
        let source = self.reachable();
        Cut { flow: self.flow, source }
    }

    /// Scans the outermost level of `tree`: free neighbours join it, neighbours of the other tree close paths.
    fn grow(&mut self, tree: Tree) {
        let t = tree.index();
        let level = self.trees[t].level;
        self.trees[t].next = Some(Vec::new());
        let mut i = 0;
        while let Some(&p) = self.trees[t].nodes.get(i) {
            i += 1;
            let mut d = 0;
            // The repair after an augmentation may take p away from this level or out of the tree.
            while d < self.directions && self.nodes[p].tree == tree && self.nodes[p].distance == level {
                let q = self.neighbour(p, d);
                let other = self.nodes[q].tree;
                if other == tree || !self.open(tree, q, p, d ^ 1) {
                    d += 1;
                } else if other == Tree::Free {
                    self.nodes[q] = Node { tree, parent: (d ^ 1) as u8, distance: level + 1 };
                    self.trees[t].next.as_mut().expect("growing").push(q);
                    d += 1;
                } else {
                    // The same arc is looked at again: it may have capacity left.
                    let (from, to, arc) = if tree == Tree::Source { (p, q, d) } else { (q, p, d ^ 1) };
                    self.augment(from, to, arc);
                }
            }
        }
        let mut next = self.trees[t].next.take().expect("growing");
        next.retain(|&p| self.nodes[p].tree == tree && self.nodes[p].distance == level + 1);
        self.trees[t].level = level + 1;
        self.trees[t].nodes = next;
    }

    /// Pushes flow along root … `from` → `to` … root, and repairs both trees.
    fn augment(&mut self, from: usize, to: usize, arc: usize) {
        let mut bottleneck = self.residual[from][arc];
        for (tree, start) in [(Tree::Source, from), (Tree::Sink, to)] {
            let mut p = start;
            while self.nodes[p].parent < ROOT {
                let d = usize::from(self.nodes[p].parent);
                let q = self.neighbour(p, d);
                let residual = if tree == Tree::Source { self.residual[q][d ^ 1] } else { self.residual[p][d] };
                bottleneck = bottleneck.min(residual);
                p = q;
            }
            bottleneck = bottleneck.min(self.terminal[p].abs());
        }
        self.flow += i64::from(bottleneck);
        self.push(from, to, arc, bottleneck);
        for (tree, start) in [(Tree::Source, from), (Tree::Sink, to)] {
            let mut p = start;
            while self.nodes[p].parent < ROOT {
                let d = usize::from(self.nodes[p].parent);
                let q = self.neighbour(p, d);
                match tree {
                    Tree::Source => self.push(q, p, d ^ 1, bottleneck),
                    _ => self.push(p, q, d, bottleneck),
                }
                if !self.open(tree, p, q, d) {
                    self.orphan(p);
                }
                p = q;
            }
            self.terminal[p] -= self.terminal[p].signum() * bottleneck;
            if self.terminal[p] == 0 {
                self.orphan(p);
            }
            self.adopt(tree);
        }
    }

    fn push(&mut self, from: usize, to: usize, arc: usize, flow: i32) {
        self.residual[from][arc] -= flow;
        self.residual[to][arc ^ 1] += flow;
    }

    fn orphan(&mut self, p: usize) {
        self.nodes[p].parent = ORPHAN;
        self.wait(p, self.nodes[p].distance);
    }

    fn wait(&mut self, p: usize, distance: u32) {
        let distance = distance as usize;
        if self.waiting.len() <= distance {
            self.waiting.resize_with(distance + 1, Vec::new);
        }
        self.waiting[distance].push(p);
    }

    /// Gives every orphan of `tree` a parent, or sets it free.
    fn adopt(&mut self, tree: Tree) {
        // Nearest first: when a node is looked at, all nodes nearer to the root are settled or loose.
        let mut distance = 1;
        while distance < self.waiting.len() {
            while let Some(p) = self.waiting[distance].pop() {
                match self.parent(tree, p, distance as u32 - 1) {
                    Some(d) => self.nodes[p].parent = d,
                    None => self.loosen(tree, p),
                }
            }
            distance += 1;
        }
        // What settled neighbours offer to the loose nodes. None may be farther out than the tree has grown.
        let border = &self.trees[tree.index()];
        let limit = border.level + u32::from(border.next.is_some());
        let loose = std::mem::take(&mut self.loose);
        for &p in &loose {
            let offer = (0..self.directions).filter_map(|d| {
                let q = self.neighbour(p, d);
                let settled = self.nodes[q].tree == tree && self.nodes[q].parent != LOOSE;
                (settled && self.open(tree, p, q, d)).then(|| self.nodes[q].distance + 1)
            });
            let offer = offer.min().unwrap_or(UNREACHED);
            self.nodes[p].distance = offer;
            if offer <= limit {
                self.wait(p, offer);
            }
        }
        // Again nearest first: a node that settles makes an offer to its loose neighbours.
        let mut distance = 1;
        while distance < self.waiting.len() {
            while let Some(p) = self.waiting[distance].pop() {
                if self.nodes[p].parent == LOOSE && self.nodes[p].distance == distance as u32 {
                    self.settle(tree, p, limit);
                }
            }
            distance += 1;
        }
        for &p in &loose {
            if self.nodes[p].parent == LOOSE {
                self.nodes[p] = FREE;
            }
        }
        self.loose = loose;
        self.loose.clear();
    }

    /// The direction of a settled neighbour of `p` at `distance` that can be its parent.
    fn parent(&self, tree: Tree, p: usize, distance: u32) -> Option<u8> {
        let fits = |d: &usize| {
            let q = self.neighbour(p, *d);
            let node = self.nodes[q];
            node.tree == tree && node.distance == distance && node.parent <= ROOT && self.open(tree, p, q, *d)
        };
        (0..self.directions).find(fits).map(|d| d as u8)
    }

    fn loosen(&mut self, tree: Tree, p: usize) {
        self.nodes[p].parent = LOOSE;
        self.loose.push(p);
        for d in 0..self.directions {
            let q = self.neighbour(p, d);
            if self.nodes[q].tree == tree && usize::from(self.nodes[q].parent) == d ^ 1 {
                self.orphan(q);
            }
        }
    }

    /// Settles the loose node `p` at the distance that it was offered.
    fn settle(&mut self, tree: Tree, p: usize, limit: u32) {
        let distance = self.nodes[p].distance;
        self.nodes[p].parent = self.parent(tree, p, distance - 1).expect("the neighbour that made the offer");
        let border = &mut self.trees[tree.index()];
        if distance == border.level {
            border.nodes.push(p);
        } else if let (Some(next), true) = (&mut border.next, distance == border.level + 1) {
            next.push(p);
        }
        for d in 0..self.directions {
            let q = self.neighbour(p, d);
            let node = self.nodes[q];
            let better = node.parent == LOOSE && node.tree == tree && node.distance > distance + 1;
            if better && distance < limit && self.open(tree, q, p, d ^ 1) {
                self.nodes[q].distance = distance + 1;
                self.wait(q, distance + 1);
            }
        }
    }

    /// The pixels that the source still reaches, row by row: the smallest source side of all minimum cuts.
    fn reachable(&self) -> Vec<bool> {
        let mut reached = vec![false; self.nodes.len()];
        let mut queue: Vec<_> = (0..self.nodes.len()).filter(|&p| self.terminal[p] > 0).collect();
        queue.iter().for_each(|&p| reached[p] = true);
        while let Some(p) = queue.pop() {
            assert!(self.terminal[p] >= 0, "the flow is not maximal: a path to the sink is left");
            for d in 0..self.directions {
                let q = self.neighbour(p, d);
                if self.residual[p][d] > 0 && !reached[q] {
                    reached[q] = true;
                    queue.push(q);
                }
            }
        }
        (0..self.height)
            .flat_map(|y| (0..self.width).map(move |x| (x, y)))
            .map(|(x, y)| reached[self.at(x, y)])
            .collect()
    }
}
