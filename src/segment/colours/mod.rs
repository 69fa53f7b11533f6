//! Colour models: mixtures of Gaussians over RGB, and how they are learnt.
//!
//! In: colours. Out: a [`Gmm`], which gives the logarithm of a colour's density. The seeds decide
//! which colours these are, and the form of the energy decides their range.

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
pub use gmm::{Gaussian, Gmm};
pub use kmeans::k_means_mixture;
pub use samples::Samples;
pub use splitting::binary_splitting;
