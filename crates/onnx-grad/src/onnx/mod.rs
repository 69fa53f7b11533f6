//! ONNX files as data: load, inspect, change, save. No runtime and no mathematics.
//!
//! [`load`] returns a [`proto::ModelProto`] that [`check()`] has accepted: its nodes are in order,
//! its weights have their declared size, and weights stored in external files have been loaded.
//! Shape inference is left to runtimes. Operators, attributes and types that this crate does not
//! know are kept as they are.
//!
//! [`proto`] holds the messages, generated from `onnx.proto`. This module adds inherent methods to
//! them: typed attributes with their ONNX defaults ([`proto::NodeProto::int`] and its siblings) and
//! tensors as values ([`proto::TensorProto::floats`]). There are also an index of producers and
//! consumers ([`Graph`]) and a text form with one line per node ([`text()`]).

mod atomic;
mod attributes;
mod check;
mod error;
mod external;
mod file;
mod graph;
#[allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::pedantic,
    reason = "generated"
)]
#[rustfmt::skip]
pub mod proto;
mod tensor;
mod text;

pub use check::check;
pub use error::OnnxError;
pub use file::{decode, encode, files, load, save};
pub use graph::Graph;
pub use text::{declared, sides, text};
