//! Finds objects with an image classifier that was never shown a box.
//!
//! Simonyan, Vedaldi and Zisserman 2013, "Deep Inside Convolutional Networks": the gradient of a class score with respect
//! to a photo tells where the classifier looks. The most and the least salient pixels seed two colour models, an exact
//! minimum cut labels every pixel, and the largest connected component gives the box.
//!
//! ```text
//! photo ─► classifier ─► gradient ─► saliency ─► seeds ─► colour models ─► cut ─► component ─► box ─► score
//! ```
//!
//! The program is [`cli`]; a run over a dataset is [`run::run`]; one photo's way through the line above is
//! [`run::Localiser::locate`]. Three things are hard, and each has a room that knows nothing of the others:
//! [`gradient`] writes the backward pass into an ONNX graph, [`maxflow`] finds the exact cut, [`run`] takes fifty thousand
//! photos. Around them [`onnx`] holds model files as data, [`classifier`] runs them, [`saliency`] and [`segment`] are the
//! stages, [`dataset`] reads photos and truth, [`prediction`] reads what anyone says of them, [`score`] knows the field's
//! metrics, [`report`] shows results, and [`doctor`] looks for what is wrong before a long run. [`study`] compares many pipelines in
//! one table, and [`class_model`] makes the pictures that a class's score likes best.
//!
//! Anyone's boxes are scored without a model:
//!
//! ```no_run
//! use localise::dataset::{Dataset, Request};
//! use localise::prediction::{Format, Predictions};
//! use localise::report::{Summary, table};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let dataset = Dataset::open(&Request { dataset: Some("sample".as_ref()), ..Request::default() })?;
//! let boxes = Predictions::read("boxes.csv".as_ref(), Format::Rows, &dataset)?;
//! println!("{}", table(&Summary::of_boxes(&dataset, &boxes)));
//! # Ok(())
//! # }
//! ```
//!
//! The gradient compiler by itself:
//!
//! ```no_run
//! use localise::{classifier, gradient, onnx};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let model = onnx::load("squeezenet1.1.onnx".as_ref())?;
//! let compiled = gradient::compile(&model, &gradient::Options::default(), &classifier::runtime())?;
//! onnx::save(compiled.model, "squeezenet1.1-gradient.onnx".as_ref())?;
//! # Ok(())
//! # }
//! ```
//!
//! What the program is not for: training, boxes of several objects in one photo, and anything that needs more than a
//! classifier's knowledge. Boxes are half-open and in pixels of the stored photo everywhere inside ([`geometry`]).

pub mod class_model;
pub mod classes;
pub mod classifier;
pub mod cli;
pub mod config;
pub mod dataset;
mod digest;
pub mod doctor;
pub mod geometry;
pub mod gradient;
pub mod maxflow;
pub mod onnx;
pub mod prediction;
mod random;
pub mod report;
pub mod run;
pub mod saliency;
pub mod score;
pub mod segment;
pub mod study;
