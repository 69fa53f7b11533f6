//! From the outputs of a gradient model to values and gradients.

use ndarray::{Array3, ArrayD, ArrayView3, ArrayViewD, Axis, Ix3};

use super::description::ModelDescription;
use super::error::ClassifierError;
use super::layers::FeatureLayout;
use super::options::ProbeOptions;
use super::preprocess;

/// A classifier's answer to a picture.
#[derive(Clone, Debug)]
pub struct Response {
    /// The class scores before the softmax, in the order of [`ModelDescription::classes`].
    pub scores: Vec<f32>,
    /// The values of the tensors of [`ProbeOptions`], each [channels, height, width]: first the
    /// picture's pixels less the mean colour (RGB), if they are one of the tensors, then the
    /// layers.
    pub values: Vec<Array3<f32>>,
    /// For each class, then for each of these tensors: d score / d value, of the tensor's shape; or
    /// the relevance of each value ([`ProbeOptions::relevance`]).
    pub gradients: Vec<Vec<Array3<f32>>>,
    /// The activations of the head's layers, each [channels, height, width].
    pub head: Vec<Array3<f32>>,
}

/// Reads the outputs of a gradient model.
pub(super) struct OutputReader<'a> {
    pub(super) description: &'a ModelDescription,
    pub(super) probe: &'a ProbeOptions,
    /// How the numbers of each feature map are laid out.
    pub(super) layouts: &'a [FeatureLayout],
}

impl OutputReader<'_> {
    /// The gradients, first by class and then by tensor. Each output belongs to one tensor and has
    /// one row for each class.
    pub(super) fn gradients(
        &self,
        outputs: impl Iterator<Item = ArrayD<f32>>,
        classes: usize,
    ) -> Result<Vec<Vec<Array3<f32>>>, ClassifierError> {
        let mut gradients = vec![Vec::new(); classes];
        let own = usize::from(self.probe.includes_picture()) + self.probe.layers.len();
        for (tensor, output) in outputs.enumerate() {
            let rows = ensure_finite(output, "gradients")?;
            // Of a layer that only the head looks at, the gradient is not asked for.
            if tensor >= own {
                continue;
            }
            let count = rows.len_of(Axis(0));
            if count != classes {
                return Err(ClassifierError::Run(format!(
                    "the network returned {count} gradients for {classes} classes"
                )));
            }
            for (row, of_class) in rows.outer_iter().zip(&mut gradients) {
                of_class.push(self.gradient(tensor, &row)?);
            }
        }
        Ok(gradients)
    }

    /// The gradient of one class with respect to one tensor, by the pixels if it is the picture. The
    /// relevance of a pixel is that of the network's input, whatever its scale is.
    fn gradient(
        &self,
        tensor: usize,
        row: &ArrayViewD<'_, f32>,
    ) -> Result<Array3<f32>, ClassifierError> {
        if !self.probe.includes_picture() || tensor > 0 {
            let layer = tensor - usize::from(self.probe.includes_picture());
            return Ok(self.feature_map(layer, row));
        }
        let row = row.view().into_dimensionality::<Ix3>();
        let row = row.map_err(|e| ClassifierError::Run(e.to_string()))?;
        Ok(if self.probe.relevance.is_some() {
            preprocess::in_rgb(row, self.description).to_owned()
        } else {
            preprocess::gradient_by_pixel(row, self.description)
        })
    }

    /// One of the feature maps, or its gradient, [channels, height, width].
    fn feature_map(&self, layer: usize, values: &ArrayViewD<'_, f32>) -> Array3<f32> {
        let values = values.as_standard_layout();
        let values = values.as_slice().expect("it is in the standard layout");
        self.layouts[layer].read(values)
    }

    /// The values of the tensors: the pixels less the mean colour, if the picture is one of them,
    /// and the layers, which are the first feature maps.
    pub(super) fn values(
        &self,
        pixels: ArrayView3<'_, f32>,
        layers: &[Array3<f32>],
    ) -> Vec<Array3<f32>> {
        let mut values = Vec::new();
        if self.probe.includes_picture() {
            let mean = ndarray::arr1(&preprocess::mean_colour(self.description));
            values.push(&pixels - &mean.insert_axis(Axis(1)).insert_axis(Axis(2)));
        }
        values.extend_from_slice(&layers[..self.probe.layers.len()]);
        values
    }

    /// The feature maps of the network, each [channels, height, width].
    pub(super) fn feature_maps(
        &self,
        outputs: impl Iterator<Item = ArrayD<f32>>,
    ) -> Vec<Array3<f32>> {
        let layers = outputs.enumerate();
        layers
            .map(|(layer, output)| self.feature_map(layer, &output.view()))
            .collect()
    }

    /// The activations of the head's layers among the feature maps.
    pub(super) fn head(&self, maps: &[Array3<f32>]) -> Vec<Array3<f32>> {
        let names = self.probe.feature_maps();
        let place = |tensor| names.iter().position(|name| name == tensor);
        let tensors = self.probe.head.iter().flat_map(|head| head.tensors());
        tensors
            .filter_map(place)
            .map(|place| maps[place].clone())
            .collect()
    }
}

/// The scores of one picture, whatever the shape of the output is.
pub(super) fn read_scores(output: Option<ArrayD<f32>>) -> Result<Vec<f32>, ClassifierError> {
    let scores = ensure_finite(output.unwrap_or_default(), "scores")?;
    Ok(scores.into_raw_vec_and_offset().0)
}

fn ensure_finite(values: ArrayD<f32>, what: &str) -> Result<ArrayD<f32>, ClassifierError> {
    if values.iter().all(|v| v.is_finite()) {
        Ok(values)
    } else {
        Err(ClassifierError::Run(format!("non-finite {what}")))
    }
}
