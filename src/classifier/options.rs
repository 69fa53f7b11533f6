//! What a classifier computes besides scores.

use std::sync::Arc;

use onnx_grad::gradient::{Dense, RelevanceRule, ReluRule};

use crate::head::Head;

/// The gradients that a classifier computes besides the scores, and how. Classifiers of the same
/// model differ in nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ProbeOptions {
    /// Whether the model is made fully convolutional, and how its positions are then combined.
    pub dense: Option<Dense>,
    /// How a gradient passes a ReLU.
    pub relu: ReluRule,
    /// Relevance, which takes the place of all gradients.
    pub relevance: Option<RelevanceRule>,
    /// What is changed many times to watch the scores, if anything is.
    pub variants: Option<VariantsOf>,
    /// The feature maps whose values and gradients are computed, by the names of their tensors.
    pub layers: Vec<String>,
    /// Whether the layers are the attention of all blocks of a transformer, which is found in the
    /// model when it is loaded.
    pub attention: bool,
    /// Whether the gradient of the picture is computed in addition to those of the layers. Without
    /// layers it always is.
    pub picture: bool,
    /// The foreground head whose layers are computed too.
    pub head: Option<Arc<Head>>,
}

/// What is changed many times to watch the scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VariantsOf {
    /// The picture.
    Picture,
    /// Each of the layers.
    Layers,
}

impl ProbeOptions {
    /// Whether the gradient of the picture is one of those that are computed.
    pub(super) fn includes_picture(&self) -> bool {
        self.picture || self.layers.is_empty()
    }

    /// The feature maps that are computed: the layers, and those of the head that are not among
    /// them.
    pub(super) fn feature_maps(&self) -> Vec<String> {
        let mut maps = self.layers.clone();
        for tensor in self.head.iter().flat_map(|head| head.tensors()) {
            if !maps.contains(tensor) {
                maps.push(tensor.clone());
            }
        }
        maps
    }

    /// The number of tensors whose gradients are computed.
    pub(super) fn tensor_count(&self) -> usize {
        usize::from(self.includes_picture()) + self.feature_maps().len()
    }
}
