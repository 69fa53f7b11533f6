//! Scores, against other implementations of the same metrics.

mod covered_photos;
mod devkit;
mod foreign_boxes;
mod scores;
mod wsoleval;
