//! Maximum flow by two forests that grow towards each other: incremental breadth-first search with
//! excesses.
//!
//! See the [room's page](super) for the idea. The words here: a *root* has excess of its own (in
//! the source's forest) or deficit (in the sink's). A *level* is a distance to a root; a child's is
//! always above its parent's, so that no cycle can arise. An *orphan* has lost its parent.

use super::neighbourhood::{Level, Neighbourhood};
use super::network::{Network, directions};

/// No parent: the pixel has excess or deficit of its own.
const ROOT: u8 = 8;
/// No parent any more, or none yet.
const ORPHAN: u8 = 9;
/// No pixel.
const NONE: u32 = u32::MAX;

/// The state of both forests. Its memory is kept from one cut to the next.
#[derive(Clone, Debug, Default)]
pub(super) struct Forests<L> {
    /// Above 0 in the source's forest, below 0 in the sink's, 0 in neither.
    levels: Vec<L>,
    /// The direction of the parent, or [`ROOT`] or [`ORPHAN`].
    parents: Vec<u8>,
    /// After an orphan the next one of its level and forest, or [`NONE`].
    next_orphan: Vec<u32>,
    source: Forest,
    sink: Forest,
}

/// What each of the forests keeps for itself.
#[derive(Clone, Debug, Default)]
struct Forest {
    /// The outermost level, whose pixels are scanned next, or just now.
    height: i32,
    /// Whether it is being scanned.
    growing: bool,
    /// Pixels of the outermost level, and stale ones.
    border: Vec<u32>,
    /// While growing: pixels of the level above it.
    next: Vec<u32>,
    /// The first orphan of each level up to the limit, or [`NONE`].
    orphans: Vec<u32>,
    /// How many orphans there are, and the lowest level that may have some.
    waiting: usize,
    lowest: usize,
    /// How many pixels were scanned or adopted.
    work: u64,
}

impl Forest {
    /// The highest level that a pixel may have.
    fn limit(&self) -> i32 {
        self.height + i32::from(self.growing)
    }

    /// Takes note of a pixel that is now at one of the levels that are not scanned yet, or at a
    /// lower one.
    #[inline(always)]
    fn enlist(&mut self, p: usize, level: i32) {
        if level == self.height {
            self.border.push(p as u32);
        } else if level > self.height {
            self.next.push(p as u32);
        }
    }

    fn reset(&mut self) {
        (self.height, self.growing, self.work) = (1, false, 0);
        (self.waiting, self.lowest) = (0, usize::MAX);
        self.border.clear();
        self.next.clear();
        self.orphans.clear();
        self.orphans.resize(2, NONE);
    }
}

/// A forest grew higher than its levels can count.
#[derive(Debug)]
pub(super) struct TooHigh;

impl<L: Level> Forests<L> {
    /// Pushes a maximum flow through the network, whatever flow is in it already.
    ///
    /// # Errors
    /// [`TooHigh`]; the network then holds a valid flow, from which another call can go on.
    #[inline(always)]
    pub(super) fn maximise<N>(
        &mut self,
        neighbourhood: N,
        network: &mut Network,
    ) -> Result<(), TooHigh>
    where
        N: Neighbourhood<Level = L>,
    {
        self.levels.clear();
        self.levels.resize(network.size(), L::default());
        self.parents.clear();
        self.parents.resize(network.size(), ORPHAN);
        self.next_orphan.resize(network.size(), NONE);
        self.source.reset();
        self.sink.reset();
        for p in network.rows().flatten() {
            if network.excess[p] != 0 {
                let source = network.excess[p] > 0;
                self.parents[p] = ROOT;
                self.levels[p] = level(if source { 1 } else { -1 });
                if source {
                    &mut self.source
                } else {
                    &mut self.sink
                }
                .border
                .push(p as u32);
            }
        }
        let mut solver = Solver {
            neighbourhood,
            network,
            forests: self,
        };
        // The forest with less work so far grows. When one of them cannot, no path is left.
        while !solver.forests.source.border.is_empty() && !solver.forests.sink.border.is_empty() {
            if solver.forests.source.work <= solver.forests.sink.work {
                solver.grow::<true>()?;
            } else {
                solver.grow::<false>()?;
            }
        }
        // The source's forest in full is what the source still reaches.
        while !solver.forests.source.border.is_empty() {
            solver.grow::<true>()?;
        }
        Ok(())
    }

    /// After [`Self::maximise`]: whether the source still reaches pixel `p`.
    pub(super) fn reached(&self, p: usize) -> bool {
        self.levels[p].into() > 0
    }
}

#[inline(always)]
fn level<L: Level>(level: i32) -> L {
    L::try_from(level).unwrap_or_else(|_| unreachable!("growth stops before levels overflow"))
}

struct Solver<'a, N: Neighbourhood> {
    neighbourhood: N,
    network: &'a mut Network,
    forests: &'a mut Forests<N::Level>,
}

/// Methods of the source's forest (`SOURCE`) and of the sink's, which is its mirror image: arcs are
/// followed against their direction and excess is deficit.
impl<N: Neighbourhood> Solver<'_, N> {
    #[inline(always)]
    fn forest<const SOURCE: bool>(&mut self) -> &mut Forest {
        if SOURCE {
            &mut self.forests.source
        } else {
            &mut self.forests.sink
        }
    }

    /// The level of `p` in the forest; 0 or less outside.
    #[inline(always)]
    fn level<const SOURCE: bool>(&self, p: usize) -> i32 {
        let level: i32 = self.forests.levels[p].into();
        if SOURCE { level } else { -level }
    }

    #[inline(always)]
    fn set_level<const SOURCE: bool>(&mut self, p: usize, to: i32) {
        self.forests.levels[p] = level(if SOURCE { to } else { -to });
    }

    /// The arcs that lead away from the root: along them the forest grows, to the children.
    #[inline(always)]
    fn arcs_up<const SOURCE: bool>(&self, p: usize) -> u8 {
        if SOURCE {
            self.network.outward[p]
        } else {
            self.network.inward[p]
        }
    }

    /// The arcs towards the root.
    #[inline(always)]
    fn arcs_down<const SOURCE: bool>(&self, p: usize) -> u8 {
        if SOURCE {
            self.network.inward[p]
        } else {
            self.network.outward[p]
        }
    }

    /// Scans the outermost level: free neighbours join the forest; neighbours in the other forest
    /// close paths.
    #[inline(always)]
    fn grow<const SOURCE: bool>(&mut self) -> Result<(), TooHigh> {
        let forest = self.forest::<SOURCE>();
        let height = forest.height;
        if height >= N::Level::MOST {
            return Err(TooHigh);
        }
        forest.growing = true;
        forest.orphans.resize(height as usize + 2, NONE);
        let mut i = 0;
        while let Some(&p) = self.forest::<SOURCE>().border.get(i) {
            i += 1;
            let p = p as usize;
            // Augmenting may take p away from this level, and gives and takes arcs.
            while self.level::<SOURCE>(p) == height {
                self.forest::<SOURCE>().work += 1;
                let (free, other) = self.neighbourhood.outside::<SOURCE>(
                    &self.forests.levels,
                    p,
                    self.network.stride,
                );
                let arcs = self.arcs_up::<SOURCE>(p);
                for d in directions(free & arcs) {
                    let q = self.network.neighbour(p, d);
                    self.set_level::<SOURCE>(q, height + 1);
                    self.forests.parents[q] = 7 - d as u8;
                    self.forest::<SOURCE>().next.push(q as u32);
                }
                let Some(d) = directions(other & arcs).next() else {
                    break;
                };
                let q = self.network.neighbour(p, d);
                if SOURCE {
                    self.augment(p, q, d)
                } else {
                    self.augment(q, p, 7 - d)
                }
            }
        }
        let Forests {
            levels,
            source,
            sink,
            ..
        } = &mut *self.forests;
        let forest = if SOURCE { source } else { sink };
        forest.growing = false;
        forest.height = height + 1;
        std::mem::swap(&mut forest.border, &mut forest.next);
        forest.next.clear();
        let expected = if SOURCE { height + 1 } else { -height - 1 };
        forest
            .border
            .retain(|&p| levels[p as usize].into() == expected);
        Ok(())
    }

    /// Pushes what the way from the root to `p` carries over the arc `d` from `p` to `q` in the
    /// sink's forest, and on as far as it goes. Then repairs both forests.
    #[inline(always)]
    fn augment(&mut self, p: usize, q: usize, d: usize) {
        let flow = self.supply(p, self.network.residual[p][d]);
        self.network.push(p, d, flow);
        self.deliver(q, flow);
        self.adopt::<false>();
        self.withdraw(p, flow);
        self.adopt::<true>();
    }

    /// How much of `flow` can come from the root to `p`.
    #[inline(always)]
    fn supply(&self, mut p: usize, mut flow: i32) -> i32 {
        loop {
            let d = usize::from(self.forests.parents[p]);
            if d >= 8 {
                return self.network.excess[p].min(i64::from(flow)) as i32;
            }
            p = self.network.neighbour(p, d);
            flow = flow.min(self.network.residual[p][(7 - d) & 7]);
        }
    }

    /// Pushes `flow` on its way from the root to `p`, which has room for it.
    #[inline(always)]
    fn withdraw(&mut self, mut p: usize, flow: i32) {
        loop {
            let d = usize::from(self.forests.parents[p]);
            if d >= 8 {
                self.network.excess[p] -= i64::from(flow);
                if self.network.excess[p] == 0 {
                    self.abandon::<true>(p);
                }
                return;
            }
            let parent = self.network.neighbour(p, d);
            if self.network.push(parent, 7 - d, flow) {
                self.abandon::<true>(p);
            }
            p = parent;
        }
    }

    /// Pushes `flow` from `p` in the sink's forest on towards the root. Where an arc is too narrow,
    /// the rest stays with an orphan.
    #[inline(always)]
    fn deliver(&mut self, mut p: usize, mut flow: i32) {
        loop {
            let d = usize::from(self.forests.parents[p]);
            if d >= 8 {
                self.network.excess[p] += i64::from(flow);
                if d == usize::from(ROOT) && self.network.excess[p] >= 0 {
                    self.abandon::<false>(p);
                }
                return;
            }
            let passing = flow.min(self.network.residual[p][d & 7]);
            if passing < flow {
                self.network.excess[p] += i64::from(flow - passing);
            }
            flow = passing;
            if self.network.push(p, d, flow) {
                self.abandon::<false>(p);
            }
            p = self.network.neighbour(p, d);
        }
    }

    /// Makes `p` an orphan.
    #[inline(always)]
    fn abandon<const SOURCE: bool>(&mut self, p: usize) {
        self.forests.parents[p] = ORPHAN;
        let level = self.level::<SOURCE>(p) as usize;
        let forest = self.forest::<SOURCE>();
        forest.lowest = forest.lowest.min(level);
        forest.waiting += 1;
        let next = std::mem::replace(&mut forest.orphans[level], p as u32);
        self.forests.next_orphan[p] = next;
    }

    /// Gives every orphan a new parent, nearest to the roots first: at its own level if it can,
    /// else at the lowest that its neighbours offer, and its children become orphans. An orphan
    /// that finds no parent within the levels reached so far falls out of the forest.
    #[inline(always)]
    fn adopt<const SOURCE: bool>(&mut self) {
        while self.forest::<SOURCE>().waiting > 0 {
            let forest = self.forest::<SOURCE>();
            let lowest = forest.lowest;
            let p = forest.orphans[lowest] as usize;
            if p == NONE as usize {
                forest.lowest += 1;
                continue;
            }
            forest.waiting -= 1;
            self.forest::<SOURCE>().orphans[lowest] = self.forests.next_orphan[p];
            debug_assert!(
                self.forests.parents[p] == ORPHAN && self.level::<SOURCE>(p) == lowest as i32
            );
            let limit = self.forest::<SOURCE>().limit();
            self.forest::<SOURCE>().work += 1;
            let arcs = self.arcs_down::<SOURCE>(p);
            let nearest = self.neighbourhood.nearest::<SOURCE>(
                &self.forests.levels,
                p,
                self.network.stride,
                arcs,
            );
            let nearest = nearest.filter(|&(level, _)| level < limit);
            if nearest.is_none_or(|(level, _)| level >= lowest as i32) {
                for d in directions(self.neighbourhood.children(
                    &self.forests.parents,
                    p,
                    self.network.stride,
                )) {
                    self.abandon::<SOURCE>(self.network.neighbour(p, d));
                }
            }
            let Some((level, d)) = nearest else {
                self.drop_out::<SOURCE>(p);
                continue;
            };
            self.forests.parents[p] = d as u8;
            if level >= lowest as i32 {
                self.set_level::<SOURCE>(p, level + 1);
                self.forest::<SOURCE>().enlist(p, level + 1);
            }
            // In the sink's forest an orphan may hold what it could not pass on.
            let rest = self.network.excess[p];
            if !SOURCE && rest > 0 {
                self.network.excess[p] = 0;
                self.deliver(p, rest as i32);
            }
        }
        self.forest::<SOURCE>().lowest = usize::MAX;
    }

    /// Takes the orphan `p` out of the forest. If it holds excess it becomes a root of the
    /// source's, at the level that is scanned next. (In the source's forest only roots hold any.)
    #[inline(always)]
    fn drop_out<const SOURCE: bool>(&mut self, p: usize) {
        if self.network.excess[p] == 0 {
            self.set_level::<SOURCE>(p, 0);
            return;
        }
        let level = self.forest::<true>().limit();
        self.forests.parents[p] = ROOT;
        self.set_level::<true>(p, level);
        self.forest::<true>().enlist(p, level);
    }
}
