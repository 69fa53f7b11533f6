//! Grids as DIMACS maximum-flow files, to exchange them with other solvers.
//!
//! ```text
//! c grid 2 1          a comment of ours: WIDTH HEIGHT, before the first arc
//! p max 4 4           NODES = 2 + WIDTH · HEIGHT, ARCS
//! n 1 s               the source is node 1,
//! n 2 t               the sink node 2,
//! a 1 3 9             and the pixels are nodes 3, 4, … row by row;
//! a 4 2 7             a FROM TO CAPACITY: from the source, to the sink,
//! a 3 4 5             or from a pixel to one of its eight neighbours
//! a 4 3 1
//! ```

use std::io::{self, BufRead, Write};

use super::grid::{Edges, Grid, Neighbours};

/// The most pixels, with a ring around them, of a grid that is read: 8192 · 8192, some 8 GB of
/// memory.
const MOST_PIXELS: usize = 1 << 26;

/// A minimum-cut problem on a grid. All costs are ≥ 0 and row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Width and height.
    pub size: [usize; 2],
    /// Which pixels are joined by edges.
    pub neighbours: Neighbours,
    /// The capacity from the source to each pixel: what it pays on the sink's side.
    pub source: Vec<i32>,
    /// The capacity from each pixel to the sink: what it pays on the source's side.
    pub sink: Vec<i32>,
    /// For each of [`Neighbours::steps`] the capacities from each pixel to its neighbour, and back.
    pub edges: Vec<[Vec<i32>; 2]>,
}

/// Why a file is no grid that can be cut.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A line shows it.
    #[error("line {line}: {reason}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong, and what is wanted.
        reason: String,
    },
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Instance {
    /// Gives the costs of the edges to a grid, whose cut then takes [`Self::source`] and
    /// [`Self::sink`].
    pub fn set_edges(&self, grid: &mut Grid) {
        let edges: Vec<_> = self
            .edges
            .iter()
            .map(|[forth, back]| Edges { forth, back })
            .collect();
        grid.set_edges(self.size[0], self.size[1], self.neighbours, &edges);
    }

    /// Writes the problem. Arcs without capacity are left out.
    ///
    /// # Errors
    /// When `to` cannot be written.
    pub fn write(&self, mut to: impl Write) -> io::Result<()> {
        let [width, height] = self.size;
        let arcs = self.arcs().count();
        write!(
            to,
            "c written by localise {}\nc grid {width} {height}\n",
            env!("CARGO_PKG_VERSION")
        )?;
        write!(to, "p max {} {arcs}\nn 1 s\nn 2 t\n", 2 + width * height)?;
        for (from, into, capacity) in self.arcs() {
            writeln!(to, "a {from} {into} {capacity}")?;
        }
        to.flush()
    }

    /// The arcs as (from, to, capacity > 0) with DIMACS's numbers of nodes.
    fn arcs(&self) -> impl Iterator<Item = (usize, usize, i32)> {
        let width = self.size[0];
        let arcs = (0..self.source.len()).flat_map(move |p| {
            let steps = self.neighbours.steps().iter().zip(&self.edges);
            let edges = steps.flat_map(move |(&(dx, dy), [forth, back])| {
                let inside = (p % width)
                    .checked_add_signed(dx)
                    .is_some_and(|x| x < width);
                let q = p.wrapping_add_signed(dy * width as isize + dx);
                let edge = inside && q < self.source.len();
                [(p + 3, q + 3, forth[p]), (q + 3, p + 3, back[p])]
                    .into_iter()
                    .filter(move |_| edge)
            });
            [(1, p + 3, self.source[p]), (p + 3, 2, self.sink[p])]
                .into_iter()
                .chain(edges)
        });
        arcs.filter(|&(_, _, capacity)| capacity > 0)
    }

    /// Reads a problem. Parallel arcs add up. It has four neighbours a pixel where no arc is
    /// diagonal.
    ///
    /// # Errors
    /// [`ReadError`] with the line, where the file is no such grid.
    pub fn read(mut from: impl BufRead) -> Result<Self, ReadError> {
        let mut reader = Reader::default();
        let mut bytes = Vec::new();
        while from.read_until(b'\n', &mut bytes)? > 0 {
            reader.line += 1;
            let text = str::from_utf8(&bytes).map_err(|_| reader.error("the line is not text"))?;
            reader.take(text.trim())?;
            bytes.clear();
        }
        reader.finish()
    }
}

/// What is known after some lines of a file.
#[derive(Default)]
struct Reader {
    line: usize,
    size: Option<[usize; 2]>,
    /// Nodes and arcs that the problem line announces.
    problem: Option<[usize; 2]>,
    terminals: [bool; 2],
    arcs: usize,
    source: Vec<i32>,
    sink: Vec<i32>,
    edges: [[Vec<i32>; 2]; 4],
    diagonal: bool,
}

impl Reader {
    fn error(&self, reason: impl Into<String>) -> ReadError {
        ReadError::Line {
            line: self.line,
            reason: reason.into(),
        }
    }

    fn take(&mut self, text: &str) -> Result<(), ReadError> {
        let words: Vec<_> = text.split_ascii_whitespace().collect();
        match words[..] {
            ["c", "grid", width, height] => {
                let size = [self.number(width)?, self.number(height)?];
                let ringed = size[0]
                    .saturating_add(2)
                    .checked_mul(size[1].saturating_add(2));
                if self.size.is_some()
                    || size.contains(&0)
                    || ringed.is_none_or(|n| n > MOST_PIXELS)
                {
                    return Err(self.error(format!(
                        "one grid of 1 to {MOST_PIXELS} pixels, with a ring around them, is wanted"
                    )));
                }
                self.size = Some(size);
                self.start()?;
            }
            [] | ["c", ..] => {}
            ["p", "max", nodes, arcs] => {
                if self.problem.is_some() {
                    return Err(self.error("a second problem line"));
                }
                self.problem = Some([self.number(nodes)?, self.number(arcs)?]);
                self.start()?;
            }
            ["n", "1", "s"] => self.terminals[0] = true,
            ["n", "2", "t"] => self.terminals[1] = true,
            ["n", ..] => {
                return Err(
                    self.error("the source is node 1 and the sink node 2: \"n 1 s\", \"n 2 t\"")
                );
            }
            ["a", from, into, capacity] => {
                let (from, into) = (self.number(from)?, self.number(into)?);
                let capacity = capacity.parse().ok().filter(|&c: &i32| c >= 0);
                let capacity = capacity.ok_or_else(|| {
                    self.error(format!("a capacity is an integer in 0..={}", i32::MAX))
                })?;
                self.arc(from, into, capacity)?;
            }
            _ => {
                return Err(
                    self.error("no line of a maximum-flow problem: c, p max, n or a is wanted")
                );
            }
        }
        Ok(())
    }

    fn number(&self, text: &str) -> Result<usize, ReadError> {
        text.parse()
            .map_err(|_| self.error(format!("{text:?} is no number of this machine's size")))
    }

    /// Takes an arc; the first one ends the head of the file.
    fn arc(&mut self, from: usize, into: usize, capacity: i32) -> Result<(), ReadError> {
        let (Some([width, height]), Some([_, arcs])) = (self.size, self.problem) else {
            return Err(
                self.error("an arc before \"c grid WIDTH HEIGHT\" and \"p max NODES ARCS\"")
            );
        };
        let pixels = width * height;
        self.arcs += 1;
        if self.arcs > arcs {
            return Err(self.error(format!("more arcs than the {arcs} announced")));
        }
        let pixel = |node: usize| node.checked_sub(3).filter(|&p| p < pixels);
        let edge = match (from, into, pixel(from), pixel(into)) {
            (1, _, _, Some(p)) => return self.add(capacity, |this| (&mut this.source[p], 0)),
            (_, 2, Some(p), _) => return self.add(capacity, |this| (&mut this.sink[p], 0)),
            (_, _, Some(p), Some(q)) => step(p, q, width),
            _ => None,
        };
        let Some((step, first, back)) = edge else {
            let wanted = "arcs run from 1 to a pixel, from a pixel to 2, or between the pixels of a grid that touch";
            return Err(self.error(format!(
                "{from} to {into} is no arc of a grid of {width} x {height}: {wanted}"
            )));
        };
        self.diagonal |= step >= Neighbours::Four.steps().len();
        self.add(capacity, |this| {
            let [forth, backward] = &mut this.edges[step];
            if back {
                (&mut backward[first], forth[first])
            } else {
                (&mut forth[first], backward[first])
            }
        })
    }

    /// Makes room for the capacities, as soon as both lines of the head are known.
    fn start(&mut self) -> Result<(), ReadError> {
        let (Some([width, height]), Some([nodes, _])) = (self.size, self.problem) else {
            return Ok(());
        };
        let pixels = width * height;
        if nodes != pixels + 2 {
            let wanted = pixels + 2;
            return Err(self.error(format!(
                "{nodes} nodes are announced; the grid has {wanted} with its terminals"
            )));
        }
        let planes = [&mut self.source, &mut self.sink]
            .into_iter()
            .chain(self.edges.iter_mut().flatten());
        planes.for_each(|plane| *plane = vec![0; pixels]);
        Ok(())
    }

    /// Adds to a capacity, which with that of the opposite arc must fit in 32 bits.
    fn add(
        &mut self,
        more: i32,
        place: impl FnOnce(&mut Self) -> (&mut i32, i32),
    ) -> Result<(), ReadError> {
        let (capacity, opposite) = place(self);
        match capacity
            .checked_add(more)
            .filter(|sum| sum.checked_add(opposite).is_some())
        {
            Some(sum) => *capacity = sum,
            None => {
                return Err(self.error(format!(
                    "the arc's capacities, forth and back, sum above {}",
                    i32::MAX
                )));
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Instance, ReadError> {
        let (Some(size), Some([_, arcs])) = (self.size, self.problem) else {
            return Err(self
                .error("the file ends without \"c grid WIDTH HEIGHT\" and \"p max NODES ARCS\""));
        };
        if self.arcs != arcs {
            return Err(self.error(format!("the file ends after {} of {arcs} arcs", self.arcs)));
        }
        if self.terminals != [true; 2] {
            return Err(self.error("the file ends without \"n 1 s\" and \"n 2 t\""));
        }
        let neighbours = if self.diagonal {
            Neighbours::Eight
        } else {
            Neighbours::Four
        };
        let edges = self
            .edges
            .into_iter()
            .take(neighbours.steps().len())
            .collect();
        Ok(Instance {
            size,
            neighbours,
            source: self.source,
            sink: self.sink,
            edges,
        })
    }
}

/// The step of [`Neighbours::steps`] that joins two pixels, the pixel where it starts, and whether
/// it leads back, from `q` to `p`. `None` where the pixels do not touch.
fn step(p: usize, q: usize, width: usize) -> Option<(usize, usize, bool)> {
    let find = |p: usize, q: usize| {
        let along = |a: usize, b: usize| b as isize - a as isize;
        let between = (along(p % width, q % width), along(p / width, q / width));
        Neighbours::Eight
            .steps()
            .iter()
            .position(|&step| step == between)
    };
    find(p, q)
        .map(|step| (step, p, false))
        .or_else(|| find(q, p).map(|step| (step, q, true)))
}
