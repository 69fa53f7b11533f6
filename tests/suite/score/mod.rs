//! Scores, against other implementations of the same metrics.

mod devkit;
mod foreign_boxes;
mod scores;
mod wsoleval;
