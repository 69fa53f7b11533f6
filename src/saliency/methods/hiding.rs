//! What methods are made of that hide parts of the picture, or of a feature map, and watch the score.

use ndarray::{Array2, Array3, ArrayView3};

use crate::geometry::Size;

/// Masks of a picture, [height, width], with values in 0..=1: 1 where the picture is shown, and 0
/// where it has the mean colour.
pub type Masks<'a> = Box<dyn Iterator<Item = Array2<f32>> + 'a>;

/// How a method hides parts, and what it concludes from the scores.
#[derive(Clone, Copy, Debug)]
pub struct Hiding {
    /// What is hidden.
    pub parts: HiddenParts,
    /// The score that is watched.
    pub score: WatchedScore,
    /// The effect of each value of the tensor on the score of a class, [channels, height, width]
    /// of any size: from the score of the whole picture, and the scores with each part hidden.
    pub effect: fn(&Hidden<'_>, f32, &[f32]) -> Array3<f32>,
}

/// What is hidden.
#[derive(Clone, Copy, Debug)]
pub enum HiddenParts {
    /// Parts of the picture, as these masks say.
    Picture(fn(&Hidden<'_>) -> Masks<'static>),
    /// The channels of the feature map, one after the other: they are set to 0.
    Channels,
}

/// The score that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchedScore {
    /// The score before the softmax.
    Logit,
    /// The probability of the class, after the softmax.
    Probability,
}

/// Where parts are hidden.
#[derive(Clone, Copy, Debug)]
pub struct Hidden<'a> {
    /// The values of the feature map, [channels, height, width]; those of the picture, less the mean
    /// colour, for a method that needs no layer.
    pub values: ArrayView3<'a, f32>,
    /// The size of the picture.
    pub size: Size,
    /// The number of random masks.
    pub samples: usize,
    /// The seed of random masks.
    pub rng_seed: u64,
}
