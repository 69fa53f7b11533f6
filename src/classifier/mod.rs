//! The classifier: scores and input gradients of a photo's crops. The only room that names `ort`.
//!
//! ```text
//! description (TOML) ─► model (ONNX) ─► gradient model ─► a Worker per thread ─► probabilities, gradients
//! ```
//!
//! A [`Classifier`] is loaded and compiled once and shared; each thread takes a [`Worker`] of it
//! with ONNX Runtime sessions of its own, on one thread each, so that results do not depend on how
//! many there are.
//!
//! In: pixels in RGB, 0..=255, [3, height, width], at the network's own size ([`pixels`] makes them
//! of a picture). Out: class scores before the softmax, and gradients with respect to those very
//! pixels: the network's own order, range, mean and deviation of colours are this room's affair.
//! Left to others are decoding ([`crate::dataset`]), crops and resizing ([`crate::saliency`]), and
//! the map. The first example of the [front page](crate) is of this room.

mod description;
mod library;
mod preprocess;
mod provider;
mod scores;
mod session;
mod worker;

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use image::RgbImage;
use ndarray::{Array4, ArrayD};
use sha2::{Digest, Sha256};

pub use description::{Channels, ModelDescription};
pub use library::{LibraryError, Settings, loaded, provider, set, version};
pub use preprocess::pixels;
pub use provider::Provider;
pub use scores::{probabilities, ranking};
pub use session::AnyModel;
pub use worker::{Response, Worker};

use crate::digest;
use onnx_grad::gradient::{self, Dense, GradientModel, Options, ReluRule, OutputGradient};
use onnx_grad::onnx::{self, Graph, proto::ModelProto};
use session::{OnnxRuntime, Runner};

/// Why a classifier cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClassifierError {
    /// ONNX Runtime was not found or does not load.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The description is missing or wrong.
    #[error("{0}")]
    ModelDescription(String),
    /// The model file is missing or unreadable.
    #[error(transparent)]
    Model(#[from] onnx::OnnxError),
    /// The model cannot be differentiated.
    #[error("{path}")]
    Gradient {
        /// The model file, and the layers where some were asked for.
        path: String,
        /// What is in the way.
        source: gradient::GradientError,
    },
    /// ONNX Runtime failed on an input that the model accepts.
    #[error("ONNX Runtime failed: {0}")]
    Runtime(String),
    /// A run of the network took too long, or its answer cannot be used.
    #[error("{0}")]
    Run(String),
}

/// How many image sizes a fully convolutional classifier keeps compiled.
const SIZES_KEPT: usize = 4;

/// What a classifier is asked about a picture besides its scores: all in which two classifiers of
/// one model differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ProbeOptions {
    /// Whether the model is made fully convolutional, and how its positions then count.
    pub dense: Option<Dense>,
    /// How a gradient passes a ReLU.
    pub relu: ReluRule,
    /// The feature maps whose values and gradients are wanted, by the names of their tensors.
    pub layers: Vec<String>,
    /// Whether the picture's own gradient is wanted beside those of layers; without layers it
    /// always is.
    pub picture: bool,
}

impl ProbeOptions {
    /// Whether the picture's own gradient is one of those that are returned.
    fn pictured(&self) -> bool {
        self.picture || self.layers.is_empty()
    }
}

/// A model, compiled for gradients, and its description.
#[derive(Debug)]
pub struct Classifier {
    /// How the model wants its input.
    pub description: ModelDescription,
    probe: ProbeOptions,
    /// The model, as long as it may have to be compiled for another image size.
    model: Option<ModelProto>,
    /// Compiled models by image height and width. One, but for a fully convolutional classifier.
    compiled: Mutex<HashMap<[usize; 2], Arc<Compiled>>>,
}

/// A gradient model, and what the sessions made from it share.
#[derive(Debug)]
struct Compiled {
    /// The name of the image input.
    input: String,
    /// The names of what a gradient model is asked for: scores, gradients, layers.
    outputs: Vec<String>,
    classes: usize,
    /// Whether the input is [1, height, width, 3], as TensorFlow's networks want it, instead of [1,
    /// 3, height, width].
    channels_last: bool,
    gradient: Runner,
    forward: Runner,
}

impl Compiled {
    /// The image [1, 3, height, width] in the order of axes that the model wants.
    fn arranged(&self, image: Array4<f32>) -> ArrayD<f32> {
        match self.channels_last {
            true => image
                .permuted_axes([0, 2, 3, 1])
                .as_standard_layout()
                .into_owned()
                .into_dyn(),
            false => image.into_dyn(),
        }
    }
}

impl Classifier {
    /// Loads the model that `description` names and compiles its backward pass to what `probe` asks
    /// for.
    ///
    /// # Errors
    /// When ONNX Runtime or the model is missing, the model cannot be differentiated, or does not
    /// fit its description.
    pub fn load(description: ModelDescription, probe: ProbeOptions) -> Result<Self, ClassifierError> {
        library::environment()?;
        let model = onnx::load(description.file()?)?;
        let dense = probe.dense.is_some();
        let mut classifier = Self {
            description,
            probe,
            model: Some(model),
            compiled: Mutex::default(),
        };
        let size = classifier.description.size;
        let classes = classifier.compiled([size, size])?.classes;
        let wanted = classifier.description.classes.len();
        if classes != wanted {
            let path = classifier.description.model.display();
            let list = &classifier.description.classes.name;
            return Err(ClassifierError::ModelDescription(format!(
                "{path}: the model has {classes} class scores, its class list {list} has {wanted} classes\nhelp: name \
                 another list as `classes`, or another tensor as `target`, in the model's description"
            )));
        }
        classifier.check_scores()?;
        if !dense {
            classifier.model = None;
        }
        Ok(classifier)
    }

    /// Refuses a model whose scores are probabilities, since their gradient is not the paper's, and
    /// layers that are no feature maps.
    fn check_scores(&self) -> Result<(), ClassifierError> {
        let size = self.description.size as u32;
        let image = RgbImage::from_fn(size, size, |x, y| {
            image::Rgb([x as u8, y as u8, (x + y) as u8])
        });
        let image = pixels(&image);
        let scores = match self.probe.layers[..] {
            [] => self.worker().forward(image.view())?,
            _ => self.worker().gradients(image.view(), &[0])?.scores,
        };
        let sum: f32 = scores.iter().sum();
        if scores.iter().all(|&s| s >= 0.0) && (sum - 1.0).abs() < 1e-3 {
            return Err(ClassifierError::ModelDescription(format!(
                "{}: the scores look like probabilities (they are positive and add up to 1)\n\
                 help: name the tensor before the softmax as `target` in the model's description",
                self.description.model.display()
            )));
        }
        Ok(())
    }

    /// The compiled model for an image of `size` (height, width).
    fn compiled(&self, size: [usize; 2]) -> Result<Arc<Compiled>, ClassifierError> {
        let mut cache = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(compiled) = cache.get(&size) {
            return Ok(compiled.clone());
        }
        let path = self.description.model.display().to_string();
        let Some(model) = &self.model else {
            let ([h, w], own) = (size, self.description.size);
            return Err(ClassifierError::Run(format!(
                "an image of {w} x {h} for a network of {own} x {own}"
            )));
        };
        let ProbeOptions {
            dense,
            relu,
            ref layers,
            picture,
        } = self.probe;
        let mut wrt = layers.clone();
        let graph = model.graph.as_ref().filter(|_| !layers.is_empty());
        if let Some(input) = graph.and_then(|graph| Graph::new(graph).inputs().next()) {
            if layers.iter().any(|layer| layer == input) {
                return Err(ClassifierError::ModelDescription(format!(
                    "{path}: layer `{input}` is the picture, no feature map\nhelp: take it out of saliency.layers"
                )));
            }
            if picture {
                wrt.insert(0, input.to_owned());
            }
        }
        let target = self.description.target.clone();
        let options = Options {
            wrt,
            target,
            size: Some(gradient::ImageSize { width: size[1], height: size[0] }),
            dense,
            relu,
            seed: OutputGradient::Asked,
        };
        let compiled =
            gradient::compile(model, &options, &OnnxRuntime).map_err(|source| ClassifierError::Gradient {
                path: format!("{path}{}", self.layers_asked()),
                source,
            })?;
        compiled
            .warnings
            .iter()
            .for_each(|warning| tracing::warn!("{path}: {warning}"));
        let GradientModel {
            model,
            forward,
            input,
            input_shape,
            scores,
            classes,
            gradients,
            ..
        } = compiled;
        let [h, w] = size;
        let channels_last = match input_shape[..] {
            [1, 3, height, width] if [height, width] == size => false,
            [1, height, width, 3] if [height, width] == size => true,
            _ => {
                return Err(ClassifierError::ModelDescription(format!(
                    "{path}: its input is of shape {input_shape:?}, its description says 3 x {h} x {w}"
                )));
            }
        };
        let [gradient, forward] = Runner::pair(model, forward)?;
        let outputs = [&[scores][..], &gradients, layers].concat();
        let compiled = Arc::new(Compiled {
            input,
            outputs,
            classes,
            channels_last,
            gradient,
            forward,
        });
        if cache.len() >= SIZES_KEPT {
            cache.clear();
        }
        cache.insert(size, compiled.clone());
        Ok(compiled)
    }

    /// The layers that were asked for, and those that the description has names for.
    fn layers_asked(&self) -> String {
        let layers = self.probe.layers.join(", ");
        let names: Vec<_> = self.description.layers.keys().map(String::as_str).collect();
        match (layers.as_str(), names[..].is_empty()) {
            ("", _) => String::new(),
            (_, true) => format!(
                ", layers {layers} (its description has no [layers] that pipelines could name)"
            ),
            _ => format!(
                ", layers {layers} (its description names {})",
                names.join(", ")
            ),
        }
    }

    /// A worker for one thread. Its sessions are made when first needed.
    #[must_use]
    pub fn worker(&self) -> Worker<'_> {
        Worker::of(self)
    }
}

/// The SHA-256 of a model, in hexadecimal: of its file, and of those in which it keeps weights
/// after it.
///
/// # Errors
/// [`ClassifierError::Model`] when a file cannot be read or is no model.
pub fn sha256(path: &Path) -> Result<String, ClassifierError> {
    let mut hash = Sha256::new();
    for path in onnx::files(path)? {
        let mut hashed = || {
            let mut file = File::open(&path)?;
            let mut chunk = vec![0; 1 << 16];
            loop {
                match file.read(&mut chunk)? {
                    0 => return Ok(()),
                    n => hash.update(&chunk[..n]),
                }
            }
        };
        hashed().map_err(|source| onnx::OnnxError::Io {
            path: path.clone(),
            source,
        })?;
    }
    Ok(digest::hex(hash))
}

/// The runtime that [`gradient::compile`] probes with.
#[must_use]
pub fn runtime() -> impl gradient::Runtime {
    OnnxRuntime
}

/// The description of a model given by name, by its description or by its ONNX file.
///
/// # Errors
/// [`ClassifierError::ModelDescription`] when there is none or it is wrong.
pub fn describe(model: &Path) -> Result<ModelDescription, ClassifierError> {
    ModelDescription::find(model).map_err(ClassifierError::ModelDescription)
}
