//! The classifier: scores and gradients for the crops of a photo. This is the only module that uses
//! `ort`.
//!
//! ```text
//! description (TOML) ─► model (ONNX) ─► gradient model ─► Worker (per thread) ─► scores, gradients
//! ```
//!
//! A [`Classifier`] is loaded and compiled once, and shared. Each thread gets its own [`Worker`],
//! which has its own sessions of ONNX Runtime; on an accelerator, all workers share the same
//! sessions. Each session runs on one thread, so that results do not depend on the number of
//! threads.
//!
//! In: pixels [3, height, width] in RGB, 0..=255, of the size of the network's input; [`pixels`]
//! makes them from a picture. Out: class scores before the softmax, and gradients with respect to
//! these pixels. The network's own channel order, value range, mean and standard deviation do not
//! leave this module.
//!
//! Decoding is done in [`crate::dataset`], crops and maps in [`crate::saliency`]. The first example
//! of the [crate documentation](crate) uses this module.

mod any_model;
mod attention;
mod channels;
mod checksum;
mod compiled;
mod description;
mod description_file;
mod description_text;
mod double_scaling;
mod element_type;
mod error;
mod gradient_advice;
mod input_form;
mod layer_names;
mod layers;
mod layout;
mod library;
mod load;
mod model;
mod model_file;
mod options;
mod origin;
mod preprocess;
mod preset;
mod proposal;
mod provider;
mod response;
mod scaling;
mod scores;
mod session;
mod timeout;
mod value;
mod variants;
mod weights;
mod worker;

pub use any_model::{AnyModel, runtime};
pub use channels::Channels;
pub use checksum::sha256;
pub use description::{ModelDescription, describe, describe_like, onnx_file};
pub use element_type::ElementType;
pub use error::ClassifierError;
pub use gradient_advice::with_candidates;
pub use input_form::InputForm;
pub use layer_names::{NamedTensors, named_tensors};
pub use layers::{
    AUTOMATIC_NAMES, AxisOrder, FeatureLayout, FeatureMaps, LayerCandidate, LayerName, UnreadEnd,
};
pub use layout::Layout;
pub use library::{LibraryError, Settings, configure, library_build, loaded_library, provider};
pub use model::Classifier;
pub use onnx_grad::gradient::Background;
pub use options::{ProbeOptions, VariantsOf};
pub use origin::DescriptionOrigin;
pub use preprocess::pixels;
pub use preset::Preset;
pub use provider::Provider;
pub use response::Response;
pub use scores::{probabilities, ranking};
pub use worker::Worker;
