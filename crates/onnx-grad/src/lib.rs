//! Input gradients of ONNX classifiers.
//!
//! [`onnx`] reads and writes model files as data; [`gradient`] compiles the backward pass into such a model.

pub mod gradient;
pub mod onnx;
