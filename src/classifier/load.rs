//! Loading a model, with the checks that it fits its description.

use std::sync::Mutex;

use image::{Rgb, RgbImage};
use onnx_grad::onnx;

use super::attention;
use super::description::ModelDescription;
use super::double_scaling;
use super::error::ClassifierError;
use super::input_form;
use super::layer_names::{NamedTensors, named_layers};
use super::library;
use super::model::Classifier;
use super::options::ProbeOptions;
use super::preprocess::pixels;
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
        let mut model = onnx::load(description.file()?)?;
        let input = input_form::standardise(&mut model, &description)
            .map_err(ClassifierError::Description)?;
        let named = if probe.attention {
            NamedTensors {
                tensors: attention::tensors(&model, &description)?,
                notes: vec![],
            }
        } else {
            named_layers(&model, &description, &probe.layers)?
        };
        let mut classifier = Self {
            description,
            warnings: Vec::new(),
            input,
            probe: ProbeOptions {
                layers: named.tensors,
                ..probe
            },
            model: Some(model),
            compiled: Mutex::default(),
        };
        classifier.check_classes()?;
        classifier.check_scores()?;
        classifier.collect_warnings(&named.notes)?;
        if classifier.probe.dense.is_none() {
            classifier.model = None;
        }
        Ok(classifier)
    }

    /// Keeps the compiler's warnings and our own, and logs them.
    fn collect_warnings(&mut self, of_layers: &[String]) -> Result<(), ClassifierError> {
        let name = &self.description.name;
        let of_compiler = &self.compiled(self.description.size)?.warnings;
        let model = self.model.as_ref();
        let of_scaling = model.and_then(|model| double_scaling::warning(model, &self.description));
        let of_list = self
            .description
            .advice_on_background()
            .filter(|_| self.description.background.is_none())
            .map(|advice| format!("a background is one of the classes that are found; {advice}"));
        let notes = &self.description.notes;
        let own = of_scaling
            .iter()
            .chain(&of_list)
            .chain(notes)
            .chain(of_layers);
        for warning in of_compiler.iter().chain(own) {
            self.warnings.push(format!("model {name}: {warning}"));
        }
        for warning in &self.warnings {
            tracing::warn!("{warning}");
        }
        Ok(())
    }

    /// Refuses a model whose number of scores differs from the number of classes in the list.
    fn check_classes(&self) -> Result<(), ClassifierError> {
        let ModelDescription {
            model,
            classes,
            background,
            size,
            ..
        } = &self.description;
        let scores = self.compiled(*size)?.classes;
        if scores == classes.len() {
            return Ok(());
        }
        let (path, name, count) = (model.display(), &classes.name, classes.len());
        let message = format!(
            "{path}: the model has {} class scores{}, but its class list {name} has {count} classes",
            scores + usize::from(background.is_some()),
            if background.is_some() {
                " with the background's"
            } else {
                ""
            }
        );
        let advice = if background.is_some() {
            "remove `background` from the model's description, or name another list as `classes`, \
             or another tensor as `target`"
        } else if scores == count + 1 {
            "if one score is for the background, set `background = \"first\"` or `background = \
             \"last\"` in the model's description; otherwise name another list as `classes`, or \
             another tensor as `target`"
        } else {
            "name another list as `classes`, or another tensor as `target`, in the model's \
             description"
        };
        Err(ClassifierError::Description(Refused::with_advice(
            message, advice,
        )))
    }

    /// Refuses a model whose scores are probabilities, because their gradient is not the paper's,
    /// and layers that are not feature maps.
    fn check_scores(&self) -> Result<(), ClassifierError> {
        let (height, width) = self.description.size.shape();
        let picture = RgbImage::from_fn(width as u32, height as u32, |x, y| {
            Rgb([x as u8, y as u8, (x + y) as u8])
        });
        let image = pixels(&picture);
        let scores = if self.probe.feature_maps().is_empty() {
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
