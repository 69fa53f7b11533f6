//! Scores: rows and truth to numbers with intervals. No images and no models, so that anyone's boxes can be scored.
//!
//! The profile is the ILSVRC devkit's (`eval_clsloc.m`): a guess is right when its class is the photo's and its box has
//! an IoU of at least 1/2 with *any* true box; blacklisted photos are left out of localisation and kept in
//! classification; a photo that failed is wrong in everything.

mod interval;
mod metrics;

pub use interval::{Rate, rate};
pub use metrics::{Floors, Metrics, Outcome, floors, metrics};

/// The least IoU of a right box.
pub const LEAST_IOU: f64 = 0.5;

/// The name of the profile; it stands on every summary.
pub const PROFILE: &str = "devkit";
