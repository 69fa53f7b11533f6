//! Colour models: mixtures of Gaussians over RGB, and how they are learnt.

pub(in crate::segment) mod density;
pub(in crate::segment) mod em;
mod fit;
mod gmm;
pub(in crate::segment) mod kmeans;
mod moments;
mod samples;
mod splitting;

pub use em::expectation_maximisation;
pub use fit::{ColourFit, ColourOptions, fit};
pub use gmm::{Component, Gmm};
pub use kmeans::start;
pub use samples::Samples;
pub use splitting::binary_splitting;
