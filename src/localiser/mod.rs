//! One photo, from its pixels to a box for each class.
//!
//! ```text
//! pixels ─► View (crops) ─► Observation (scores, gradients) ─► saliency ─► box rule ─► PhotoResult
//! ```
//!
//! In: a [`Localiser`], which is a pipeline and its classifiers on one thread, and a photo. Out: a
//! [`PhotoResult`], or a [`PhotoError`] that says why there is none. `run`, `study` and `show`
//! share this module; it knows nothing about folders or the journal, and of a dataset only one
//! photo's ground truth.

mod failure;
mod hiding;
mod joint;
mod locate;
mod member;
mod observation;
mod options;
mod photo;

pub(crate) use failure::catch_panic;
pub use failure::{FailureKind, PhotoError};
pub use locate::{ClassResult, Localiser, PhotoResult, locate_class};
pub(crate) use member::member_models;
pub use member::{Member, tuned_on};
pub use observation::{Observation, Question};
pub use options::{Classes, method_name, probe_options};
pub(crate) use options::{find_head, gradients};
pub(crate) use photo::{ensure_annotated_size, read_photo};
