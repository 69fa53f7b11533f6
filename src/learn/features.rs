//! From activations to the features of positions.

use ndarray::{Array2, Array3, Axis, concatenate};

use super::photo::LearnPhoto;
use crate::head::{Head, HeadLayer, LearnedOn, Transform, finest};
use crate::saliency::resize_map;

/// The features of a photo's positions, crop by crop and row by row: f(A) of the channels of all
/// layers, [positions, features]. Coarser layers are resized to the finest one.
pub(super) fn features(photo: &LearnPhoto, layers: &[HeadLayer]) -> Array2<f32> {
    let crops: Vec<Array2<f32>> = photo
        .activations
        .iter()
        .map(|activations| features_of_crop(activations, layers))
        .collect();
    let views: Vec<_> = crops.iter().map(|crop| crop.view()).collect();
    concatenate(Axis(0), &views).expect("all crops have the same features")
}

fn features_of_crop(activations: &[Array3<f32>], layers: &[HeadLayer]) -> Array2<f32> {
    let size = finest(activations);
    let channels: usize = layers.iter().map(|layer| layer.weights.len()).sum();
    let mut features = Array2::zeros((size.area(), channels));
    let mut columns = features.axis_iter_mut(Axis(1));
    for (layer, own) in layers.iter().zip(activations) {
        for channel in own.outer_iter() {
            let map = resize_map(&channel.mapv(|a| layer.transform.of(a)), size);
            let mut column = columns.next().expect("a column for each channel");
            column.iter_mut().zip(map).for_each(|(to, from)| *to = from);
        }
    }
    features
}

/// The layers of a head, without weights: with as many channels as the photos have, and the
/// transforms that suit them, which is the root for a layer in which nothing is negative.
pub(super) fn layers(photos: &[LearnPhoto], tensors: &[String]) -> Vec<HeadLayer> {
    let is_positive = |layer: usize| {
        let crops = photos.iter().flat_map(|photo| &photo.activations);
        crops.flat_map(|crop| &crop[layer]).all(|&a| a >= 0.0)
    };
    let with_shape = tensors.iter().zip(&photos[0].activations[0]).enumerate();
    with_shape
        .map(|(i, (tensor, activations))| HeadLayer {
            tensor: tensor.clone(),
            transform: if is_positive(i) {
                Transform::Root
            } else {
                Transform::Identity
            },
            weights: vec![0.0; activations.len_of(Axis(0))],
        })
        .collect()
}

/// The head of these layers with these weights, which are those of the features in order.
pub(super) fn head_of(layers: &[HeadLayer], weights: &[f64], bias: f64) -> Head {
    let mut layers = layers.to_vec();
    let places = layers.iter_mut().flat_map(|layer| &mut layer.weights);
    for (place, &weight) in places.zip(weights) {
        *place = weight as f32;
    }
    Head {
        bias: bias as f32,
        learned_on: LearnedOn::default(),
        layers,
    }
}
