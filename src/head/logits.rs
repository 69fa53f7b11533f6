//! What a head computes.

use ndarray::{Array2, Array3, ArrayView3};
use serde::{Deserialize, Serialize};

use super::file::Head;
use crate::geometry::Size;
use crate::saliency::resize_map;

/// The weights of one layer.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HeadLayer {
    /// The name of its tensor in the model.
    pub tensor: String,
    /// What is done to an activation before it is weighted.
    pub transform: Transform,
    /// One weight for each channel.
    pub weights: Vec<f32>,
}

/// What is done to an activation before it is weighted.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transform {
    /// Nothing: for activations of either sign.
    #[default]
    Identity,
    /// √max(A, 0): for activations that are never negative, few of which are large.
    Root,
}

impl Transform {
    /// The transformed activation.
    #[must_use]
    pub fn of(self, activation: f32) -> f32 {
        match self {
            Self::Identity => activation,
            Self::Root => activation.max(0.0).sqrt(),
        }
    }
}

impl HeadLayer {
    /// Σ wₖ f(Aₖ) over the channels of activations, [height, width].
    fn weighted_sum(&self, activations: ArrayView3<'_, f32>) -> Array2<f32> {
        let (_, height, width) = activations.dim();
        let mut sum = Array2::zeros((height, width));
        for (channel, &weight) in activations.outer_iter().zip(&self.weights) {
            sum.zip_mut_with(&channel, |sum, &a| *sum += weight * self.transform.of(a));
        }
        sum
    }
}

impl Head {
    /// z = b + Σ wₖ f(Aₖ) over the channels k of all layers, at the positions of the finest layer.
    /// Coarser layers are resized to it. `activations` are those of [`Head::layers`], in order.
    ///
    /// # Panics
    /// If there are no activations.
    #[must_use]
    pub fn logits(&self, activations: &[Array3<f32>]) -> Array2<f32> {
        let size = finest(activations);
        let mut logits = Array2::from_elem(size.shape(), self.bias);
        for (layer, own) in self.layers.iter().zip(activations) {
            logits += &resize_map(&layer.weighted_sum(own.view()), size);
        }
        logits
    }
}

/// The size of the largest map.
///
/// # Panics
/// If there are no activations.
pub(crate) fn finest(activations: &[Array3<f32>]) -> Size {
    let sizes = activations.iter().map(|a| {
        let (_, height, width) = a.dim();
        Size::new(width as u32, height as u32)
    });
    sizes
        .max_by_key(|size| size.area())
        .expect("a head has a layer")
}

#[cfg(test)]
mod tests {
    use ndarray::{Array, array};

    use super::*;
    use crate::head::LearnedOn;

    /// Two layers, the second at half the resolution, against the formula by hand.
    #[test]
    fn layers_are_weighted_and_added() {
        let layer = |transform, weights: &[f32]| HeadLayer {
            tensor: "t".into(),
            transform,
            weights: weights.to_vec(),
        };
        let head = Head {
            layers: vec![
                layer(Transform::Root, &[2.0, -1.0]),
                layer(Transform::Identity, &[10.0]),
            ],
            bias: 0.5,
            learned_on: LearnedOn::default(),
        };
        let fine = array![[[4.0, 9.0], [0.0, -1.0]], [[1.0, 0.0], [16.0, 0.0]]];
        let coarse = Array::from_elem((1, 1, 1), -0.1);
        assert_eq!(
            head.logits(&[fine, coarse]),
            array![[4.0 - 1.0 - 0.5, 6.0 - 0.5], [-4.0 - 0.5, -0.5]]
        );
    }
}
