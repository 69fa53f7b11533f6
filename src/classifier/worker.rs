//! One thread at work: pictures in, scores and gradients out.

use std::collections::HashMap;
use std::sync::Arc;

use ndarray::{Array3, ArrayD, ArrayView3, Axis, Ix3, Ix4};

use super::session::{Feed, Runner, Session};
use super::{Classifier, Compiled, ModelDescription, ClassifierError, SIZES_KEPT, preprocess, ranking};
use onnx_grad::gradient::ASKED;

/// What a classifier says of a picture.
#[derive(Clone, Debug)]
pub struct Response {
    /// The class scores, before the softmax: one a class, in the order of [`ModelDescription::classes`].
    pub scores: Vec<f32>,
    /// The tensors that were asked for, each [channels, height, width]: the picture's pixels less
    /// the mean colour (RGB) first, where it is wanted, then the layers.
    pub values: Vec<Array3<f32>>,
    /// For each class, for each of these tensors d score / d value, of the same shape.
    pub gradients: Vec<Vec<Array3<f32>>>,
}

/// One thread's sessions of a [`Classifier`].
#[derive(Debug)]
pub struct Worker<'a> {
    classifier: &'a Classifier,
    sessions: HashMap<[usize; 2], Sessions>,
}

#[derive(Debug)]
struct Sessions {
    compiled: Arc<Compiled>,
    gradient: Option<Session>,
    forward: Option<Session>,
}

impl<'a> Worker<'a> {
    pub(super) fn of(classifier: &'a Classifier) -> Self {
        Self {
            classifier,
            sessions: HashMap::new(),
        }
    }

    /// How the model wants its input.
    #[must_use]
    pub fn description(&self) -> &ModelDescription {
        &self.classifier.description
    }

    /// The colour that is zero to the network, RGB, 0..=255.
    #[must_use]
    pub fn mean_colour(&self) -> [f32; 3] {
        preprocess::mean_colour(&self.classifier.description)
    }

    fn sessions(&mut self, pixels: ArrayView3<'_, f32>) -> Result<&mut Sessions, ClassifierError> {
        let (_, height, width) = pixels.dim();
        let size = [height, width];
        if !self.sessions.contains_key(&size) {
            let compiled = self.classifier.compiled(size)?;
            if self.sessions.len() >= SIZES_KEPT {
                self.sessions.clear();
            }
            self.sessions.insert(
                size,
                Sessions {
                    compiled,
                    gradient: None,
                    forward: None,
                },
            );
        }
        Ok(self.sessions.get_mut(&size).expect("inserted above"))
    }

    /// The class scores of one picture, before the softmax. `pixels` is [3, height, width], RGB,
    /// 0..=255, as [`pixels`](super::pixels) makes it.
    ///
    /// # Errors
    /// [`ClassifierError::Run`] when the runtime fails or a score is not finite.
    pub fn forward(&mut self, pixels: ArrayView3<'_, f32>) -> Result<Vec<f32>, ClassifierError> {
        let image = preprocess::tensor(pixels, &self.classifier.description);
        let Sessions {
            compiled, forward, ..
        } = self.sessions(pixels)?;
        let session = session_of(forward, &compiled.forward)?;
        let image = Feed::Floats(compiled.arranged(image));
        let scores = session.run(
            vec![(compiled.input.as_str(), image)],
            &compiled.outputs[..1],
        )?;
        flat(scores.into_iter().next())
    }

    /// The class scores of one picture, the tensors of the classifier's [`ProbeOptions`](super::ProbeOptions),
    /// and for each of `classes`, places of scores of which no two are the same, their gradients;
    /// that of the picture by its pixels. `pixels` is as for [`Worker::forward`].
    ///
    /// One forward pass serves all classes.
    ///
    /// # Errors
    /// [`ClassifierError::Run`] when the runtime fails, a number is not finite, or a layer is no feature map.
    pub fn gradients(
        &mut self,
        pixels: ArrayView3<'_, f32>,
        classes: &[usize],
    ) -> Result<Response, ClassifierError> {
        self.gradients_of_top(pixels, 0, classes)
            .map(|(_, response)| response)
    }

    /// As [`Worker::gradients`], for the classes of the `top` highest scores, whichever these are,
    /// and after them for those of `also` that are not among them; says which they were.
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
        let session = session_of(gradient, &compiled.gradient)?;
        let inputs = vec![
            (
                compiled.input.as_str(),
                Feed::Floats(compiled.arranged(image)),
            ),
            (ASKED[0], Feed::Integers(vec![top as i64])),
            (
                ASKED[1],
                Feed::Integers(also.iter().map(|&class| class as i64).collect()),
            ),
        ];
        let mut outputs = session.run(inputs, &compiled.outputs)?.into_iter();
        let scores = flat(outputs.next())?;
        let mut classes = ranking(&scores);
        classes.truncate(top);
        let others = also
            .iter()
            .filter(|class| !classes.contains(class))
            .copied()
            .collect::<Vec<_>>();
        classes.extend(others);
        let tensors = usize::from(classifier.probe.pictured()) + classifier.probe.layers.len();
        let rows = outputs.by_ref().take(tensors);
        let gradients = classifier.by_class(rows, classes.len(), compiled.channels_last)?;
        let values = classifier.values(pixels, outputs)?;
        Ok((
            classes,
            Response {
                scores,
                values,
                gradients,
            },
        ))
    }
}

impl Classifier {
    /// The gradients of each class: from tensors, each with a row for each class, to classes, each
    /// with all tensors.
    fn by_class(
        &self,
        tensors: impl Iterator<Item = ArrayD<f32>>,
        classes: usize,
        channels_last: bool,
    ) -> Result<Vec<Vec<Array3<f32>>>, ClassifierError> {
        let pictured = usize::from(self.probe.pictured());
        let mut gradients = vec![Vec::new(); classes];
        for (i, rows) in tensors.enumerate() {
            let rows = finite(rows, "gradients")?;
            if rows.len_of(Axis(0)) != classes {
                return Err(ClassifierError::Run(format!(
                    "{} gradients for {classes} classes",
                    rows.len_of(Axis(0))
                )));
            }
            for (row, of_class) in rows.outer_iter().zip(&mut gradients) {
                let Ok(row) = row.into_dimensionality::<Ix3>() else {
                    let layer = &self.probe.layers[i - pictured];
                    return Err(ClassifierError::Run(format!(
                        "layer {layer} is no feature map of [1, channels, height, width]"
                    )));
                };
                of_class.push(match (i < pictured, channels_last) {
                    (true, true) => {
                        preprocess::by_pixel(row.permuted_axes([2, 0, 1]), &self.description)
                    }
                    (true, false) => preprocess::by_pixel(row, &self.description),
                    (false, _) => row.to_owned(),
                });
            }
        }
        Ok(gradients)
    }

    /// The values of the tensors that were asked for: the picture's pixels less the mean colour,
    /// and the layers.
    fn values(
        &self,
        pixels: ArrayView3<'_, f32>,
        layers: impl Iterator<Item = ArrayD<f32>>,
    ) -> Result<Vec<Array3<f32>>, ClassifierError> {
        let mut values = Vec::new();
        if self.probe.pictured() {
            let mean = ndarray::arr1(&preprocess::mean_colour(&self.description));
            values.push(&pixels - &mean.insert_axis(Axis(1)).insert_axis(Axis(2)));
        }
        for layer in layers {
            let layer = layer
                .into_dimensionality::<Ix4>()
                .map_err(|e| ClassifierError::Run(e.to_string()))?;
            values.push(layer.index_axis_move(Axis(0), 0));
        }
        Ok(values)
    }
}

/// The session in its place, made by `runner` when first needed.
fn session_of<'a>(place: &'a mut Option<Session>, runner: &Runner) -> Result<&'a Session, ClassifierError> {
    match place {
        Some(session) => Ok(session),
        None => Ok(place.insert(runner.session()?)),
    }
}

/// The scores of one picture, whatever their shape.
fn flat(scores: Option<ArrayD<f32>>) -> Result<Vec<f32>, ClassifierError> {
    finite(scores.unwrap_or_default(), "scores").map(|scores| scores.into_raw_vec_and_offset().0)
}

fn finite(values: ArrayD<f32>, what: &str) -> Result<ArrayD<f32>, ClassifierError> {
    if values.iter().all(|v| v.is_finite()) {
        Ok(values)
    } else {
        Err(ClassifierError::Run(format!("non-finite {what}")))
    }
}
