//! Exact minimum cuts on pixel grids.
//!
//! This crate solves one problem: it splits the pixels of a grid into two groups at the least total
//! cost. Every pixel has a cost for each of the two groups, and every pair of neighbouring pixels
//! has a cost for being separated. This is the optimisation step of graph cut segmentation (Boykov
//! and Jolly 2001) and of GrabCut. All costs are integers, so the result is exact: another solver
//! must find the same cost, to the last unit.
//!
//! The solver uses vector instructions where the machine has them (AVX2, BMI1 and BMI2 on x86-64,
//! detected at run time) and gives the same results without them. The crate has no dependencies
//! besides `std`.
//!
//! # Overview
//!
//! * [`Grid`] holds the costs of the edges and the memory of the solver. [`Grid::set_edges`] sets
//!   the size and the costs of the edges, and [`Grid::cut`] finds a minimum cut.
//! * [`Neighbours`] says whether a pixel has four neighbours or eight.
//! * [`Edges`] borrows the costs of all edges in one direction.
//! * [`Instance`] owns a whole problem. It is read from a file in DIMACS format, or written to one,
//!   to compare this solver with others. [`DimacsError`] says which line of a file is invalid.
//!
//! # The problem
//!
//! A *cut* assigns every pixel to the *source's side* or to the *sink's side*. In segmentation
//! these are foreground and background. The cost of a cut is the sum of
//!
//! * `source[p]` for every pixel `p` on the sink's side,
//! * `sink[p]` for every pixel `p` on the source's side, and
//! * for every pair of neighbours on different sides, the cost of the edge between them. It may
//!   depend on which of the two is on the source's side.
//!
//! A *minimum cut* has the least cost of all. There may be several; [`Grid::cut`] returns the one
//! with the fewest pixels on the source's side, so that the labels do not depend on the solver.
//!
//! The cost of a minimum cut equals the value of a maximum flow (Ford and Fulkerson 1956). Read
//! each cost as the width of a pipe: from the source to a pixel, between two neighbours, and from a
//! pixel to the sink. The most water that can flow from the source to the sink is then the cost of
//! the cheapest cut, and the cut runs through pipes that this flow fills.
//!
//! # Example: cutting a grid
//!
//! Water flows from the left to the right through six pixels:
//!
//! ```text
//! ══9══► ● ──5── ● ──2── ● ══7══►        ══ the cost of cutting a pixel off from that end
//!        │1      │1      │1              ── the cost of two neighbours on different sides
//! ══9══► ● ──4── ● ──3── ● ══8══►
//! ```
//!
//! ```
//! use grid_maxflow::{Edges, Grid, Neighbours};
//!
//! // One cost per pixel, row by row. The last column has no neighbour to the right and the last
//! // row has none below, so their costs are ignored.
//! let right = [5, 2, 0, 4, 3, 0];
//! let down = [1, 1, 1, 0, 0, 0];
//! let source = [9, 0, 0, 9, 0, 0];
//! let sink = [0, 0, 7, 0, 0, 8];
//!
//! let mut grid = Grid::default();
//! grid.set_edges(3, 2, Neighbours::Four, &[Edges::symmetric(&right), Edges::symmetric(&down)]);
//! let mut on_source_side = [false; 6];
//! let flow = grid.cut(&source, &sink, &mut on_source_side);
//!
//! // The cheapest cut runs between the second and the third column: 2 + 3.
//! assert_eq!(flow, 5);
//! assert_eq!(on_source_side, [true, true, false, true, true, false]);
//! ```
//!
//! # Example: reading a DIMACS file
//!
//! The files have the DIMACS format for maximum-flow problems, with a comment that gives the size
//! of the grid. Other solvers skip the comment.
//!
//! ```
//! use grid_maxflow::{Grid, Instance};
//!
//! let file = "\
//! c grid 2 1
//! p max 4 4
//! n 1 s
//! n 2 t
//! a 1 3 9
//! a 4 2 7
//! a 3 4 5
//! a 4 3 1
//! ";
//! // A file on disk is read through a `BufReader`.
//! let instance = Instance::read(file.as_bytes())?;
//!
//! let mut grid = Grid::default();
//! instance.set_edges(&mut grid);
//! let mut on_source_side = vec![false; instance.width * instance.height];
//! let flow = grid.cut(&instance.source, &instance.sink, &mut on_source_side);
//! assert_eq!(flow, 5);
//! assert_eq!(on_source_side, [true, false]);
//! # Ok::<(), grid_maxflow::DimacsError>(())
//! ```
//!
//! # The algorithm
//!
//! The solver uses incremental breadth-first search (Goldberg, Hed, Kaplan, Tarjan and Werneck, ESA
//! 2011) with the excesses of its successor (Goldberg, Hed, Kaplan, Kohli, Tarjan and Werneck, ESA
//! 2015), on a grid that stores no adjacency lists. The *residual capacity* of an arc is the flow
//! that it can still take.
//!
//! * Source and sink are not nodes. The smaller of a pixel's two costs is paid in any case and is
//!   subtracted at the start. What remains is *excess* (the source can still send flow to the
//!   pixel) or *deficit* (the sink can still take flow from it).
//! * Pixels with excess are the roots of the source's forest, and pixels with deficit are the roots
//!   of the sink's forest. Each forest grows breadth first, one level at a time, along arcs with
//!   residual capacity. Roots start at level 1, and a child is at least one level above its parent.
//! * An arc from the source's forest to the sink's closes a shortest path. The solver pushes as
//!   much flow over the arc as the path from the root can carry, and then on towards the root of
//!   the sink's forest. Where an arc is too narrow, the rest stays behind as excess.
//! * When an arc is saturated, the pixel behind it becomes an *orphan*. It takes the neighbour with
//!   the lowest level as its new parent. If that raises its own level, its children become orphans
//!   in turn. An orphan that finds no parent within the levels reached so far leaves the forest;
//!   if it still has excess, it becomes a root of the source's forest.
//! * The forest that has done less work so far grows next. The usual rule grows the forest with the
//!   smaller frontier; where there are many seeds of one kind, that rule lets one forest do all the
//!   work.
//!
//! When one of the forests cannot grow any further, the flow is maximal. The source's forest is then
//! grown to its full extent: it is the set of pixels that the source can still reach, which is the
//! source's side of the cut.
//!
//! Most of the time goes into two questions about the eight neighbours of a pixel: which of them
//! has the lowest level, and which belong to the other forest or to none. With levels of 16 bits
//! the eight neighbours fit in one vector register, so a few instructions answer each question. Any
//! flow is a valid start for another solver. If a forest grows higher than 16 bits can count, the
//! scalar version therefore takes over from the flow found so far, with levels of 32 bits.
//!
//! # Cost
//!
//! Levels only rise, which bounds the time for any costs. On photos the time per pixel hardly grows
//! with the size of the photo, as long as the grid fits into the cache; `README.md` has
//! measurements. A bad case is one long path whose arcs are all saturated at once: the time is
//! quadratic in its length.
//!
//! A grid takes about 100 bytes per pixel. It keeps its memory from one cut to the next, so keep
//! one `Grid` per thread and reuse it: after a few cuts of the same size, it no longer allocates.
//! The edges stay set as well, so several cuts can share them.
//!
//! # What it is not for
//!
//! * Graphs that are not grids, and grids with more than two dimensions.
//! * Costs below 0, or costs with fractions. Multiply fractions by a constant and round them first.
//!   An edge with negative costs can make the problem NP-hard.
//! * More than two labels. Alpha expansion (Boykov, Veksler and Zabih 2001) reduces them to a
//!   series of cuts with two labels.
//! * Solving one cut with several threads. Several threads can solve several cuts, each with its own
//!   `Grid`.
//! * The maximum flow itself, arc by arc. Only its value and the cut are returned.
//!
//! # Panics
//!
//! [`Grid::set_edges`], [`Grid::cut`] and [`Grid::cut_scalar`] panic if a slice does not have one
//! value per pixel, if a cost is negative, or if the two costs of an edge add up to more than
//! `i32::MAX`. These are mistakes of the caller. [`Instance::read`] checks its input and returns an
//! error instead, so an instance that was read never causes a panic.

mod dimacs;
mod forest;
mod grid;
mod neighbourhood;
mod network;

pub use dimacs::{DimacsError, EdgeCapacities, Instance};
pub use grid::{Edges, Grid, Neighbours};

// The examples of the README are tested as those of the documentation are.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
