//! The parts that the formulas of several methods share.

use ndarray::{Array3, Axis};

use super::method::LayerTensor;

/// The mean over samples of a formula of one tensor.
///
/// # Panics
/// If there are no samples.
pub(super) fn mean_over_samples(
    samples: &[LayerTensor<'_>],
    formula: impl Fn(&LayerTensor<'_>) -> Array3<f32>,
) -> Array3<f32> {
    let mut maps = samples.iter().map(formula);
    let mut sum = maps.next().expect("every method has at least one sample");
    for map in maps {
        sum += &map;
    }
    sum / samples.len() as f32
}

/// Σₖ over the channels of a map, as a map with one channel.
pub(super) fn sum_over_channels(map: &Array3<f32>) -> Array3<f32> {
    map.sum_axis(Axis(0)).insert_axis(Axis(0))
}

/// Σₖ cₖ Aₖ over the channels k of the values A, as a map with one channel.
pub(super) fn weighted_sum(tensor: &LayerTensor<'_>, weight: impl Fn(usize) -> f32) -> Array3<f32> {
    let mut map = tensor.values.to_owned();
    for (k, mut channel) in map.outer_iter_mut().enumerate() {
        channel *= weight(k);
    }
    sum_over_channels(&map)
}

/// Σₖ ḡₖ Aₖ, with ḡₖ the mean of ∂S/∂Aₖ over positions: the map of CAM and Grad-CAM.
pub(super) fn sum_weighted_by_mean_gradient(tensor: &LayerTensor<'_>) -> Array3<f32> {
    weighted_sum(tensor, |k| {
        tensor.gradient.index_axis(Axis(0), k).mean().unwrap_or(0.0)
    })
}

/// The mean of the gradients over samples.
pub(super) fn mean_gradient(samples: &[LayerTensor<'_>]) -> Array3<f32> {
    mean_over_samples(samples, |tensor| tensor.gradient.to_owned())
}
