//! The methods: one file each, one line each in [`METHODS`].
//!
//! A method is a formula from tensors of the network to a map. Crops, mirror images, scales, noise,
//! the fusion of layers and smoothing are the same for all and live next door.

mod cam;
mod deconvnet;
mod full_grad;
mod grad_cam;
mod grad_cam_plus_plus;
mod gradient;
mod gradient_input;
mod gradient_norm;
mod guided;
mod integrated;
mod layer_cam;
mod smoothgrad;
mod vargrad;

use ndarray::{Array3, ArrayView3, Axis};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use onnx_grad::gradient::ReluRule;

/// A tensor of the network when it sees one picture, and the gradient of a class score with respect
/// to it: both of shape [channels, height, width]. The picture is such a tensor, its pixels less
/// the mean colour; feature maps are others.
#[derive(Clone, Copy, Debug)]
pub struct LayerTensor<'a> {
    /// The values.
    pub values: ArrayView3<'a, f32>,
    /// d score / d value.
    pub gradient: ArrayView3<'a, f32>,
}

/// Which tensors a method wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The picture.
    Picture,
    /// Feature maps: the pipeline's `layers`.
    Layers,
    /// The picture and feature maps.
    Both,
}

/// What is shown to the network of each crop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The crop; with noise in the pipeline, several noisy copies whose maps are averaged.
    Crop,
    /// Several noisy copies.
    Noisy,
    /// Several steps of the straight way from the mean colour to the crop.
    Path,
}

/// A way to make a saliency map.
#[derive(Debug)]
pub struct Method {
    /// Its name in a pipeline.
    pub name: &'static str,
    /// Where it comes from.
    pub paper: &'static str,
    /// Its published localisation on ILSVRC's validation set, and how that was made.
    pub published: &'static str,
    /// How the gradient passes a ReLU, unless the pipeline says otherwise.
    pub relu: ReluRule,
    /// The tensors it wants.
    pub wanted: Wanted,
    /// What it shows to the network.
    pub shown: Shown,
    /// The map of one tensor, [channels, height, width] of the tensor, from its values and
    /// gradients at each picture shown. The saliency is the maximum over channels of its absolute
    /// value.
    pub map: fn(&[LayerTensor<'_>]) -> Array3<f32>,
}

/// All methods.
pub static METHODS: [&Method; 13] = [
    &gradient::METHOD,
    &guided::METHOD,
    &deconvnet::METHOD,
    &gradient_input::METHOD,
    &integrated::METHOD,
    &smoothgrad::METHOD,
    &vargrad::METHOD,
    &cam::METHOD,
    &grad_cam::METHOD,
    &grad_cam_plus_plus::METHOD,
    &layer_cam::METHOD,
    &full_grad::METHOD,
    &gradient_norm::METHOD,
];

impl Method {
    /// The method of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        METHODS.into_iter().find(|method| method.name == name)
    }
}

impl PartialEq for Method {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Method {}

impl Serialize for Method {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

impl<'de> Deserialize<'de> for &'static Method {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Method::find(&name).ok_or_else(|| {
            let names: Vec<_> = METHODS
                .iter()
                .map(|method| format!("`{}`", method.name))
                .collect();
            de::Error::custom(format!(
                "unknown method `{name}`, expected one of {}",
                names.join(", ")
            ))
        })
    }
}

/// The mean over samples of a formula of one tensor.
fn mean(samples: &[LayerTensor<'_>], formula: impl Fn(&LayerTensor<'_>) -> Array3<f32>) -> Array3<f32> {
    let mut maps = samples.iter().map(formula);
    let mut sum = maps.next().expect("a method is shown one picture at least");
    maps.for_each(|map| sum += &map);
    sum / samples.len() as f32
}

/// Σₖ over the channels of a map.
fn over_channels(map: &Array3<f32>) -> Array3<f32> {
    map.sum_axis(Axis(0)).insert_axis(Axis(0))
}

/// Σₖ cₖ Aₖ over the channels of the values A.
fn weighted(tensor: &LayerTensor<'_>, weights: impl Fn(usize) -> f32) -> Array3<f32> {
    let mut map = tensor.values.to_owned();
    map.outer_iter_mut()
        .enumerate()
        .for_each(|(k, mut channel)| channel *= weights(k));
    over_channels(&map)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique() {
        let names: HashSet<_> = METHODS.iter().map(|method| method.name).collect();
        assert_eq!(names.len(), METHODS.len());
    }
}
