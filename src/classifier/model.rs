//! A model that is loaded, and compiled for each image size that it is used at.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use onnx_grad::onnx::proto::ModelProto;

use super::compiled::CompiledModel;
use super::description::ModelDescription;
use super::error::ClassifierError;
use super::input_form::InputForm;
use super::options::ProbeOptions;
use crate::geometry::Size;

/// The number of image sizes that a fully convolutional classifier, and each of its workers, keeps
/// ready. When there would be more, all are discarded.
pub(super) const MAX_CACHED_SIZES: usize = 4;

/// A model that is compiled for gradients, and its description.
#[derive(Debug)]
pub struct Classifier {
    /// The input that the model expects, and the meaning of its scores.
    pub description: ModelDescription,
    /// What a user of the scores and gradients should know of the model, in full sentences.
    pub warnings: Vec<String>,
    /// The form of the model's own input.
    pub input: Option<InputForm>,
    pub(super) probe: ProbeOptions,
    /// The model, if it may have to be compiled for another image size.
    pub(super) model: Option<ModelProto>,
    /// Compiled models by image size. There is only one, unless the classifier is fully
    /// convolutional.
    pub(super) compiled: Mutex<HashMap<Size, Arc<CompiledModel>>>,
}

impl Classifier {
    /// The tensors of the layers whose values and gradients are computed.
    #[must_use]
    pub fn layers(&self) -> &[String] {
        &self.probe.layers
    }

    /// The model compiled for images of this size.
    pub(super) fn compiled(&self, size: Size) -> Result<Arc<CompiledModel>, ClassifierError> {
        let mut cache = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(compiled) = cache.get(&size) {
            return Ok(compiled.clone());
        }
        let Some(model) = &self.model else {
            let own = self.description.size;
            return Err(ClassifierError::Run(format!(
                "the image is {size}, but the network takes {own}"
            )));
        };
        let compiled = CompiledModel::new(model, &self.description, &self.probe, size)?;
        let compiled = Arc::new(compiled);
        if cache.len() >= MAX_CACHED_SIZES {
            cache.clear();
        }
        cache.insert(size, compiled.clone());
        Ok(compiled)
    }
}
