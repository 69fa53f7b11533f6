//! Loading a model, with the checks that it fits its description.

use std::sync::Mutex;

use image::{Rgb, RgbImage};
use onnx_grad::onnx;

use super::description::ModelDescription;
use super::error::ClassifierError;
use super::library;
use super::model::Classifier;
use super::options::ProbeOptions;
use super::preprocess::pixels;
use crate::geometry::Size;
use crate::remedy::Refused;

impl Classifier {
    /// Loads the model that `description` names, and compiles the backward pass for `probe`.
    ///
    /// # Errors
    /// If ONNX Runtime or the model is missing, or if the model cannot be differentiated or does
    /// not fit its description.
    pub fn load(
        description: ModelDescription,
        probe: ProbeOptions,
    ) -> Result<Self, ClassifierError> {
        library::environment()?;
        let model = onnx::load(description.file()?)?;
        let mut classifier = Self {
            description,
            probe,
            model: Some(model),
            compiled: Mutex::default(),
        };
        classifier.check_classes()?;
        classifier.check_scores()?;
        if classifier.probe.dense.is_none() {
            classifier.model = None;
        }
        Ok(classifier)
    }

    /// Refuses a model whose number of scores differs from the number of classes in the list.
    fn check_classes(&self) -> Result<(), ClassifierError> {
        let ModelDescription {
            model,
            classes,
            size,
            ..
        } = &self.description;
        let scores = self.compiled(Size::square(*size as u32))?.classes;
        if scores == classes.len() {
            return Ok(());
        }
        let (path, name, count) = (model.display(), &classes.name, classes.len());
        Err(ClassifierError::Description(Refused::with_advice(
            format!(
                "{path}: the model has {scores} class scores, but its class list {name} has \
                 {count} classes"
            ),
            "name another list as `classes`, or another tensor as `target`, in the model's \
             description",
        )))
    }

    /// Refuses a model whose scores are probabilities, because their gradient is not the paper's,
    /// and layers that are not feature maps.
    fn check_scores(&self) -> Result<(), ClassifierError> {
        let side = self.description.size as u32;
        let picture = RgbImage::from_fn(side, side, |x, y| Rgb([x as u8, y as u8, (x + y) as u8]));
        let image = pixels(&picture);
        let scores = if self.probe.layers.is_empty() {
            self.worker().forward(image.view())?
        } else {
            self.worker().gradients(image.view(), &[0])?.scores
        };
        let sum: f32 = scores.iter().sum();
        if scores.iter().all(|&s| s >= 0.0) && (sum - 1.0).abs() < 1e-3 {
            let path = self.description.model.display();
            let fault = "the scores look like probabilities (they are positive and add up to 1)";
            return Err(ClassifierError::Description(Refused::with_advice(
                format!("{path}: {fault}"),
                "name the tensor before the softmax as `target` in the model's description",
            )));
        }
        Ok(())
    }
}
