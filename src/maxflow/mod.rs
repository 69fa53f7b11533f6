//! Exact minimum cuts on pixel grids. It knows integers and pixels, not images.
//!
//! In: costs for pixels and for pairs of neighbours ([`Grid::set_edges`], [`Grid::cut`]), or a file
//! ([`Instance::read`]). Out: the flow and a label for each pixel. Left out are graphs that are no
//! grids, costs below 0 or with fractions, and more than two labels. The last example of the [front
//! page](crate) is of this room.
//!
//! # The problem
//!
//! A cut labels every pixel *source* or *sink* at the least total cost: each pixel pays for its
//! label, each pair of neighbours with different labels pays for the edge between them. Read the
//! costs as the widths of pipes: from a source to every pixel, between neighbours, and from every
//! pixel to a sink. Then the cost of the cheapest cut is the most water that can flow from the
//! source to the sink (Ford and Fulkerson 1956): the pipes that the flow fills up are where the cut
//! runs. So one looks for ways with room left (*residual capacity*) and pushes flow along them
//! until there is none. What the source still reaches then is its side; of all minimum cuts it is
//! the smallest, and it does not depend on the solver.
//!
//! ```text
//! source ══9══► ● ──5── ● ══7══► sink        flow 5, and the edge between the two pixels is cut
//! ```
//!
//! # The algorithm
//!
//! [`Grid`] uses incremental breadth-first search (Goldberg, Hed, Kaplan, Tarjan and Werneck, ESA
//! 2011) with the excesses of its successor (Goldberg, Hed, Kaplan, Kohli, Tarjan and Werneck, ESA
//! 2015), on a grid that stores no neighbours.
//!
//! * Source and sink are no nodes. A pixel that the source still offers something has *excess*, one
//!   from which the sink still takes has a *deficit*; what a pixel pays for both labels alike is
//!   taken off at the start. These pixels are the roots of two forests, and each forest grows
//!   breadth first, a level at a time, over arcs with residual capacity. Roots start at level 1,
//!   and a child is at least one level above its parent.
//! * An arc from the source's forest to the sink's closes a shortest way. As much as can come from
//!   the root is pushed over the arc, and on through the sink's forest as far as it goes.
//! * Where an arc has filled up, the pixel behind it is an *orphan*. It takes a neighbour of the
//!   lowest level for its new parent. Where that lifts its own level its children become orphans in
//!   turn. If no neighbour within the levels reached so far will do, it leaves the forest, and if
//!   it still holds excess, it becomes a root of the source's.
//! * The forest that has done less work so far grows next. Growing the one with the smaller border,
//!   which is the usual rule, lets one forest do all the work where there are many seeds of one
//!   kind, and doubled the time.
//!
//! Levels only rise, which bounds the work whatever the costs. (A bad case: on one long way whose
//! arcs all fill up at once it is quadratic.) Since any flow is a valid start, a solver whose
//! levels have run out of bits hands over to another that counts further.
//!
//! # The machine
//!
//! Most of the time goes into two questions about the eight neighbours of a pixel: which is nearest
//! to its root, and which belong to the other forest or none. Eight neighbours are eight 16-bit
//! lanes of a vector, so each is answered by a handful of instructions; `neighbourhood` has them,
//! and a plain form with the same answers for other machines.

mod dimacs;
mod forest;
mod grid;
mod neighbourhood;
mod network;

pub use dimacs::{Instance, ReadError};
pub use grid::{Edges, Grid, Neighbours};
