//! Scores: turns predictions and ground truth into metrics with intervals. Needs neither pictures
//! nor models, so that boxes, maps and masks from any source can be scored.
//!
//! | profile | scores | type |
//! | --- | --- | --- |
//! | `devkit`, `kaggle`, `cub`, `voc`, `coco`, `boxes` | boxes and classes | [`BoxScores`] |
//! | `wsoleval` | score maps: MaxBoxAcc, PxAP | [`MaxBoxAcc`], [`PxAp`] |
//! | `pointing`, `ebpg` | score maps: pointing games | [`PointingScores`], [`EnergyScores`] |
//! | `masks` | masks | [`MaskScores`] |
//!
//! Boxes are scored by the rule of the ILSVRC devkit (`eval_clsloc.m`) in every profile. A guess is
//! correct if its class is the photo's and its box has an IoU of at least 1/2 with *any* true box.
//! Blacklisted photos are left out of localisation, but not of classification. A photo that failed
//! is wrong in every metric. The IoU of half-open boxes equals the devkit's IoU of inclusive boxes
//! and COCO's of continuous ones. The profiles differ only in how boxes are written in files, and
//! their readers convert.
//!
//! The input is [`Predicted`], maps or masks, and [`Photo`](crate::dataset::Photo). The output is
//! metrics, each with a 95 % interval where one is defined ([`Rate`]), and what constant boxes,
//! maps and masks score on the same photos. The average precision of object detection is not
//! computed: a photo has one class here, and boxes are not ranked across photos. The [front
//! page](crate) has an example.

mod best_ious;
mod boxes;
mod catalogue;
mod cause;
mod constants;
mod contours;
mod corloc;
mod floors;
mod groups;
mod guess;
mod interval;
mod map_frame;
mod maps;
mod masks;
mod max_box_acc;
mod metrics;
mod outcome;
mod paired;
mod pointing;
mod pxap;
#[cfg(test)]
mod samples;
mod steps;

pub use best_ious::{BestIous, BoxHits, best_ious};
pub use boxes::{BoxScores, ErrorRates, WeightedScores};
pub use catalogue::{BoxMetric, FloorValue, METRICS, Metric};
pub use cause::Cause;
pub use constants::IOU_THRESHOLD;
pub(crate) use constants::MAX_GUESSES;
pub use contours::{Contours, contours};
pub use floors::{Floor, Floors, floors};
pub use groups::{GroupScores, size_group, size_names};
pub use guess::{Guess, Label, Predicted};
pub use interval::{Rate, mean, rate};
pub use map_frame::{MAP_SIZE, grey_levels, to_map_frame};
pub use maps::{ConstantBoxScores, MapBoxScores, MapOutcome, MapScores, TrueMasks};
pub use masks::{MaskOutcome, MaskScores};
pub use max_box_acc::{AccuracyAtIou, MaxBoxAcc};
pub use metrics::Metrics;
pub use outcome::Outcome;
pub use paired::{Paired, PairedHit};
pub use pointing::{EnergyInside, EnergyScores, PointingOutcome, PointingScores};
pub use pxap::{Histogram, PxAp};
pub use steps::Steps;
