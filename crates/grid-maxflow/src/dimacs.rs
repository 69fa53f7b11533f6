//! Grids as DIMACS maximum-flow files, to exchange them with other solvers.
//!
//! ```text
//! c grid 2 1          a comment specific to this crate: WIDTH HEIGHT, before the first arc
//! p max 4 4           NODES = 2 + WIDTH · HEIGHT, ARCS
//! n 1 s               the source is node 1
//! n 2 t               the sink is node 2
//! a 1 3 9             a FROM TO CAPACITY: the pixels are nodes 3, 4, … row by row;
//! a 4 2 7             arcs run from the source to a pixel, from a pixel to the sink,
//! a 3 4 5             or from a pixel to one of its eight neighbours
//! a 4 3 1
//! ```

use std::fmt;
use std::io::{self, BufRead, Write};

use crate::grid::{Edges, Grid, Neighbours};

/// The node of the source.
const SOURCE: usize = 1;
/// The node of the sink.
const SINK: usize = 2;
/// The node of the first pixel.
const FIRST_PIXEL: usize = 3;

/// The largest grid that is read, in pixels with one pixel of padding on every side: 8192 · 8192.
/// A grid of this size takes about 8 GB of memory.
const MAX_PADDED_PIXELS: usize = 1 << 26;

/// The capacities of all edges in one direction of [`Neighbours::steps`]: one value per pixel, row
/// by row, each ≥ 0. Where a pixel has no such neighbour, its values are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EdgeCapacities {
    /// The capacity from each pixel to its neighbour.
    pub forward: Vec<i32>,
    /// The capacity from that neighbour to the pixel. Together with `forward` it is at most
    /// `i32::MAX`.
    pub backward: Vec<i32>,
}

/// A minimum-cut problem on a grid. All costs are ≥ 0 and stored row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Number of pixels in a row.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
    /// Which pixels are joined by edges.
    pub neighbours: Neighbours,
    /// The capacity from the source to each pixel: the pixel's cost on the sink's side.
    pub source: Vec<i32>,
    /// The capacity from each pixel to the sink: the pixel's cost on the source's side.
    pub sink: Vec<i32>,
    /// The capacities of the edges, for each of [`Neighbours::steps`].
    pub edges: Vec<EdgeCapacities>,
}

/// Why a file could not be read as a grid.
#[derive(Debug)]
#[non_exhaustive]
pub enum DimacsError {
    /// A line is invalid.
    Line {
        /// The number of the line, counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The file cannot be read.
    Io(io::Error),
}

impl fmt::Display for DimacsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { line, reason } => write!(f, "line {line}: {reason}"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for DimacsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Line { .. } => None,
            Self::Io(error) => error.source(),
        }
    }
}

impl From<io::Error> for DimacsError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Instance {
    /// Sets the size and the edges of `grid` to those of this problem. [`Grid::cut`] then takes
    /// [`Self::source`] and [`Self::sink`].
    ///
    /// # Panics
    ///
    /// As [`Grid::set_edges`]. An instance returned by [`Self::read`] never causes a panic.
    pub fn set_edges(&self, grid: &mut Grid) {
        let edges: Vec<_> = self
            .edges
            .iter()
            .map(|EdgeCapacities { forward, backward }| Edges { forward, backward })
            .collect();
        grid.set_edges(self.width, self.height, self.neighbours, &edges);
    }

    /// Writes the problem as a DIMACS file. Arcs of capacity 0 are left out.
    ///
    /// Every arc is written separately, so `to` should be buffered.
    ///
    /// # Errors
    ///
    /// If `to` cannot be written to.
    pub fn write(&self, mut to: impl Write) -> io::Result<()> {
        let (width, height) = (self.width, self.height);
        let arcs = self.arcs().count();
        write!(
            to,
            "c written by grid-maxflow {}\nc grid {width} {height}\n",
            env!("CARGO_PKG_VERSION")
        )?;
        write!(
            to,
            "p max {} {arcs}\nn {SOURCE} s\nn {SINK} t\n",
            2 + width * height
        )?;
        for ArcLine {
            from,
            to: head,
            capacity,
        } in self.arcs()
        {
            writeln!(to, "a {from} {head} {capacity}")?;
        }
        to.flush()
    }

    /// The arcs with capacity > 0. Each pixel's terminals come first, then its edges.
    fn arcs(&self) -> impl Iterator<Item = ArcLine> {
        (0..self.source.len())
            .flat_map(|p| self.terminal_arcs(p).into_iter().chain(self.edge_arcs(p)))
            .filter(|arc| arc.capacity > 0)
    }

    /// The arcs between pixel `p` and the source and the sink.
    fn terminal_arcs(&self, p: usize) -> [ArcLine; 2] {
        let node = FIRST_PIXEL + p;
        [
            ArcLine {
                from: SOURCE,
                to: node,
                capacity: self.source[p],
            },
            ArcLine {
                from: node,
                to: SINK,
                capacity: self.sink[p],
            },
        ]
    }

    /// The arcs of the edges whose forward direction starts at pixel `p`.
    fn edge_arcs(&self, p: usize) -> impl Iterator<Item = ArcLine> {
        let width = self.width;
        let steps = self.neighbours.steps().iter().zip(&self.edges);
        steps.flat_map(move |(&(dx, dy), edges)| {
            let in_row = (p % width)
                .checked_add_signed(dx)
                .is_some_and(|x| x < width);
            let q = p.wrapping_add_signed(dy * width as isize + dx);
            let in_grid = in_row && q < self.source.len();
            let (node, neighbour) = (FIRST_PIXEL + p, FIRST_PIXEL + q);
            [
                ArcLine {
                    from: node,
                    to: neighbour,
                    capacity: edges.forward[p],
                },
                ArcLine {
                    from: neighbour,
                    to: node,
                    capacity: edges.backward[p],
                },
            ]
            .into_iter()
            .filter(move |_| in_grid)
        })
    }

    /// Reads a problem from a DIMACS file.
    ///
    /// The capacities of parallel arcs are added up. The grid has four neighbours per pixel if no
    /// arc is diagonal, otherwise eight.
    ///
    /// # Errors
    ///
    /// [`DimacsError::Line`] if a line is not valid or the file ends too early, and
    /// [`DimacsError::Io`] if `from` cannot be read.
    pub fn read(mut from: impl BufRead) -> Result<Self, DimacsError> {
        let mut reader = Reader::default();
        let mut bytes = Vec::new();
        while from.read_until(b'\n', &mut bytes)? > 0 {
            reader.line += 1;
            let text =
                str::from_utf8(&bytes).map_err(|_| reader.error("the line is not valid UTF-8"))?;
            reader.read_line(text.trim())?;
            bytes.clear();
        }
        reader.finish()
    }
}

/// A line `a FROM TO CAPACITY`, with the node numbers of the file.
struct ArcLine {
    from: usize,
    to: usize,
    capacity: i32,
}

/// The size on a line `c grid WIDTH HEIGHT`.
#[derive(Clone, Copy)]
struct GridSize {
    width: usize,
    height: usize,
}

impl GridSize {
    fn pixels(self) -> usize {
        self.width * self.height
    }

    /// Whether the grid has a pixel, and no more pixels than [`MAX_PADDED_PIXELS`].
    fn is_valid(self) -> bool {
        let (width, height) = (self.width.saturating_add(2), self.height.saturating_add(2));
        let padded = width.checked_mul(height);
        self.width > 0 && self.height > 0 && padded.is_some_and(|n| n <= MAX_PADDED_PIXELS)
    }
}

/// The counts on a line `p max NODES ARCS`.
#[derive(Clone, Copy)]
struct ProblemLine {
    nodes: usize,
    arcs: usize,
}

/// Where the capacity of an arc is stored. Pixels are numbered from 0.
#[derive(Clone, Copy)]
enum Place {
    /// From the source to this pixel.
    Source(usize),
    /// From this pixel to the sink.
    Sink(usize),
    /// Along an edge.
    Edge(EdgePlace),
}

/// One of the two directions of an edge.
#[derive(Clone, Copy)]
struct EdgePlace {
    /// The index of the edge's step in [`Neighbours::steps`].
    step: usize,
    /// The pixel at which the step starts.
    pixel: usize,
    /// Whether the arc runs against the step.
    backward: bool,
}

/// What is known after some lines of a file.
#[derive(Default)]
struct Reader {
    /// The number of the current line, from 1.
    line: usize,
    size: Option<GridSize>,
    problem: Option<ProblemLine>,
    has_source: bool,
    has_sink: bool,
    /// The number of arcs read so far.
    arcs: usize,
    source: Vec<i32>,
    sink: Vec<i32>,
    edges: [EdgeCapacities; 4],
    has_diagonal: bool,
}

impl Reader {
    fn error(&self, reason: impl Into<String>) -> DimacsError {
        DimacsError::Line {
            line: self.line,
            reason: reason.into(),
        }
    }

    fn read_line(&mut self, text: &str) -> Result<(), DimacsError> {
        let words: Vec<_> = text.split_ascii_whitespace().collect();
        match words[..] {
            ["c", "grid", width, height] => self.read_size(width, height),
            [] | ["c", ..] => Ok(()),
            ["p", "max", nodes, arcs] => self.read_problem(nodes, arcs),
            ["n", "1", "s"] => {
                self.has_source = true;
                Ok(())
            }
            ["n", "2", "t"] => {
                self.has_sink = true;
                Ok(())
            }
            ["n", ..] => Err(self.error(
                "the source must be node 1 and the sink node 2, as in \"n 1 s\" and \"n 2 t\"",
            )),
            ["a", from, to, capacity] => self.read_arc(from, to, capacity),
            _ => Err(self.error(
                "not a line of a maximum-flow problem, which starts with \"c\", \"p max\", \"n\" \
                 or \"a\"",
            )),
        }
    }

    fn read_number(&self, text: &str) -> Result<usize, DimacsError> {
        text.parse().map_err(|_| {
            self.error(format!(
                "{text:?} is not an integer from 0 to {}",
                usize::MAX
            ))
        })
    }

    /// Reads the numbers of a line `c grid WIDTH HEIGHT`.
    fn read_size(&mut self, width: &str, height: &str) -> Result<(), DimacsError> {
        let size = GridSize {
            width: self.read_number(width)?,
            height: self.read_number(height)?,
        };
        if self.size.is_some() {
            return Err(self.error("a second line \"c grid\""));
        }
        if !size.is_valid() {
            return Err(self.error(format!(
                "a grid must have 1 to {MAX_PADDED_PIXELS} pixels, counting one pixel of padding \
                 on every side"
            )));
        }
        self.size = Some(size);
        self.allocate()
    }

    /// Reads the numbers of a line `p max NODES ARCS`.
    fn read_problem(&mut self, nodes: &str, arcs: &str) -> Result<(), DimacsError> {
        if self.problem.is_some() {
            return Err(self.error("a second line \"p max\""));
        }
        self.problem = Some(ProblemLine {
            nodes: self.read_number(nodes)?,
            arcs: self.read_number(arcs)?,
        });
        self.allocate()
    }

    /// Makes room for the capacities as soon as the size and the problem line are both known.
    fn allocate(&mut self) -> Result<(), DimacsError> {
        let (Some(size), Some(problem)) = (self.size, self.problem) else {
            return Ok(());
        };
        let pixels = size.pixels();
        if problem.nodes != pixels + 2 {
            return Err(self.error(format!(
                "the problem line announces {} nodes, but the grid has {}, counting source and sink",
                problem.nodes,
                pixels + 2
            )));
        }
        self.source = vec![0; pixels];
        self.sink = vec![0; pixels];
        for edges in &mut self.edges {
            edges.forward = vec![0; pixels];
            edges.backward = vec![0; pixels];
        }
        Ok(())
    }

    /// Reads the numbers of a line `a FROM TO CAPACITY`.
    fn read_arc(&mut self, from: &str, to: &str, capacity: &str) -> Result<(), DimacsError> {
        let (from, to) = (self.read_number(from)?, self.read_number(to)?);
        let Some(capacity) = capacity.parse().ok().filter(|&c: &i32| c >= 0) else {
            return Err(self.error(format!(
                "{capacity:?} is not a capacity, which is an integer from 0 to {}",
                i32::MAX
            )));
        };
        let (Some(size), Some(problem)) = (self.size, self.problem) else {
            return Err(self.error(
                "an arc before the lines \"c grid WIDTH HEIGHT\" and \"p max NODES ARCS\"",
            ));
        };
        self.arcs += 1;
        if self.arcs > problem.arcs {
            return Err(self.error(format!(
                "more arcs than the {} that the problem line announces",
                problem.arcs
            )));
        }
        let Some(place) = find_place(from, to, size) else {
            return Err(self.error(format!(
                "a grid of {} x {} pixels has no arc from {from} to {to}: arcs run from node 1 to \
                 a pixel, from a pixel to node 2, or between two pixels that touch",
                size.width, size.height
            )));
        };
        self.add_capacity(place, capacity)
    }

    /// Adds to the capacity of an arc, which must fit in 32 bits together with that of the opposite
    /// arc.
    fn add_capacity(&mut self, place: Place, more: i32) -> Result<(), DimacsError> {
        let (capacity, opposite) = match place {
            Place::Source(pixel) => (&mut self.source[pixel], 0),
            Place::Sink(pixel) => (&mut self.sink[pixel], 0),
            Place::Edge(EdgePlace {
                step,
                pixel,
                backward,
            }) => {
                self.has_diagonal |= step >= Neighbours::Four.steps().len();
                let edges = &mut self.edges[step];
                if backward {
                    (&mut edges.backward[pixel], edges.forward[pixel])
                } else {
                    (&mut edges.forward[pixel], edges.backward[pixel])
                }
            }
        };
        let sum = capacity.checked_add(more);
        let Some(sum) = sum.filter(|sum| sum.checked_add(opposite).is_some()) else {
            return Err(self.error(format!(
                "the capacities of this arc and of the opposite one add up to more than {}",
                i32::MAX
            )));
        };
        *capacity = sum;
        Ok(())
    }

    fn finish(self) -> Result<Instance, DimacsError> {
        let (Some(size), Some(problem)) = (self.size, self.problem) else {
            return Err(self.error(
                "the file ends without the lines \"c grid WIDTH HEIGHT\" and \"p max NODES ARCS\"",
            ));
        };
        if self.arcs != problem.arcs {
            return Err(self.error(format!(
                "the file ends after {} of {} arcs",
                self.arcs, problem.arcs
            )));
        }
        if !(self.has_source && self.has_sink) {
            return Err(self.error("the file ends without the lines \"n 1 s\" and \"n 2 t\""));
        }
        let neighbours = if self.has_diagonal {
            Neighbours::Eight
        } else {
            Neighbours::Four
        };
        let mut edges = Vec::from(self.edges);
        edges.truncate(neighbours.steps().len());
        Ok(Instance {
            width: size.width,
            height: size.height,
            neighbours,
            source: self.source,
            sink: self.sink,
            edges,
        })
    }
}

/// Where the capacity of the arc between two nodes is stored. `None` if the grid has no such arc.
fn find_place(from: usize, to: usize, size: GridSize) -> Option<Place> {
    let pixel = |node: usize| {
        node.checked_sub(FIRST_PIXEL)
            .filter(|&pixel| pixel < size.pixels())
    };
    match (pixel(from), pixel(to)) {
        (None, Some(pixel)) if from == SOURCE => Some(Place::Source(pixel)),
        (Some(pixel), None) if to == SINK => Some(Place::Sink(pixel)),
        (Some(from), Some(to)) => find_edge(from, to, size.width).map(Place::Edge),
        _ => None,
    }
}

/// The edge along which an arc runs from pixel `from` to pixel `to`. `None` if they do not touch.
fn find_edge(from: usize, to: usize, width: usize) -> Option<EdgePlace> {
    let difference = |a: usize, b: usize| b as isize - a as isize;
    let dx = difference(from % width, to % width);
    let dy = difference(from / width, to / width);
    let find = |step| Neighbours::Eight.steps().iter().position(|&s| s == step);
    if let Some(step) = find((dx, dy)) {
        return Some(EdgePlace {
            step,
            pixel: from,
            backward: false,
        });
    }
    let step = find((-dx, -dy))?;
    Some(EdgePlace {
        step,
        pixel: to,
        backward: true,
    })
}
