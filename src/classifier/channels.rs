//! The colour channels of a network's input.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The colour channels of a network's input, and their order.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channels {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red, as in networks from Caffe.
    Bgr,
    /// One channel, the luma of ITU-R BT.601, rounded to whole levels as Pillow's mode `L` is:
    /// `L = ⌊0.299 R + 0.587 G + 0.114 B + 0.5⌋`, with weights in 65,536ths.
    Grey,
}

impl Channels {
    /// The number of channels.
    #[must_use]
    pub fn count(self) -> usize {
        match self {
            Self::Rgb | Self::Bgr => 3,
            Self::Grey => 1,
        }
    }

    /// The channels in words, for a message.
    pub(super) fn described(self) -> &'static str {
        match self {
            Self::Rgb => "channels \"rgb\"",
            Self::Bgr => "channels \"bgr\"",
            Self::Grey => "channels \"grey\"",
        }
    }
}

impl fmt::Display for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
