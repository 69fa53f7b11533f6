//! Scores: predictions and truth to numbers with intervals. No pictures and no models, so that
//! anyone's boxes, maps and masks can be scored.
//!
//! | profile | of | file |
//! | --- | --- | --- |
//! | `devkit`, `kaggle`, `cub`, `voc`, `coco` | boxes and classes | [`BoxScores`] |
//! | `wsoleval` | score maps: MaxBoxAcc, PxAP | [`MaxBoxAcc`], [`PxAp`] |
//! | `pointing`, `ebpg` | score maps: pointing games | [`Pointing`], [`EnergyShare`] |
//! | `masks` | masks | [`MaskScores`] |
//!
//! For boxes the rule is the ILSVRC devkit's (`eval_clsloc.m`) whatever the profile: a guess is
//! right when its class is the photo's and its box has an IoU of at least 1/2 with *any* true box;
//! blacklisted photos are left out of localisation and kept in classification; a photo that failed
//! is wrong in everything. Plain IoU of half-open boxes is the devkit's IoU of inclusive ones and
//! COCO's of continuous ones; the profiles differ in what their files mean, which readers know.
//!
//! In: [`Predicted`], maps or masks, and [`Photo`](crate::dataset::Photo). Out: numbers, each with
//! its interval where it has one ([`Rate`]), and what constant boxes, maps and masks score on the
//! same photos. Left out are the average precisions of detection: a photo has one class here, and a
//! box no place among those of other photos. The [front page](crate) has an example.

mod boxes;
mod catalogue;
mod cause;
mod contours;
mod floors;
mod groups;
mod guess;
mod interval;
mod maps;
mod masks;
mod max_box_acc;
mod metrics;
mod paired;
mod pointing;
mod pxap;

pub use boxes::{BoxScores, Errors, Weighted};
pub use catalogue::{METRICS, Metric};
pub use cause::Cause;
pub use contours::{Contours, contours};
pub use floors::{Floor, Floors, floors};
pub use groups::{Group, size_group, size_names};
pub use guess::{Guess, Label, Outcome, Predicted};
pub use interval::{Rate, mean, rate};
pub use maps::{MapBoxScores, ConstantMap, MapOutcome, MapScores};
pub use masks::{MaskScores, Overlap};
pub use max_box_acc::{AtIou, BoxHits, MAP_SIZE, MaxBoxAcc, Reach, Steps, in_map, levels, reaches};
pub use metrics::Metrics;
pub use paired::Paired;
pub use pointing::{EnergyShare, Pointed, Pointing};
pub use pxap::{Histogram, PxAp};

/// The least IoU of a right box.
pub const IOU_THRESHOLD: f64 = 0.5;

/// How many guesses count.
const GUESSES: usize = 5;

/// The side of the centred box of half the photo's area, as a share of the photo's.
const HALF_AREA: f64 = std::f64::consts::FRAC_1_SQRT_2;
