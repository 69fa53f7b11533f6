//! Finds objects with an image classifier that was never shown a box.

pub mod classifier;
pub mod cli;
pub mod config;
pub mod geometry;
pub mod gradient;
pub mod maxflow;
pub mod onnx;
pub mod saliency;
pub mod segment;

pub mod dataset;
pub mod report;
pub mod run;
pub mod score;
