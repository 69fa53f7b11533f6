//! Learning a foreground head from photos alone: no box is looked at.
//!
//! ```text
//! photos ─► maps and activations ─► cuts ─► heads of two halves ─► cuts by the other half's head ─► head
//! ```
//!
//! The labels are the masks that a pipeline cuts out. The maps differ from photo to photo in what
//! they miss, and one linear function of the activations cannot repeat these accidents: what it
//! learns is what the masks have in common. In a second round the photos of each half are cut with
//! the head of the other half, so that no photo confirms its own mask. [`learn()`] is the whole;
//! [`crate::head`] is what results.

mod cuts;
mod features;
mod fit;
mod options;
mod photo;
mod rounds;
mod separation;
mod whitening;
mod work;

pub use fit::{FitOptions, Samples, fit};
pub use options::LearnOptions;
pub use rounds::{Learned, LearnedPhoto, learn};
pub use separation::Separation;
