//! Scores, against other implementations of the same metrics.

mod devkit;
mod scores;
mod wsoleval;
