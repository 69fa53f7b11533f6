//! Finds objects with an image classifier that was never shown a box.
//!
//! A classifier says what is in a photo, not where it is. In 2013, Simonyan, Vedaldi and Zisserman
//! showed how to ask it where ("Deep Inside Convolutional Networks"): the gradient of a class score
//! with respect to the photo is large where the classifier looks. The most and the least salient
//! pixels seed two colour models, an exact minimum cut labels every pixel, and the largest
//! connected component gives the box.
//!
//! ```text
//! photo ─► classifier ─► gradient ─► saliency ─► seeds ─► colour models ─► cut ─► component ─► box ─► score
//! ```
//!
//! The program `localise` takes whole datasets through this pipeline; its README is the guide. This is
//! the library behind it: every step is a function that can be used by itself. Networks are plain ONNX
//! files, run by the stock ONNX Runtime, because the backward pass is compiled into the file.
//!
//! # The pipeline, call by call
//!
//! | step | call | result |
//! | --- | --- | --- |
//! | photo | [`dataset::read`] | an `RgbImage`, decoded strictly |
//! | what the classifier is shown | [`View::new`] | the crops, and the frame in which the object is cut out |
//! | classifier, gradient | [`Worker::gradients`] | scores, and d score / d pixel for any classes |
//! | saliency | [`saliency::combine`] | one [`Saliency`] map over the frame |
//! | seeds | [`segment::seeds()`] | foreground, background or undecided, for every pixel |
//! | colour models | [`segment::fit`] | a Gaussian mixture for each side |
//! | cut | [`Energy::minimise`] | a mask, computed by the crate `grid-maxflow` |
//! | component, box | [`segment::largest`], [`segment::bounding_box`] | a [`BBox`], in pixels of the photo |
//! | score | [`Outcome::new`], [`Metrics::new`] | the field's metrics, with intervals |
//!
//! [`segment::cut`] goes from the seeds to the box, [`Localiser::locate`] from the photo to the box,
//! and [`run::run`] takes a whole dataset through the pipeline and can be interrupted and resumed at
//! any time.
//!
//! # The types to know
//!
//! * [`BBox`] is the only box type: half-open, 0-based, in pixels of the stored photo. Readers and
//!   writers convert.
//! * [`Pipeline`] is an experiment, a TOML file; each of its tables holds the options of one stage.
//! * [`Classifier`] is a model, loaded and compiled once; each thread takes a [`Worker`] of it.
//! * [`Saliency`] is a map [height, width] of non-negative numbers, together with the window of the
//!   frame in which it is known.
//! * [`Localisation`] is a box, and a [`Flag`] if it is the answer to a degenerate case.
//! * [`Dataset`] is a list of photos with their ground truth, [`Predictions`] are the classes and
//!   boxes predicted for them, and [`Outcome`] compares the two for one photo.
//! * [`Rate`] is a metric with its 95 % interval.
//!
//! Pictures are `image::RgbImage`; arrays are `ndarray`'s, [height, width] or [channels, height,
//! width]. A size is a [`Size`], with named sides.
//!
//! # The modules
//!
//! | module | purpose | needs ONNX Runtime |
//! | --- | --- | --- |
//! | [`dataset`] | photos and ground truth, in nine layouts | |
//! | [`prediction`] | boxes, maps and masks from any source, in the field's formats | |
//! | [`score`] | predictions and ground truth to numbers | |
//! | [`classifier`] | running models: sessions, preprocessing, scores and gradients | yes |
//! | [`saliency`] | crops, and the methods that make a map of what the network says | |
//! | [`segment`] | from a map to a box: seeds, colour models, energy, cut, component; thresholds | |
//! | [`localiser`] | one photo through a pipeline | yes |
//! | [`run`] | a dataset through a pipeline, as a job: journal, shards, resume, merge | yes |
//! | [`results`] | what a finished run says | |
//! | [`report`] | results as text, pictures and HTML | for pictures |
//! | [`study`] | many pipelines over a dataset, in one table | yes |
//! | [`doctor`] | what is wrong with a library, a dataset or a model, before a long run | for models |
//! | [`class_model`] | pictures that maximise a class score | yes |
//! | [`geometry`], [`classes`], [`pipeline`], [`stage`] | boxes and sizes; class lists; pipelines; stages | |
//! | [`progress`], [`remedy`] | progress that a caller can display; remedies that errors carry | |
//! | `cli`, with the feature `cli` | the program | by subcommand |
//!
//! Two crates of the same workspace can be used without this one: `onnx-grad` reads ONNX files and
//! compiles gradients into them, and `grid-maxflow` computes exact minimum cuts on pixel grids.
//!
//! # The gradient of one photo
//!
//! The network is a test model of this repository: eight classes, pictures of 24 x 24. For a model
//! that has a description, the first statement is just
//! `classifier::describe("squeezenet1.1".as_ref())?`.
//!
//! ```
//! use localise::classes::ClassList;
//! use localise::classifier::{self, Classifier, ModelDescription, ProbeOptions, pixels};
//! use localise::dataset::{self, Jpeg};
//! use localise::geometry::Size;
//! use localise::saliency::{Filter, resize, saliency};
//!
//! // How the network expects its pictures: like another network, with these exceptions.
//! let description = ModelDescription {
//!     model: "crates/onnx-grad/tests/golden/gradients/residual/model.onnx".into(),
//!     classes: ClassList::numbered(8),
//!     size: Size::square(24),
//!     canvas: 24,
//!     range: 1.0,
//!     mean: [0.5; 3],
//!     std: [0.25; 3],
//!     ..classifier::describe("squeezenet1.1".as_ref())?
//! };
//! let classifier = Classifier::load(description, ProbeOptions::default())?;
//! let mut worker = classifier.worker();
//!
//! let photo = dataset::read("data/sample/images/coffee.jpg".as_ref(), Jpeg::Strict)?;
//! let image = pixels(&resize(&photo, Size::square(24), Filter::Bilinear)?); // [3, 24, 24], 0..=255
//! let answer = worker.gradients(image.view(), &[5])?;
//! let gradient = &answer.gradients[0][0]; // of class 5, with respect to the pixels: [3, 24, 24]
//! let map = saliency(gradient.view()); // the largest magnitude over the colours: [24, 24]
//! assert_eq!(map.dim(), (24, 24));
//!
//! // It is the gradient: a step along it raises the score.
//! let uphill = &image + &(gradient * 1000.0);
//! assert!(worker.forward(uphill.view())?[5] > answer.scores[5]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A box from your own map
//!
//! [`segment`] takes any saliency map and needs no network. The options here are those of the paper.
//!
//! ```
//! use image::{Rgb, RgbImage};
//! use localise::geometry::{BBox, Size};
//! use localise::pipeline::{BoxRule, Pipeline};
//! use localise::saliency::Saliency;
//! use localise::segment::{Energy, Subject, cut};
//! use ndarray::Array2;
//!
//! // A red rectangle on blue. The map is brightest in its middle and does not show its edges.
//! let frame = RgbImage::from_fn(40, 30, |x, y| match (x, y) {
//!     (12..28, 8..22) => Rgb([200, 40, 30]),
//!     _ => Rgb([30, 60, 200]),
//! });
//! let near = |x: f32, y: f32| 1.0 / (1.0 + (x - 20.0).powi(2) + (y - 15.0).powi(2));
//! let map = Array2::from_shape_fn((30, 40), |(y, x)| near(x as f32, y as f32));
//! let saliency = Saliency::whole(map);
//!
//! let paper = Pipeline::load("paper2013".as_ref(), &[])?;
//! let BoxRule::Cut(options, learnt) = paper.box_rule() else { unreachable!("the paper cuts") };
//! let mut energy = Energy::new(options);
//! energy.set_photo(&frame);
//! // The frame is a 400 x 300 photo, reduced to a tenth of its size.
//! let subject = Subject { frame: &frame, photo: Size::new(400, 300), evidence: None, rng_seed: 0 };
//! let (localisation, stages) = cut(&mut energy, &subject, &saliency, learnt, &mut |_| {});
//!
//! assert_eq!(localisation.bbox, BBox::new(120., 80., 280., 220.));
//! assert_eq!(localisation.flag, None);
//! assert_eq!(stages.mask.unwrap().iter().filter(|&&inside| inside).count(), 16 * 14);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Scoring your own boxes
//!
//! Scoring needs neither pictures nor a model. [`Dataset::open`] and [`Predictions::read`] read both
//! sides from files; here they are made by hand.
//!
//! ```
//! use localise::dataset::Photo;
//! use localise::geometry::{BBox, Size};
//! use localise::score::{Guess, Label, Metrics, Outcome, Predicted, floors};
//!
//! let photo = |class, truth| Photo {
//!     size: Some(Size::new(100, 100)),
//!     class: Some(class),
//!     boxes: vec![truth],
//!     ..Photo::default()
//! };
//! let photos = [
//!     photo(0, BBox::new(0., 0., 40., 40.)),
//!     photo(1, BBox::new(50., 50., 100., 100.)),
//!     photo(1, BBox::new(10., 10., 90., 90.)),
//! ];
//! // A box for the true class, whichever it is. With `Label::Class` and a rank, the class is guessed too.
//! let predicted = |bbox| Predicted {
//!     guesses: vec![Guess { label: Label::Truth, rank: None, bbox: Some(bbox), confidence: None }],
//!     failed: false,
//! };
//! let boxes = [BBox::new(0., 0., 40., 30.), BBox::new(0., 50., 100., 100.), BBox::new(0., 0., 20., 20.)];
//! let outcomes: Vec<_> =
//!     photos.iter().zip(boxes).map(|(photo, bbox)| Outcome::new(photo, &predicted(bbox))).collect();
//! // The first box covers 30 of the object's 40 rows; the second is twice the object, so its IoU
//! // is exactly 1/2; the third overlaps a corner only.
//! assert_eq!(outcomes.iter().map(|o| o.iou.unwrap()).collect::<Vec<_>>(), [0.75, 0.5, 100.0 / 6700.0]);
//!
//! let metrics = Metrics::new(&outcomes, false, |_| 1.0);
//! let accuracy = metrics.gt_known_accuracy.unwrap();
//! assert_eq!(accuracy.value, 2.0 / 3.0);
//! // Three photos say little: the interval is wide.
//! assert!((accuracy.low - 0.2077).abs() < 1e-4 && (accuracy.high - 0.9385).abs() < 1e-4);
//! assert_eq!(metrics.corloc.unwrap().value, 0.75); // the mean over classes, of 1/1 and 1/2
//! // A centred box is right in the last photo only, whose object is large and in the middle.
//! assert_eq!(floors(&photos, |_| 1.0).centre_half_area_rounded.gt_known_accuracy.unwrap().value, 1.0 / 3.0);
//! ```
//!
//! # What costs what
//!
//! The network, nearly always. CPU milliseconds of one thread in a release build (`docs/results.md`
//! has the tables):
//!
//! | | SqueezeNet 1.1 | BVLC GoogLeNet |
//! | --- | ---: | ---: |
//! | one view and one class: forward and backward pass | 28 | 102 |
//! | one view and six classes, which share one forward pass | 71 | 278 |
//! | ten crops and one class | 266 | 975 |
//! | from a map to a box, of which the cut takes half or more | 8 to 21 | 8 to 18 |
//! | decoding, resizing and crops | 1 to 2 | 1 to 2 |
//!
//! A model is compiled when it is loaded, which takes less than a second. Each session runs on one
//! thread; photos are processed in parallel. [`Energy`] keeps its memory from cut to cut, and a
//! [`Worker`] its sessions: create one for each thread and keep it. Scoring 50,000 photos with five
//! boxes each takes 0.3 s, bootstraps included.
//!
//! # Errors
//!
//! Modules whose callers can react to an error have error types, such as [`ClassifierError`] and
//! [`DatasetError`]. Small readers return a text (`Result<_, String>`) to which their caller adds file
//! and line. [`run`], [`results`] and [`study`] return `anyhow::Error`, in which the outcomes that
//! a script must distinguish have their own types: [`run::Stopped`], [`run::Incomplete`],
//! [`run::OutputError`]. Where a caller can fix the problem by asking for something else, the error
//! is a [`remedy::Refused`]. A photo that fails is a row of a run's results, counted as wrong, and
//! not an error. The stages of [`segment`] do not fail. A panic is a bug, unless `# Panics` names a
//! mistake of the caller.
//!
//! # ONNX Runtime, features, files
//!
//! ONNX Runtime 1.17 or newer is loaded with the first model; a process loads it once. With the default
//! feature `load-dynamic`, the library is searched for at [`Settings::library`], `ORT_DYLIB_PATH`, in
//! `.onnxruntime/`, beside the executable, and where the system looks. With `bundled` in place of
//! `load-dynamic` it is linked into the program, as built by the authors of `ort`. `cuda`, `tensorrt`,
//! `coreml` and `openvino` each add an accelerator to [`Provider`], for a library that supports it.
//! None of them has been tried on hardware. The default feature `cli` adds the program; without it, the
//! library does not use the terminal.
//!
//! Pipelines, descriptions, class lists and the sample are embedded in the binary. A file of the same
//! name wins over the embedded one if it is in `pipelines/` or `data/` of the folder that
//! `LOCALISE_HOME` names; otherwise of the nearest folder that has both, at or above the working
//! directory, then the executable, then the working copy that the program was built from.
//!
//! # Stability
//!
//! Versions are 0.x: a new minor version may change any interface, and so may one of the crates whose
//! types are in signatures (`image`, `ndarray`, `nalgebra`). `ort`, a release candidate, is in none. The
//! files that a run writes name their schema. The same photos, pipeline, model and seed give
//! byte-for-byte identical results, whatever the number of threads and shards, on one kind of
//! processor.
//!
//! # What it is not for
//!
//! Training, and gradients with respect to weights. Several objects of one class in a photo: each
//! class gets one box. Objects that the classifier does not know, or recognises by their
//! surroundings. If you can draw a few hundred boxes, a detector trained on them will be better.
//! Constant boxes are a strong baseline, so their score is printed beside every result.
//!
//! [`BBox`]: geometry::BBox
//! [`Classifier`]: classifier::Classifier
//! [`ClassifierError`]: classifier::ClassifierError
//! [`Dataset::open`]: dataset::Dataset::open
//! [`Dataset`]: dataset::Dataset
//! [`DatasetError`]: dataset::DatasetError
//! [`Energy::minimise`]: segment::Energy::minimise
//! [`Energy`]: segment::Energy
//! [`Flag`]: segment::Flag
//! [`Localisation`]: segment::Localisation
//! [`Localiser::locate`]: localiser::Localiser::locate
//! [`Metrics::new`]: score::Metrics::new
//! [`Outcome::new`]: score::Outcome::new
//! [`Outcome`]: score::Outcome
//! [`Pipeline`]: pipeline::Pipeline
//! [`Predictions::read`]: prediction::Predictions::read
//! [`Predictions`]: prediction::Predictions
//! [`Provider`]: classifier::Provider
//! [`Rate`]: score::Rate
//! [`Saliency`]: saliency::Saliency
//! [`Settings::library`]: classifier::Settings::library
//! [`Size`]: geometry::Size
//! [`View::new`]: saliency::View::new
//! [`Worker::gradients`]: classifier::Worker::gradients
//! [`Worker`]: classifier::Worker

mod assets;
pub mod class_model;
pub mod classes;
pub mod classifier;
#[cfg(feature = "cli")]
pub mod cli;
pub mod dataset;
mod digest;
pub mod doctor;
mod fs;
pub mod geometry;
pub mod head;
pub mod learn;
mod listing;
pub mod localiser;
mod path_text;
pub mod pipeline;
pub mod prediction;
pub mod progress;
mod random;
pub mod remedy;
pub mod report;
pub mod results;
pub mod run;
pub mod saliency;
pub mod score;
pub mod segment;
pub mod stage;
mod storage;
pub mod study;
