//! Writes the backward half: a method for each operator that the rules use.

mod base;
mod elementwise;
mod shape;
mod value;

pub(crate) use base::{Builder, Product};
pub(crate) use value::{AxisPadding, Value, broadcast, gradient_shape, to_i64};
