//! What a method is.

use ndarray::{Array3, ArrayView3};
use onnx_grad::gradient::{RelevanceRule, ReluRule};
use serde::{Serialize, Serializer};

use super::hiding::Hiding;

/// A tensor of the network for one input picture, and the gradient of a class score with respect to
/// it, both of shape [channels, height, width]. The tensor is a feature map, or the picture itself:
/// its pixels less the mean colour. The attention of a block has the shape [heads, tokens, tokens].
#[derive(Clone, Copy, Debug)]
pub struct LayerTensor<'a> {
    /// The values.
    pub values: ArrayView3<'a, f32>,
    /// d score / d value, or the other measure of a method's [`Effect`].
    pub gradient: ArrayView3<'a, f32>,
}

/// The tensors whose values and gradients a method needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequiredTensors {
    /// The picture.
    Picture,
    /// The feature maps that the pipeline names in `saliency.layers`.
    Layers,
    /// The picture and the feature maps.
    Both,
    /// The attention of all blocks of a transformer: what its softmaxes make, of shape [1, heads,
    /// tokens, tokens]. A method's formula gets them in place of the pictures of a crop, from the
    /// first block to the last.
    Attention,
}

/// How a method measures what the values of a tensor do to a class score.
#[derive(Clone, Copy, Debug)]
pub enum Effect {
    /// By the gradient of the score. It passes a ReLU by this rule, unless the pipeline sets another.
    Gradient(ReluRule),
    /// By their relevance: the score is handed back from layer to layer.
    Relevance(RelevanceRule),
    /// By the scores of the network when parts of the picture or of a layer are hidden.
    Hidden(Hiding),
}

/// The pictures that are made of each crop and given to the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// The crop itself. If the pipeline adds noise, several noisy copies, whose maps are averaged.
    Crop,
    /// Several noisy copies of the crop.
    Noisy,
    /// Several points on the straight line from the mean colour to the crop.
    Path,
    /// The crop itself, and then copies of it that are hidden in part at random.
    RandomlyHidden,
}

/// The last feature maps before the pooling.
pub(super) const LAST: &str = "last";
/// Feature maps some blocks before the last ones, of a higher resolution.
pub(super) const INNER: &str = "inner";

/// A way to make a saliency map.
#[derive(Debug)]
pub struct Method {
    /// Its name in a pipeline.
    pub name: &'static str,
    /// The paper that describes it.
    pub paper: &'static str,
    /// Its published localisation accuracy on ILSVRC's validation set, and how that was measured.
    pub published: &'static str,
    /// How it measures what values do to a class score.
    pub effect: Effect,
    /// The tensors that it needs.
    pub tensors: RequiredTensors,
    /// The layers that it is usually used with, where it needs feature maps: a name that models'
    /// descriptions define.
    pub usual_layers: &'static str,
    /// The pictures that it makes of each crop.
    pub sampling: Sampling,
    /// The map of one tensor, [channels, height, width] with the tensor's height and width, from
    /// the tensor's values and gradients for each picture of a crop. The saliency is the maximum
    /// over channels of the map's absolute value.
    pub map: fn(&[LayerTensor<'_>]) -> Array3<f32>,
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
