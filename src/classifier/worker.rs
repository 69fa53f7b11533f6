//! The sessions of one thread.

use std::collections::HashMap;
use std::sync::Arc;

use ndarray::{Array3, ArrayView3, Axis};
use onnx_grad::gradient::ASKED;

use super::compiled::CompiledModel;
use super::description::ModelDescription;
use super::error::ClassifierError;
use super::model::{Classifier, MAX_CACHED_SIZES};
use super::preprocess;
use super::response::{OutputReader, Response, read_scores};
use super::scores::ranking;
use super::session::{InputValue, Session, SharedModel};
use crate::geometry::Size;
use crate::head::Head;

/// The sessions of a [`Classifier`] for one thread.
#[derive(Debug)]
pub struct Worker<'a> {
    classifier: &'a Classifier,
    sessions: HashMap<Size, Sessions>,
}

/// The sessions for one image size, created when they are first needed.
#[derive(Debug)]
struct Sessions {
    compiled: Arc<CompiledModel>,
    gradient: Option<Session>,
    forward: Option<Session>,
    /// Those of [`CompiledModel::variants`].
    variants: Vec<Option<Session>>,
}

impl Classifier {
    /// A worker for one thread. Its sessions are created when they are first needed.
    #[must_use]
    pub fn worker(&self) -> Worker<'_> {
        Worker::new(self)
    }
}

impl<'a> Worker<'a> {
    pub(super) fn new(classifier: &'a Classifier) -> Self {
        Self {
            classifier,
            sessions: HashMap::new(),
        }
    }

    /// The description of the model.
    #[must_use]
    pub fn description(&self) -> &ModelDescription {
        &self.classifier.description
    }

    /// The foreground head, if there is one.
    #[must_use]
    pub fn head(&self) -> Option<&Head> {
        self.classifier.probe.head.as_deref()
    }

    /// The colour that is zero to the network, RGB, 0..=255.
    #[must_use]
    pub fn mean_colour(&self) -> [f32; 3] {
        preprocess::mean_colour(&self.classifier.description)
    }

    /// The class scores of one picture before the softmax. `pixels` is [3, height, width], RGB,
    /// 0..=255, as [`pixels`](super::pixels) makes it.
    ///
    /// # Errors
    /// [`ClassifierError::Runtime`] or [`ClassifierError::Run`] if the runtime fails or a score is
    /// not finite.
    pub fn forward(&mut self, pixels: ArrayView3<'_, f32>) -> Result<Vec<f32>, ClassifierError> {
        let image = preprocess::tensor(pixels, &self.classifier.description);
        let Sessions {
            compiled, forward, ..
        } = self.sessions(pixels)?;
        let session = get_or_create(forward, &compiled.forward)?;
        let image = InputValue::Floats(image.into_dyn());
        let inputs = vec![(compiled.input.as_str(), image)];
        let outputs = session.run(inputs, &compiled.outputs[..1])?;
        read_scores(outputs.into_iter().next())
    }

    /// The class scores of one picture, and for each of `classes` the gradients of its score.
    ///
    /// The gradients are those that the classifier's [`ProbeOptions`](super::ProbeOptions) ask for.
    /// The gradient of the picture is with respect to its pixels. `classes` are indices of scores,
    /// without repetitions. `pixels` is as for [`Worker::forward`]. One forward pass serves all
    /// classes.
    ///
    /// # Errors
    /// [`ClassifierError::Runtime`] or [`ClassifierError::Run`] if the runtime fails, a number is
    /// not finite, or a layer is not a feature map.
    pub fn gradients(
        &mut self,
        pixels: ArrayView3<'_, f32>,
        classes: &[usize],
    ) -> Result<Response, ClassifierError> {
        let (_, response) = self.gradients_of_top(pixels, 0, classes)?;
        Ok(response)
    }

    /// Like [`Worker::gradients`], for the classes with the `top` highest scores (all classes, if
    /// there are fewer), followed by those of `also` that are not among them. Returns these classes
    /// too.
    ///
    /// # Errors
    /// As [`Worker::gradients`].
    pub fn gradients_of_top(
        &mut self,
        pixels: ArrayView3<'_, f32>,
        top: usize,
        also: &[usize],
    ) -> Result<(Vec<usize>, Response), ClassifierError> {
        let classifier = self.classifier;
        let image = preprocess::tensor(pixels, &classifier.description);
        let Sessions {
            compiled, gradient, ..
        } = self.sessions(pixels)?;
        let session = get_or_create(gradient, &compiled.gradient)?;
        let [top_input, also_input] = ASKED;
        let top = top.min(compiled.classes);
        let also_indices = also.iter().map(|&class| class as i64).collect();
        let inputs = vec![
            (
                compiled.input.as_str(),
                InputValue::Floats(image.into_dyn()),
            ),
            (top_input, InputValue::Integers(vec![top as i64])),
            (also_input, InputValue::Integers(also_indices)),
        ];
        let mut outputs = session.run(inputs, &compiled.outputs)?.into_iter();
        let scores = read_scores(outputs.next())?;
        let classes = top_classes(&scores, top, also);
        let reader = OutputReader {
            description: &classifier.description,
            probe: &classifier.probe,
            layouts: &compiled.layouts,
        };
        let tensors = classifier.probe.tensor_count();
        let gradients = reader.gradients(outputs.by_ref().take(tensors), classes.len())?;
        let maps = reader.feature_maps(outputs);
        let response = Response {
            scores,
            values: reader.values(pixels, &maps),
            gradients,
            head: reader.head(&maps),
        };
        Ok((classes, response))
    }

    /// The class scores of variants of a picture, which are pixels as those of [`Worker::forward`],
    /// in order: [`VariantsOf::Picture`](super::VariantsOf::Picture).
    ///
    /// # Errors
    /// As [`Worker::forward`].
    pub fn scores_of_pictures(
        &mut self,
        pixels: ArrayView3<'_, f32>,
        variants: impl Iterator<Item = Array3<f32>>,
    ) -> Result<Vec<Vec<f32>>, ClassifierError> {
        let description = &self.classifier.description;
        let images = variants.map(|variant| {
            preprocess::tensor(variant.view(), description).index_axis_move(Axis(0), 0)
        });
        self.scores_of_variants(pixels, 0, images)
    }

    /// The class scores when a layer of the network for the picture `pixels` has other values, in
    /// order: [`VariantsOf::Layers`](super::VariantsOf::Layers). `layer` is its index among the
    /// layers, and a variant is [channels, height, width].
    ///
    /// # Errors
    /// As [`Worker::forward`].
    pub fn scores_of_variants(
        &mut self,
        pixels: ArrayView3<'_, f32>,
        layer: usize,
        variants: impl Iterator<Item = Array3<f32>>,
    ) -> Result<Vec<Vec<f32>>, ClassifierError> {
        let image = preprocess::tensor(pixels, &self.classifier.description);
        let Sessions {
            compiled,
            variants: sessions,
            ..
        } = self.sessions(pixels)?;
        let part = &compiled.variants[layer];
        let session = get_or_create(&mut sessions[layer], &part.model)?;
        part.scores(session, &image, variants)
    }

    /// The sessions for a picture of this size.
    fn sessions(&mut self, pixels: ArrayView3<'_, f32>) -> Result<&mut Sessions, ClassifierError> {
        let (_, height, width) = pixels.dim();
        let size = Size::new(width as u32, height as u32);
        if !self.sessions.contains_key(&size) {
            let compiled = self.classifier.compiled(size)?;
            let variants = compiled.variants.iter().map(|_| None).collect();
            if self.sessions.len() >= MAX_CACHED_SIZES {
                self.sessions.clear();
            }
            let sessions = Sessions {
                compiled,
                gradient: None,
                forward: None,
                variants,
            };
            self.sessions.insert(size, sessions);
        }
        Ok(self.sessions.get_mut(&size).expect("inserted above"))
    }
}

/// The classes with the `top` highest scores, followed by those of `also` that are not among them.
/// The graph that computes the gradients makes the same choice.
fn top_classes(scores: &[f32], top: usize, also: &[usize]) -> Vec<usize> {
    let mut classes = ranking(scores);
    classes.truncate(top);
    let others: Vec<_> = also
        .iter()
        .filter(|class| !classes.contains(class))
        .copied()
        .collect();
    classes.extend(others);
    classes
}

/// The session in `slot`, which is created from `model` if there is none yet.
fn get_or_create<'a>(
    slot: &'a mut Option<Session>,
    model: &SharedModel,
) -> Result<&'a Session, ClassifierError> {
    match slot {
        Some(session) => Ok(session),
        None => Ok(slot.insert(model.session()?)),
    }
}
