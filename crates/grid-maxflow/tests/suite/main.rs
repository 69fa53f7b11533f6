//! The tests of the minimum cut, in one binary.
#![allow(clippy::unwrap_used, reason = "a test that cannot continue fails")]

mod dimacs;
mod maxflow;
mod support;
