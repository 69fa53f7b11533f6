//! From activations to the features of positions.

use ndarray::{Array2, Array3, Axis, concatenate};

use super::photo::LearnPhoto;
use crate::head::{Head, HeadLayer, LearnedOn, Transform, finest};
use crate::saliency::resize_map;

/// The features of a photo's positions, crop by crop and row by row: f(A) of the channels of all
/// layers, [positions, features]. Coarser layers are resized to the finest one.
pub(super) fn features(photo: &LearnPhoto, transforms: &[Transform]) -> Array2<f32> {
    let crops: Vec<Array2<f32>> = photo
        .activations
        .iter()
        .map(|layers| features_of_crop(layers, transforms))
        .collect();
    let views: Vec<_> = crops.iter().map(|crop| crop.view()).collect();
    concatenate(Axis(0), &views).expect("all crops have the same features")
}

fn features_of_crop(layers: &[Array3<f32>], transforms: &[Transform]) -> Array2<f32> {
    let size = finest(layers);
    let channels: usize = layers.iter().map(|layer| layer.len_of(Axis(0))).sum();
    let mut features = Array2::zeros((size.area(), channels));
    let mut columns = features.axis_iter_mut(Axis(1));
    for (layer, transform) in layers.iter().zip(transforms) {
        for channel in layer.outer_iter() {
            let map = resize_map(&channel.mapv(|a| transform.of(a)), size);
            let mut column = columns.next().expect("a column for each channel");
            column.iter_mut().zip(map).for_each(|(to, from)| *to = from);
        }
    }
    features
}

/// The transforms that suit the layers: the root for one in which nothing is negative.
pub(super) fn transforms(photos: &[LearnPhoto], layers: usize) -> Vec<Transform> {
    let is_positive = |layer: usize| {
        let crops = photos.iter().flat_map(|photo| &photo.activations);
        crops.flat_map(|crop| &crop[layer]).all(|&a| a >= 0.0)
    };
    (0..layers)
        .map(|layer| {
            if is_positive(layer) {
                Transform::Root
            } else {
                Transform::Identity
            }
        })
        .collect()
}

/// A head with these weights, which are those of the features in order.
pub(super) fn head_of(
    tensors: &[String],
    transforms: &[Transform],
    channels: &[usize],
    weights: &[f64],
    bias: f64,
) -> Head {
    let mut rest = weights;
    let mut layers = Vec::new();
    for ((tensor, &transform), &count) in tensors.iter().zip(transforms).zip(channels) {
        let (own, others) = rest.split_at(count);
        rest = others;
        layers.push(HeadLayer {
            tensor: tensor.clone(),
            transform,
            weights: own.iter().map(|&w| w as f32).collect(),
        });
    }
    Head {
        bias: bias as f32,
        learned_on: LearnedOn::default(),
        layers,
    }
}
