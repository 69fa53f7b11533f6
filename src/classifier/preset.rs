//! Presets: what the usual libraries do with pixels before their networks see them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::channels::Channels;
use super::scaling::Scaling;

/// What a library does with pixels before its networks see them.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// torchvision: RGB in 0..=1, less ImageNet's mean, divided by its standard deviation.
    Torchvision,
    /// timm: as torchvision, which is timm's default (`IMAGENET_DEFAULT_MEAN`). Many of its
    /// transformers take [`Preset::Tf`] (`IMAGENET_INCEPTION_MEAN`).
    Timm,
    /// Caffe: BGR in 0..=255, less the mean colour.
    Caffe,
    /// Caffe's mean colour, but RGB: converted networks whose first layer was reordered.
    CaffeRgb,
    /// Keras Applications. Each family has its own `preprocess_input`, so the family must be known.
    Keras,
    /// TensorFlow (tf-slim, TensorFlow Hub, TFLite): RGB in −1..=1.
    Tf,
    /// RGB in 0..=1.
    Unit,
    /// RGB in 0..=255, for networks that scale the pixels themselves.
    Raw,
}

impl Preset {
    /// All presets, in the order in which they are listed.
    pub const ALL: [Self; 8] = [
        Self::Torchvision,
        Self::Timm,
        Self::Caffe,
        Self::CaffeRgb,
        Self::Keras,
        Self::Tf,
        Self::Unit,
        Self::Raw,
    ];

    /// The channels and the scaling; `None` where they depend on the family of the network.
    pub(super) fn pixels(self) -> Option<(Channels, Scaling)> {
        let (channels, range, mean, std) = match self {
            // Mean and standard deviation of ImageNet's training photos, in 0..=1.
            Self::Torchvision | Self::Timm => (
                Channels::Rgb,
                1.0,
                [0.485, 0.456, 0.406],
                [0.229, 0.224, 0.225],
            ),
            // The mean colour of bvlc_googlenet's train_val.prototxt.
            Self::Caffe => (Channels::Bgr, 255.0, [123.0, 117.0, 104.0], [1.0; 3]),
            Self::CaffeRgb => (Channels::Rgb, 255.0, [123.0, 117.0, 104.0], [1.0; 3]),
            Self::Tf => (Channels::Rgb, 1.0, [0.5; 3], [0.5; 3]),
            Self::Unit => (Channels::Rgb, 1.0, [0.0; 3], [1.0; 3]),
            Self::Raw => (Channels::Rgb, 255.0, [0.0; 3], [1.0; 3]),
            Self::Keras => return None,
        };
        Some((channels, Scaling { range, mean, std }))
    }

    /// The shorter side of a photo from which an input of 256 pixels or less is cropped, where the
    /// library fixes it.
    pub(super) fn canvas(self) -> Option<usize> {
        matches!(self, Self::Caffe | Self::CaffeRgb).then_some(256)
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
