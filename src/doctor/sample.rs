//! Some photos of a dataset, for checks that cannot look at all of them.

use ndarray::Array3;

use crate::classifier::{Classifier, ModelDescription, pixels};
use crate::dataset::{self, Jpeg, Photo};
use crate::saliency::{Filter, View, ViewOptions};

/// Up to `count` indices, evenly spread over `total`.
pub(super) fn spread(total: usize, count: usize) -> impl Iterator<Item = usize> {
    let count = count.min(total);
    (0..count).map(move |i| i * total / count)
}

/// A photo as the network's input, warped to its size; `None` where the photo cannot be read.
pub(super) fn network_input(photo: &Photo, classifier: &Classifier) -> Option<Array3<f32>> {
    let picture = dataset::read(&photo.path, Jpeg::Strict).ok()?;
    let ModelDescription { size, canvas, .. } = classifier.description;
    let view = View::new(&picture, &ViewOptions::warp(Filter::Bilinear), size, canvas).ok()?;
    Some(pixels(&view.frame))
}
