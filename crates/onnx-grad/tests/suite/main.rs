//! The tests of the gradient compiler, in one binary. They run the models with ONNX Runtime and
//! fail, never skip, where it or the onnx package's tests are missing: `scripts/test` fetches both.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot continue fails"
)]

mod broken_models;
mod cases;
mod gradients;
mod graphs;
mod names;
mod odd_attributes;
mod old_opsets;
mod onnx_package;
mod pytorch;
mod refusals;
mod relevance;
mod relu_rules;
mod scores;
mod several_images;
mod support;
mod training_forms;
mod variants;
