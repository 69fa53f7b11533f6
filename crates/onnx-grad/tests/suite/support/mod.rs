//! What the tests share.

pub(crate) mod changed;
pub(crate) mod models;
pub(crate) mod notation;
pub(crate) mod runtime;
