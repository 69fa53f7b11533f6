//! One photo, from its pixels to a box for each class.
//!
//! ```text
//! pixels ─► View (crops) ─► Observation (scores, gradients) ─► saliency ─► box rule ─► PhotoResult
//! ```
//!
//! In: a [`Localiser`], which is a classifier and a pipeline on one thread, and a photo. Out: a
//! [`PhotoResult`], or a [`PhotoError`] that says why there is none. `run`, `study` and `show`
//! share this module; it knows nothing about folders or the journal, and of a dataset only one
//! photo's ground truth.

mod failure;
mod hiding;
mod locate;
mod observation;
mod options;
mod photo;

pub(crate) use failure::catch_panic;
pub use failure::{FailureKind, PhotoError};
pub use locate::{ClassResult, Localiser, PhotoResult, locate_class};
pub use observation::{Observation, Question};
pub(crate) use options::gradients;
pub use options::{Classes, method_name, probe_options};
pub(crate) use photo::{ensure_annotated_size, read_photo};
