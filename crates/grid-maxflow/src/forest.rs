//! Maximum flow by two forests that grow towards each other: incremental breadth-first search with
//! excesses.
//!
//! The documentation of the crate describes the algorithm. These are its terms:
//!
//! * A *root* has excess (in the source's forest) or deficit (in the sink's forest) of its own.
//! * A *level* is an estimate of the distance to a root. A child's level is always above its
//!   parent's, so there are no cycles.
//! * The *height* of a forest is its outermost level that is complete, and its *frontier* is the
//!   pixels of that level.
//! * An *orphan* has lost its parent, and has not yet been given another.

use crate::neighbourhood::{Level, Neighbourhood, Outside};
use crate::network::{Network, directions, opposite};

/// In place of a parent's direction: the pixel is a root.
const ROOT: u8 = 8;
/// In place of a parent's direction: the pixel is an orphan or in no forest.
const ORPHAN: u8 = 9;
/// In place of a pixel: the end of a list.
const NONE: u32 = u32::MAX;

/// The state of both forests. The memory is kept from one cut to the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Forests<L> {
    /// Above 0 in the source's forest, below 0 in the sink's, 0 in neither.
    levels: Vec<L>,
    /// The direction of the parent, or [`ROOT`] or [`ORPHAN`].
    parents: Vec<u8>,
    /// For an orphan, the next one of its level and forest, or [`NONE`].
    next_orphan: Vec<u32>,
    source: Forest,
    sink: Forest,
}

/// The state of one forest.
#[derive(Clone, Debug, Default)]
struct Forest {
    /// The level of the frontier.
    height: i32,
    /// Whether the frontier is being scanned, so that pixels can be at level `height + 1`.
    growing: bool,
    /// All pixels of level `height`. Some entries may have left that level.
    frontier: Vec<u32>,
    /// While growing: all pixels of level `height + 1`. Some entries may have left that level.
    next_frontier: Vec<u32>,
    /// The first orphan of each level up to [`Self::limit`], or [`NONE`].
    orphans: Vec<u32>,
    orphan_count: usize,
    /// No orphan is at a lower level than this.
    lowest_orphan_level: usize,
    /// How often a pixel was scanned or an orphan adopted.
    work: u64,
}

impl Forest {
    /// The highest level that a pixel may have at present.
    fn limit(&self) -> i32 {
        self.height + i32::from(self.growing)
    }

    /// Adds a pixel that has moved to `level` to the frontier of that level, if there is one.
    #[inline(always)]
    fn add_to_frontier(&mut self, p: usize, level: i32) {
        if level == self.height {
            self.frontier.push(p as u32);
        } else if level > self.height {
            self.next_frontier.push(p as u32);
        }
    }

    fn reset(&mut self) {
        self.height = 1;
        self.growing = false;
        self.frontier.clear();
        self.next_frontier.clear();
        self.orphans.clear();
        self.orphans.resize(2, NONE);
        self.orphan_count = 0;
        self.lowest_orphan_level = usize::MAX;
        self.work = 0;
    }
}

/// The solver stopped before the flow was maximal: a forest grew higher than its levels can count,
/// or the machine lacks the instructions. The network holds a valid flow, from which another solver
/// can continue.
#[derive(Debug)]
pub(crate) struct Unfinished;

impl<L: Level> Forests<L> {
    /// Pushes a maximum flow through the network, starting from any flow that is in it already.
    ///
    /// # Errors
    ///
    /// [`Unfinished`] if a forest grows higher than the levels can count.
    #[inline(always)]
    pub(crate) fn maximise<N>(
        &mut self,
        neighbourhood: N,
        network: &mut Network,
    ) -> Result<(), Unfinished>
    where
        N: Neighbourhood<Level = L>,
    {
        self.plant_roots(network);
        let mut solver = Solver {
            neighbourhood,
            network,
            forests: self,
        };
        // The forest that has done less work so far grows. When one of them cannot grow, there is
        // no augmenting path.
        while !solver.forests.source.frontier.is_empty() && !solver.forests.sink.frontier.is_empty()
        {
            if solver.forests.source.work <= solver.forests.sink.work {
                solver.grow::<true>()?;
            } else {
                solver.grow::<false>()?;
            }
        }
        // The source's forest in its full extent is what the source can still reach.
        while !solver.forests.source.frontier.is_empty() {
            solver.grow::<true>()?;
        }
        Ok(())
    }

    /// Resets both forests to their roots: the pixels with excess and those with deficit.
    #[inline(always)]
    fn plant_roots(&mut self, network: &Network) {
        self.levels.clear();
        self.levels.resize(network.padded_len(), L::default());
        self.parents.clear();
        self.parents.resize(network.padded_len(), ORPHAN);
        self.next_orphan.resize(network.padded_len(), NONE);
        self.source.reset();
        self.sink.reset();
        for p in network.rows().flatten() {
            let excess = network.excess[p];
            if excess > 0 {
                self.parents[p] = ROOT;
                self.levels[p] = to_level(1);
                self.source.frontier.push(p as u32);
            } else if excess < 0 {
                self.parents[p] = ROOT;
                self.levels[p] = to_level(-1);
                self.sink.frontier.push(p as u32);
            }
        }
    }

    /// After [`Self::maximise`]: whether the source can still reach pixel `p`.
    pub(crate) fn is_reachable(&self, p: usize) -> bool {
        self.levels[p].into() > 0
    }
}

#[inline(always)]
fn to_level<L: Level>(level: i32) -> L {
    L::try_from(level).unwrap_or_else(|_| unreachable!("a forest stops growing in time"))
}

struct Solver<'a, N: Neighbourhood> {
    neighbourhood: N,
    network: &'a mut Network,
    forests: &'a mut Forests<N::Level>,
}

/// Methods with the parameter `SOURCE` serve both forests: the source's (`true`) and the sink's
/// (`false`), which is its mirror image. There, arcs are followed against their direction, and
/// deficit takes the place of excess.
impl<N: Neighbourhood> Solver<'_, N> {
    #[inline(always)]
    fn forest<const SOURCE: bool>(&mut self) -> &mut Forest {
        if SOURCE {
            &mut self.forests.source
        } else {
            &mut self.forests.sink
        }
    }

    /// The level of `p` in the forest. It is 0 or less if `p` is not in the forest.
    #[inline(always)]
    fn level<const SOURCE: bool>(&self, p: usize) -> i32 {
        let level: i32 = self.forests.levels[p].into();
        if SOURCE { level } else { -level }
    }

    #[inline(always)]
    fn set_level<const SOURCE: bool>(&mut self, p: usize, level: i32) {
        self.forests.levels[p] = to_level(if SOURCE { level } else { -level });
    }

    /// The arcs with residual capacity over which `p` can be the parent of a neighbour.
    #[inline(always)]
    fn arcs_to_children<const SOURCE: bool>(&self, p: usize) -> u8 {
        if SOURCE {
            self.network.outward[p]
        } else {
            self.network.inward[p]
        }
    }

    /// The arcs with residual capacity over which a neighbour can be the parent of `p`.
    #[inline(always)]
    fn arcs_to_parents<const SOURCE: bool>(&self, p: usize) -> u8 {
        if SOURCE {
            self.network.inward[p]
        } else {
            self.network.outward[p]
        }
    }

    /// Grows the forest by one level: scans the frontier, and makes the next level the frontier.
    #[inline(always)]
    fn grow<const SOURCE: bool>(&mut self) -> Result<(), Unfinished> {
        let forest = self.forest::<SOURCE>();
        let height = forest.height;
        if height >= N::Level::MAX_HEIGHT {
            return Err(Unfinished);
        }
        forest.growing = true;
        forest.orphans.resize(height as usize + 2, NONE);
        let mut i = 0;
        // The frontier can become longer in the meantime.
        while let Some(&p) = self.forest::<SOURCE>().frontier.get(i) {
            self.scan::<SOURCE>(p as usize, height);
            i += 1;
        }
        self.advance_frontier::<SOURCE>();
        Ok(())
    }

    /// Ends the growth by a level: the next frontier becomes the frontier, without the pixels that
    /// have left its level.
    #[inline(always)]
    fn advance_frontier<const SOURCE: bool>(&mut self) {
        let Forests {
            levels,
            source,
            sink,
            ..
        } = &mut *self.forests;
        let forest = if SOURCE { source } else { sink };
        forest.growing = false;
        forest.height += 1;
        std::mem::swap(&mut forest.frontier, &mut forest.next_frontier);
        forest.next_frontier.clear();
        let expected = if SOURCE {
            forest.height
        } else {
            -forest.height
        };
        forest
            .frontier
            .retain(|&p| levels[p as usize].into() == expected);
    }

    /// Scans pixel `p` of the frontier: free neighbours become its children, and neighbours in the
    /// other forest close augmenting paths.
    #[inline(always)]
    fn scan<const SOURCE: bool>(&mut self, p: usize, height: i32) {
        // Augmenting may move `p` to another level, and changes which arcs have residual capacity.
        while self.level::<SOURCE>(p) == height {
            self.forest::<SOURCE>().work += 1;
            let Outside { free, other } =
                self.neighbourhood
                    .outside::<SOURCE>(&self.forests.levels, p, self.network.stride);
            let arcs = self.arcs_to_children::<SOURCE>(p);
            for d in directions(free & arcs) {
                let q = self.network.neighbour(p, d);
                self.set_level::<SOURCE>(q, height + 1);
                self.forests.parents[q] = opposite(d) as u8;
                self.forest::<SOURCE>().next_frontier.push(q as u32);
            }
            let Some(d) = directions(other & arcs).next() else {
                break;
            };
            let q = self.network.neighbour(p, d);
            if SOURCE {
                self.augment(p, q, d);
            } else {
                self.augment(q, p, opposite(d));
            }
        }
    }

    /// Pushes flow along the path that is closed by the arc in direction `d` from `p` in the
    /// source's forest to `q` in the sink's: as much as the path from the root to `p` and the arc
    /// can carry, and from `q` on as far as it goes. Then repairs both forests.
    #[inline(always)]
    fn augment(&mut self, p: usize, q: usize, d: usize) {
        let flow = self.bottleneck(p, self.network.residual[p][d]);
        self.network.push(p, d, flow);
        self.push_to_sink(q, flow);
        self.adopt_orphans::<false>();
        self.pull_from_source(p, flow);
        self.adopt_orphans::<true>();
    }

    /// How much of `flow` the path from the root of the source's forest to `p` can carry.
    #[inline(always)]
    fn bottleneck(&self, mut p: usize, mut flow: i32) -> i32 {
        loop {
            let d = usize::from(self.forests.parents[p]);
            if d >= 8 {
                return self.network.excess[p].min(i64::from(flow)) as i32;
            }
            p = self.network.neighbour(p, d);
            flow = flow.min(self.network.residual[p][opposite(d)]);
        }
    }

    /// Pushes `flow` along the path from the root of the source's forest to `p`, which can carry
    /// it.
    #[inline(always)]
    fn pull_from_source(&mut self, mut p: usize, flow: i32) {
        loop {
            let d = usize::from(self.forests.parents[p]);
            if d >= 8 {
                self.network.excess[p] -= i64::from(flow);
                if self.network.excess[p] == 0 {
                    self.make_orphan::<true>(p);
                }
                return;
            }
            let parent = self.network.neighbour(p, d);
            if self.network.push(parent, opposite(d), flow) {
                self.make_orphan::<true>(p);
            }
            p = parent;
        }
    }

    /// Pushes `flow` along the path from `p` to the root of the sink's forest. Where an arc is too
    /// narrow, the rest stays as the excess of an orphan.
    #[inline(always)]
    fn push_to_sink(&mut self, mut p: usize, mut flow: i32) {
        loop {
            let d = usize::from(self.forests.parents[p]);
            if d >= 8 {
                self.network.excess[p] += i64::from(flow);
                if d == usize::from(ROOT) && self.network.excess[p] >= 0 {
                    self.make_orphan::<false>(p);
                }
                return;
            }
            let passing = flow.min(self.network.residual[p][d & 7]);
            if passing < flow {
                self.network.excess[p] += i64::from(flow - passing);
            }
            flow = passing;
            if self.network.push(p, d, flow) {
                self.make_orphan::<false>(p);
            }
            p = self.network.neighbour(p, d);
        }
    }

    #[inline(always)]
    fn make_orphan<const SOURCE: bool>(&mut self, p: usize) {
        self.forests.parents[p] = ORPHAN;
        let level = self.level::<SOURCE>(p) as usize;
        let forest = self.forest::<SOURCE>();
        forest.lowest_orphan_level = forest.lowest_orphan_level.min(level);
        forest.orphan_count += 1;
        let next = std::mem::replace(&mut forest.orphans[level], p as u32);
        self.forests.next_orphan[p] = next;
    }

    /// Takes an orphan of the lowest level off its list. `None` if no orphan is left.
    #[inline(always)]
    fn pop_orphan<const SOURCE: bool>(&mut self) -> Option<usize> {
        let forest = self.forest::<SOURCE>();
        if forest.orphan_count == 0 {
            forest.lowest_orphan_level = usize::MAX;
            return None;
        }
        while forest.orphans[forest.lowest_orphan_level] == NONE {
            forest.lowest_orphan_level += 1;
        }
        forest.orphan_count -= 1;
        let level = forest.lowest_orphan_level;
        let p = forest.orphans[level] as usize;
        self.forest::<SOURCE>().orphans[level] = self.forests.next_orphan[p];
        debug_assert!(self.forests.parents[p] == ORPHAN && self.level::<SOURCE>(p) == level as i32);
        Some(p)
    }

    /// Gives every orphan a new parent or removes it from the forest, lowest levels first.
    #[inline(always)]
    fn adopt_orphans<const SOURCE: bool>(&mut self) {
        while let Some(p) = self.pop_orphan::<SOURCE>() {
            self.adopt::<SOURCE>(p);
        }
    }

    /// Gives the orphan `p` the neighbour of the lowest level as its new parent. If that raises the
    /// level of `p`, its children become orphans. If no neighbour is below the highest level
    /// reached so far, `p` leaves the forest.
    #[inline(always)]
    fn adopt<const SOURCE: bool>(&mut self, p: usize) {
        let level = self.level::<SOURCE>(p);
        let forest = self.forest::<SOURCE>();
        let limit = forest.limit();
        forest.work += 1;
        let stride = self.network.stride;
        let arcs = self.arcs_to_parents::<SOURCE>(p);
        let nearest = self
            .neighbourhood
            .nearest::<SOURCE>(&self.forests.levels, p, stride, arcs)
            .filter(|nearest| nearest.level < limit);
        let keeps_level = nearest.is_some_and(|nearest| nearest.level < level);
        if !keeps_level {
            let children = self
                .neighbourhood
                .children(&self.forests.parents, p, stride);
            for d in directions(children) {
                self.make_orphan::<SOURCE>(self.network.neighbour(p, d));
            }
        }
        let Some(parent) = nearest else {
            self.leave_forest::<SOURCE>(p);
            return;
        };
        self.forests.parents[p] = parent.direction as u8;
        if !keeps_level {
            self.set_level::<SOURCE>(p, parent.level + 1);
            self.forest::<SOURCE>().add_to_frontier(p, parent.level + 1);
        }
        // In the sink's forest, an orphan may hold flow that it could not pass on.
        let excess = self.network.excess[p];
        if !SOURCE && excess > 0 {
            self.network.excess[p] = 0;
            self.push_to_sink(p, excess as i32);
        }
    }

    /// Removes the orphan `p` from its forest. If it has excess, it becomes a root of the source's
    /// forest, at the level that is scanned next. (In the source's forest, only roots have excess,
    /// and a root with excess does not become an orphan.)
    #[inline(always)]
    fn leave_forest<const SOURCE: bool>(&mut self, p: usize) {
        if self.network.excess[p] == 0 {
            self.set_level::<SOURCE>(p, 0);
            return;
        }
        let level = self.forest::<true>().limit();
        self.forests.parents[p] = ROOT;
        self.set_level::<true>(p, level);
        self.forest::<true>().add_to_frontier(p, level);
    }
}
