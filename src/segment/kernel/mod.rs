//! Loops over arrays of numbers, compiled for several instruction sets.
//!
//! The kernels of this module are plain loops over arrays, which the compiler turns into vector
//! instructions. Cargo compiles for the oldest machines, whose vectors contain 4 numbers; on newer
//! ones they contain 8 or 16. So each kernel is compiled for all of them, and the widest vectors
//! that the machine supports are chosen when the program runs. Every operation rounds in the same
//! way on all of them, because Rust never fuses a product and a sum. So **the results are the same
//! bits**.

mod isa;
pub(in crate::segment) mod lanes;

pub(in crate::segment) use isa::{Isa, Kernel};
