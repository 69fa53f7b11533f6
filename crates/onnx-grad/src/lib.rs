//! Input gradients of ONNX classifiers, as ONNX models.
//!
//! An ONNX file holds the forward pass of a network, and the usual runtimes cannot differentiate
//! it. This crate writes the backward pass into the graph, with standard operators only. The result
//! is another ONNX model: any runtime can load it, in any language, and it returns the class scores
//! together with their gradients with respect to the image, or to any inner tensor.
//!
//! # The types to know
//!
//! * [`onnx::load`] and [`onnx::save`] read and write model files;
//!   [`ModelProto`](onnx::proto::ModelProto) is such a file as data.
//! * [`gradient::compile`] turns a classifier into a [`gradient::GradientModel`].
//! * [`gradient::Options`] says what to differentiate: with respect to which tensors, which class
//!   scores ([`gradient::OutputGradient`]), and how a gradient passes a ReLU
//!   ([`gradient::ReluRule`]).
//! * [`gradient::Runtime`] runs a model once or a few times during the compilation, which is how
//!   the compiler learns shapes and constants. The crate does not depend on a runtime, so you
//!   implement this trait, with `ort`, `tract` or any other.
//! * [`gradient::rules::RULES`] lists the operators that can be differentiated.
//!
//! # Example: the gradients of the two highest scores
//!
//! This example runs models with ONNX Runtime, through the crate [`ort`](https://docs.rs/ort).
//!
//! ```
//! use std::error::Error;
//!
//! use onnx_grad::gradient::{Options, OutputGradient, Runtime, compile};
//! use onnx_grad::onnx;
//! use onnx_grad::onnx::proto::{ModelProto, TensorProto};
//! use ort::environment::Environment;
//! use ort::session::Session;
//! use ort::value::{Tensor, TensorElementType};
//!
//! struct OnnxRuntime(Environment);
//!
//! impl OnnxRuntime {
//!     fn outputs(
//!         &self,
//!         model: &ModelProto,
//!         input: &TensorProto,
//!     ) -> Result<Vec<TensorProto>, Box<dyn Error>> {
//!         let mut session = Session::builder(&self.0)?.commit_from_memory(&onnx::encode(model))?;
//!         let image = Tensor::from_array((input.shape(), input.floats()?))?;
//!         let outputs = session.run(ort::inputs![input.name() => image])?;
//!         let mut tensors = Vec::new();
//!         for (name, value) in &outputs {
//!             let dims = |shape: &[i64]| shape.iter().map(|&n| n as usize).collect::<Vec<_>>();
//!             tensors.push(match value.dtype().tensor_type() {
//!                 Some(TensorElementType::Float32) => {
//!                     let (shape, values) = value.try_extract_tensor()?;
//!                     TensorProto::from_floats(name, &dims(shape), values)
//!                 }
//!                 Some(TensorElementType::Int64) => {
//!                     let (shape, values) = value.try_extract_tensor()?;
//!                     TensorProto::from_integers(name, &dims(shape), values)
//!                 }
//!                 // Some models have constants of other types: see `TensorProto::from_raw`.
//!                 other => return Err(format!("`{name}` is of type {other:?}").into()),
//!             });
//!         }
//!         Ok(tensors)
//!     }
//! }
//!
//! impl Runtime for OnnxRuntime {
//!     fn run(&self, model: &ModelProto, input: &TensorProto) -> Result<Vec<TensorProto>, String> {
//!         self.outputs(model, input).map_err(|e| e.to_string())
//!     }
//! }
//!
//! let model = onnx::load("tests/golden/gradients/residual/model.onnx".as_ref())?;
//! let runtime = OnnxRuntime(ort::init().build()?);
//! let options = Options {
//!     seed: OutputGradient::Top(2),
//!     ..Options::default()
//! };
//! let compiled = compile(&model, &options, &runtime)?;
//! assert_eq!(compiled.input_shape, [1, 3, 24, 24]);
//!
//! let graph = compiled.model.graph.as_ref().expect("compiled models have a graph");
//! let outputs: Vec<_> = graph.output.iter().map(onnx::declared).collect();
//! assert_eq!(outputs, ["logits [1, 8]", "classes [2]", "input_grad [2, 3, 24, 24]"]);
//!
//! // The model can be run here, or saved and run anywhere else.
//! let pixels: Vec<f32> = (0..3 * 24 * 24).map(|i| (i % 7) as f32 / 7.0).collect();
//! let image = TensorProto::from_floats(&compiled.input, &compiled.input_shape, &pixels);
//! let [scores, classes, gradient] = &runtime.run(&compiled.model, &image)?[..] else {
//!     unreachable!("the three outputs above");
//! };
//! let (scores, best) = (scores.floats()?, classes.integers()?[0] as usize);
//! assert!(scores.iter().all(|&score| score <= scores[best]));
//! assert_eq!(gradient.shape(), [2, 3, 24, 24]);
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("grad.onnx");
//! onnx::save(compiled.model, &path)?;
//! # Ok::<(), Box<dyn Error>>(())
//! ```
//!
//! # Example: looking into a model
//!
//! The module [`onnx`] needs no runtime. It is also useful alone, for example to find the name of
//! an inner tensor for [`gradient::Options::wrt`].
//!
//! ```
//! use onnx_grad::onnx::{self, Graph};
//!
//! let model = onnx::load("tests/golden/gradients/residual/model.onnx".as_ref())?;
//! let proto = model.graph.as_ref().expect("loaded models have a graph");
//! let graph = Graph::new(proto);
//! assert_eq!(graph.inputs().collect::<Vec<_>>(), ["input"]);
//!
//! // The last layer, and the tensor that enters it.
//! let last = graph.producer("logits").expect("a node makes the scores");
//! assert_eq!((last.op_type(), last.int("transB", 0)), ("Gemm", 1));
//! let features = last.input_name(0).expect("a Gemm has two inputs");
//! let users: Vec<_> = graph.consumers(features).map(|node| node.op_type()).collect();
//! assert_eq!(users, ["Gemm"]);
//!
//! // One line per node.
//! let listing = onnx::text(&model);
//! assert_eq!(listing.lines().count(), proto.node.len());
//! # Ok::<(), onnx::OnnxError>(())
//! ```
//!
//! # What it costs
//!
//! Compiling runs the model once or a few times, on one image; everything else only writes nodes.
//! It takes less than a second for most networks, and about three times the memory of the model.
//! The compiled model is up to twice as large as the original, because some convolutions of the
//! backward pass need a rearranged copy of their weights.
//!
//! A run of the compiled model computes the forward pass once, however many gradients it returns,
//! and the backward pass once for each of them. On one CPU thread, PyTorch 2.9 takes about 1.6
//! times as long for forward and backward pass as ONNX Runtime 1.32 with a compiled model
//! (geometric mean of 16 networks).
//!
//! # What it is not for
//!
//! * Training. There are no gradients with respect to weights.
//! * Batches. The input is one image; only the gradients can be many. A model for a fixed number of
//!   images is rewritten to take one.
//! * Second derivatives.
//! * Loops, and shapes that depend on values, anywhere in the graph.
//!
//! Whatever the compiler does not support is an error that names the nodes, and never a wrong
//! gradient. Only the gradients of quantised models are estimates, and
//! [`gradient::GradientModel::warnings`] says so.
//!
//! # Stability
//!
//! The crate follows semantic versioning. [`onnx::proto`] is generated from `onnx.proto` and grows
//! with it; its types gain fields in minor versions, so construct them with `..Default::default()`.
//! The error types are `#[non_exhaustive]`. Names of inputs and outputs of a compiled model are
//! part of the interface; names and order of its inner nodes are not. The oldest supported Rust
//! version is 1.92.
//!
//! # Features
//!
//! * `serde`: [`gradient::ReluRule`] implements `Serialize` and `Deserialize`.

pub mod gradient;
pub mod onnx;

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
