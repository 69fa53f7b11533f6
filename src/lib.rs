//! Finds objects with an image classifier that was never shown a box.
//!
//! A classifier says what is in a photo, not where. Simonyan, Vedaldi and Zisserman asked it all
//! the same in 2013 ("Deep Inside Convolutional Networks"): the gradient of a class score with
//! respect to the photo is large where the classifier looks. The most and the least salient pixels
//! seed two colour models, an exact minimum cut labels every pixel, and the largest connected
//! component gives the box.
//!
//! ```text
//! photo ─► classifier ─► gradient ─► saliency ─► seeds ─► colour models ─► cut ─► component ─► box ─► score
//! ```
//!
//! The program `localise` takes whole datasets through that line; the README is its guide. This is
//! the library behind it: every arrow is a function that can be used by itself. Networks are plain
//! ONNX files on stock ONNX Runtime, since the backward pass is written into the file.
//!
//! # The line, call by call
//!
//! | step | call | what comes out |
//! | --- | --- | --- |
//! | photo | [`dataset::read`] | an `RgbImage`, decoded strictly |
//! | what is shown | [`View::of`] | the frame in which the object is cut out, and the crops |
//! | classifier, gradient | [`Worker::gradients`] | scores, and d score / d pixel for any classes |
//! | saliency | [`saliency::combine`] | one [`Saliency`] over the frame |
//! | seeds | [`segment::seeds()`] | object, background or undecided, for every pixel |
//! | colour models | [`segment::fit`] | a mixture of Gaussians for each side |
//! | cut | [`Energy::minimise`] | a mask, by way of [`maxflow`] |
//! | component, box | [`segment::largest`], [`segment::bounding_box`] | a [`BBox`], in pixels of the photo |
//! | score | [`Outcome::of`], [`Metrics::of`] | the field's numbers, with intervals |
//!
//! [`segment::cut`] is the line from the seeds to the box, [`Localiser::locate`] all of it for one
//! photo, and [`run::run`] all of it for a dataset: stopped and gone on with as often as you like.
//!
//! # The types to know
//!
//! * [`BBox`] is the one box: half-open, in pixels of the stored photo, 0-based. Readers and
//!   writers convert.
//! * [`Pipeline`] is an experiment, a TOML of `pipelines/`; each of its tables is the options of
//!   one stage.
//! * [`Classifier`] is a model, loaded and compiled once; each thread takes a [`Worker`] of it.
//!   [`GradientModel`] is what the compiler alone makes.
//! * [`Saliency`] is a map [height, width] of numbers from 0 on, and the window in which it counts.
//! * [`Localisation`] is a box, and a [`Flag`] where it is the answer to a degenerate case.
//! * [`Dataset`] is photos with their truth, [`Predictions`] what somebody says of them, and
//!   [`Outcome`] the one against the other for one photo.
//! * [`Rate`] is a number of the score with its 95 % interval.
//!
//! Pictures are `image::RgbImage`, arrays are `ndarray`'s: [height, width], or [channels, height,
//! width]. A size of two numbers is width and height, where nothing else is said.
//!
//! # The rooms
//!
//! | room | for | ONNX Runtime |
//! | --- | --- | --- |
//! | [`onnx`] | model files as data: load, look up, write | |
//! | [`gradient`] | the compiler: a model in, a model out that also returns its gradient | to compile |
//! | [`classifier`] | running models: sessions, preprocessing, scores and gradients | yes |
//! | [`saliency`] | crops, and thirteen methods from gradients to a map | |
//! | [`segment`] | from a map to a box: seeds, colour models, energy, cut, component; thresholds | |
//! | [`maxflow`] | exact minimum cuts on pixel grids | |
//! | [`dataset`] | photos and truth, in eight layouts | |
//! | [`prediction`] | anyone's boxes, maps and masks, in the field's formats | |
//! | [`score`] | predictions and truth to numbers | |
//! | [`report`] | results to text and pictures | |
//! | [`run`] | a dataset through a pipeline: journal, shards, resume, merge | yes |
//! | [`study`] | many pipelines over a dataset, in one table | yes |
//! | [`doctor`] | what is wrong with a library, a dataset or a model, before a long run | for models |
//! | [`class_model`] | pictures that a class's score likes best | yes |
//! | [`geometry`], [`classes`], [`config`] | boxes; class lists; pipelines | |
//! | [`cli`] | the program | by verb |
//!
//! Arrows go one way, and `onnx`, `gradient`, `maxflow`, `segment` and `score` know no threads and
//! no progress bars.
//!
//! # The gradient of one photo
//!
//! The network is one of this crate's tests: eight classes, pictures of 24 x 24. For a model that
//! has a description, the first statement is `classifier::describe("squeezenet1.1".as_ref())?` and
//! no more.
//!
//! ```
//! use localise::classes::ClassList;
//! use localise::classifier::{self, Classifier, ModelDescription, ProbeOptions, pixels};
//! use localise::dataset::{self, Jpeg};
//! use localise::saliency::{Filter, resize, saliency};
//!
//! // How the network wants its pictures: as another does, but for these.
//! let description = ModelDescription {
//!     model: "tests/golden/gradients/residual/model.onnx".into(),
//!     classes: ClassList::numbered(8),
//!     size: 24,
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
//! let image = pixels(&resize(&photo, 24, 24, Filter::Bilinear)?); // [3, 24, 24], 0..=255
//! let answer = worker.gradients(image.view(), &[5])?;
//! let gradient = &answer.gradients[0][0]; // of class 5, with respect to the pixels: [3, 24, 24]
//! let map = saliency(gradient.view()); // the largest of each pixel's three, without sign: [24, 24]
//! assert_eq!(map.dim(), (24, 24));
//!
//! // It is the gradient: a step along it raises the score.
//! let uphill = &image + &(gradient * 1000.0);
//! assert!(worker.forward(uphill.view())?[5] > answer.scores[5]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Whoever wants the model and not the numbers takes [`gradient::compile`] and [`onnx::save`]: any
//! ONNX Runtime then gives the gradient, in Python, C++ or a browser.
//!
//! # A box from your own map
//!
//! Any map will do: [`segment`] asks no network. The options are those of the paper.
//!
//! ```
//! use image::{Rgb, RgbImage};
//! use localise::pipeline::{BoxRule, Pipeline};
//! use localise::geometry::BBox;
//! use localise::saliency::Saliency;
//! use localise::segment::{Energy, cut};
//! use ndarray::Array2;
//!
//! // A red square on blue. The map is brightest in its middle and knows nothing of its edges.
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
//! // The frame is a photo of 400 x 300, made ten times smaller. 0 is the seed of the colour models.
//! let (localisation, stages) = cut(&mut energy, &frame, [400, 300], &saliency, learnt, 0, &mut |_| {});
//!
//! assert_eq!(localisation.bbox, BBox::new(120., 80., 280., 220.));
//! assert_eq!(localisation.flag, None);
//! assert_eq!(stages.mask.unwrap().iter().filter(|&&inside| inside).count(), 16 * 14);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Scoring your own boxes
//!
//! No picture and no model is needed. [`Dataset::open`] and [`Predictions::read`] take both sides
//! from files; here they are made by hand.
//!
//! ```
//! use localise::dataset::Photo;
//! use localise::geometry::BBox;
//! use localise::score::{Guess, Label, Metrics, Outcome, Predicted, floors};
//!
//! let photo = |class, truth| Photo {
//!     size: Some([100, 100]),
//!     class: Some(class),
//!     boxes: vec![truth],
//!     ..Photo::default()
//! };
//! let photos = [
//!     photo(0, BBox::new(0., 0., 40., 40.)),
//!     photo(1, BBox::new(50., 50., 100., 100.)),
//!     photo(1, BBox::new(10., 10., 90., 90.)),
//! ];
//! // A box for the true class, whichever it is. `Label::Class` and a rank make a guess of the class as well.
//! let said = |bbox| Predicted {
//!     guesses: vec![Guess { label: Label::Truth, rank: None, bbox: Some(bbox), confidence: None }],
//!     failed: false,
//! };
//! let boxes = [BBox::new(0., 0., 40., 30.), BBox::new(0., 50., 100., 100.), BBox::new(0., 0., 20., 20.)];
//! let outcomes: Vec<_> = photos.iter().zip(boxes).map(|(photo, bbox)| Outcome::of(photo, &said(bbox))).collect();
//! // 30 rows of 40; twice the object, which is just enough; a corner.
//! assert_eq!(outcomes.iter().map(|o| o.iou.unwrap()).collect::<Vec<_>>(), [0.75, 0.5, 100.0 / 6700.0]);
//!
//! let metrics = Metrics::of(&outcomes, false, |_| 1.0);
//! let accuracy = metrics.gt_known_accuracy.unwrap();
//! assert_eq!(accuracy.value, 2.0 / 3.0);
//! assert!((accuracy.low - 0.2077).abs() < 1e-4 && (accuracy.high - 0.9385).abs() < 1e-4); // three photos say little
//! assert_eq!(metrics.corloc.unwrap().value, 0.75); // the mean over classes, of 1/1 and 1/2
//! // A centred box, which does not look, is right in the last photo alone: its object is large and in the middle.
//! assert_eq!(floors(&photos, |_| 1.0).centre_half_area_rounded.gt_known_accuracy.unwrap().value, 1.0 / 3.0);
//! ```
//!
//! # Cutting a grid
//!
//! [`maxflow`] knows integers and pixels, and nothing of pictures. Here water flows from the left
//! to the right:
//!
//! ```text
//! ══9══► ● ──5── ● ──2── ● ══7══►        ══ what a pixel pays for the label of the other side
//!        │1      │1      │1              ── what two neighbours pay for different labels
//! ══9══► ● ──4── ● ──3── ● ══8══►
//! ```
//!
//! ```
//! use grid_maxflow::{Edges, Grid, Neighbours};
//!
//! // A cost a pixel, row by row; the last column has no neighbour to the right, the last row none below.
//! let (right, down) = ([5, 2, 0, 4, 3, 0], [1, 1, 1, 0, 0, 0]);
//! let mut grid = Grid::default();
//! grid.set_edges(3, 2, Neighbours::Four, &[Edges::symmetric(&right), Edges::symmetric(&down)]);
//! let mut on_source_side = [false; 6];
//! let flow = grid.cut(&[9, 0, 0, 9, 0, 0], &[0, 0, 7, 0, 0, 8], &mut on_source_side);
//!
//! // The narrowest place is between the second column and the third: 2 + 3. The first gap has 5 + 4, a step 2 + 1 + 4.
//! assert_eq!(flow, 5);
//! assert_eq!(on_source_side, [true, true, false, true, true, false]);
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
//! A model is compiled when it is loaded, in less than a second. Sessions run on one thread each;
//! parallelism is over photos. [`Grid`](maxflow::Grid) and [`Energy`] keep their memory from cut to
//! cut, and a [`Worker`] its sessions: make one for each thread and hold on to it. 50,000 photos
//! with five boxes each are scored in 0.3 s, bootstraps included.
//!
//! # Errors
//!
//! Rooms have errors of their own, such as [`onnx::OnnxError`] and [`classifier::ClassifierError`]: what, where,
//! and what to do, perhaps in several lines. Small readers give a text (`Result<_, String>`).
//! [`run`] and [`study`] give `anyhow::Error`, in which the ends that scripts tell apart are types:
//! [`run::Stopped`], [`run::Incomplete`], [`run::OutputError`]. A photo that fails is a row of a
//! run's results, wrong in its score, and no error. The stages of [`segment`] do not fail. A panic
//! is a bug, but where `# Panics` names a mistake of the caller.
//!
//! # ONNX Runtime, features, files
//!
//! ONNX Runtime, 1.17 or newer, is loaded with the first model; a process has one. With the default
//! feature `load-dynamic` its library is looked for at [`Settings::library`], `ORT_DYLIB_PATH`, in
//! `.onnxruntime/`, beside the executable, and where the system looks. With `--no-default-features`
//! and `bundled` it is a part of the program instead, as the authors of `ort` built it. `cuda`,
//! `tensorrt`, `coreml`, `directml` and `openvino` each add an accelerator to [`Provider`], for a
//! library that has it. None has been tried on hardware.
//!
//! What is asked for by name ("paper2013", "sample", "squeezenet1.1") lies in `pipelines/` and
//! `data/` of the folder that `LOCALISE_HOME` names, or of the nearest one, above the working
//! folder or the executable, that has both.
//!
//! # Stability
//!
//! Versions are 0.x: a new minor version may change any interface here, and so may one of the
//! crates whose types are in signatures (`image`, `ndarray`, `nalgebra`). `ort`, a release
//! candidate, is in none. What a run writes names its schema. The same photos, pipeline, model and
//! seed give the same bytes, whatever the number of threads and shards, on one kind of processor.
//!
//! # What it is not for
//!
//! Training, and gradients with respect to weights. Several objects of a class in one photo: it
//! gets one box. Objects that the classifier does not know, or knows by what is around them. Where
//! some hundred boxes can be drawn, a detector that learns from them will be better; that is why
//! what a constant box scores stands beside every result.
//!
//! [`BBox`]: geometry::BBox
//! [`Classifier`]: classifier::Classifier
//! [`Dataset::open`]: dataset::Dataset::open
//! [`Dataset`]: dataset::Dataset
//! [`Energy::minimise`]: segment::Energy::minimise
//! [`Energy`]: segment::Energy
//! [`Flag`]: segment::Flag
//! [`GradientModel`]: gradient::GradientModel
//! [`Localiser::locate`]: run::Localiser::locate
//! [`Localisation`]: segment::Localisation
//! [`Metrics::of`]: score::Metrics::of
//! [`Outcome::of`]: score::Outcome::of
//! [`Outcome`]: score::Outcome
//! [`Pipeline`]: config::Pipeline
//! [`Predictions::read`]: prediction::Predictions::read
//! [`Predictions`]: prediction::Predictions
//! [`Provider`]: classifier::Provider
//! [`Rate`]: score::Rate
//! [`Saliency`]: saliency::Saliency
//! [`Settings::library`]: classifier::Settings::library
//! [`View::of`]: saliency::View::of
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
pub mod localiser;
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
pub mod study;
