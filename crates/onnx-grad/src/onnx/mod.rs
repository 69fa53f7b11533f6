//! ONNX files as data: load, look up, write. No runtime and no mathematics.
//!
//! In: a file or its bytes. Out: a [`proto::ModelProto`] that [`check()`] has passed: nodes in
//! order, weights of the size that they declare, those of other files read in. Left out are what
//! operators mean, shape inference, and operators, attributes and types of which nobody here asks:
//! they are kept as they are.
//!
//! [`proto`] holds the messages, generated from `onnx.proto`. What the rest of the crate needs of
//! them is added here as inherent methods: typed attributes with their ONNX defaults
//! ([`proto::NodeProto::int`] and its siblings), tensors as values
//! ([`proto::TensorProto::floats`]), an index of producers and consumers ([`Graph`]) and a text
//! form with one line per node ([`text()`]).

mod atomic;
mod attributes;
mod check;
mod error;
mod external;
mod file;
mod graph;
#[allow(missing_docs, missing_debug_implementations, unreachable_pub, clippy::pedantic)]
#[rustfmt::skip]
pub mod proto;
mod tensor;
mod text;

pub use check::check;
pub use error::OnnxError;
pub use file::{decode, encode, files, load, save};
pub use graph::Graph;
pub use text::{declared, sides, text};
