//! Some photos of a dataset, for checks that cannot look at all of them.

use ndarray::Array3;

use crate::classifier::{Classifier, ModelDescription, pixels};
use crate::dataset::{self, Jpeg, Photo};
use crate::saliency::{Filter, View, ViewKind, ViewOptions};

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

/// The central crop of a photo as the network's input, the usual one of evaluations; `None` where
/// the photo cannot be read.
pub(super) fn central_crop(photo: &Photo, classifier: &Classifier) -> Option<Array3<f32>> {
    /// The position of the centre among ten crops.
    const CENTRE: usize = 4;
    let picture = dataset::read(&photo.path, Jpeg::Strict).ok()?;
    let ModelDescription { size, canvas, .. } = classifier.description;
    let ten_crops = ViewOptions {
        kind: ViewKind::TenCrop,
        ..ViewOptions::warp(Filter::Bilinear)
    };
    let view = View::new(&picture, &ten_crops, size, canvas).ok()?;
    Some(pixels(&view.crops[CENTRE].picture))
}
