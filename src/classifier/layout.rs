//! The order of the axes of a network's input.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::geometry::Size;

/// The order of the axes of a network's input. N is the axis of the batch, of length 1.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// [1, channels, height, width], as exported from PyTorch.
    Nchw,
    /// [1, height, width, channels], as exported from TensorFlow.
    Nhwc,
    /// [channels, height, width].
    Chw,
    /// [height, width, channels].
    Hwc,
    /// [1, height, width], for grey pictures.
    Nhw,
    /// [height, width], for grey pictures.
    Hw,
}

impl Layout {
    /// All layouts, the usual one first.
    pub(super) const ALL: [Self; 6] = [
        Self::Nchw,
        Self::Nhwc,
        Self::Chw,
        Self::Hwc,
        Self::Nhw,
        Self::Hw,
    ];

    /// The shape of a picture, or `None` for a layout without an axis for several channels.
    pub(super) fn shape(self, channels: usize, size: Size) -> Option<Vec<usize>> {
        let (height, width) = size.shape();
        Some(match self {
            Self::Nchw => vec![1, channels, height, width],
            Self::Nhwc => vec![1, height, width, channels],
            Self::Chw => vec![channels, height, width],
            Self::Hwc => vec![height, width, channels],
            Self::Nhw if channels == 1 => vec![1, height, width],
            Self::Hw if channels == 1 => vec![height, width],
            Self::Nhw | Self::Hw => return None,
        })
    }

    /// Which axis is which.
    pub(super) fn axes(self) -> Axes {
        let (rank, channels, height, width) = match self {
            Self::Nchw => (4, Some(1), 2, 3),
            Self::Nhwc => (4, Some(3), 1, 2),
            Self::Chw => (3, Some(0), 1, 2),
            Self::Hwc => (3, Some(2), 0, 1),
            Self::Nhw => (3, None, 1, 2),
            Self::Hw => (2, None, 0, 1),
        };
        Axes {
            rank,
            channels,
            height,
            width,
        }
    }

    /// Whether the first axis is that of the batch.
    pub(super) fn has_batch(self) -> bool {
        matches!(self, Self::Nchw | Self::Nhwc | Self::Nhw)
    }
}

/// The axes of a picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axes {
    /// The number of axes, with that of the batch.
    pub(super) rank: usize,
    pub(super) channels: Option<usize>,
    pub(super) height: usize,
    pub(super) width: usize,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
