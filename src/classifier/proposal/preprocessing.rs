//! How photos become the numbers of a network's input, as far as something beside the ONNX file says.

use super::super::channels::Channels;
use super::super::layout::Layout;
use super::super::preset::Preset;
use super::super::scaling::Scaling;
use crate::geometry::Size;

/// How photos become the numbers of a network's input.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Preprocessing {
    pub(super) channels: Channels,
    pub(super) scaling: Scaling,
    /// The size of the input.
    pub(super) size: Option<Size>,
    /// The photo's shorter side before an input of that size is cropped from it, in pixels.
    pub(super) canvas: Option<usize>,
    /// Whether an ONNX file with an input of another size contradicts it.
    pub(super) is_size_binding: bool,
    /// The layout of the library's exports, for a model that leaves all axes open.
    pub(super) layout: Layout,
    /// Where this comes from, in words.
    pub(super) origin: String,
}

impl Preprocessing {
    /// That of a preset; `None` where it depends on the family of the network.
    pub(super) fn from_preset(preset: Preset) -> Option<Self> {
        let (channels, scaling) = preset.pixels()?;
        Some(Self {
            channels,
            scaling,
            size: None,
            canvas: preset.canvas(),
            is_size_binding: false,
            layout: match preset {
                Preset::Tf | Preset::Keras => Layout::Nhwc,
                _ => Layout::Nchw,
            },
            origin: format!("the preset {preset}"),
        })
    }

    /// The canvas for an input of this size: the one that is given for it, or else size / 0.875,
    /// the central crop of all the libraries (256 for 224).
    pub(super) fn canvas_for(&self, size: Size) -> usize {
        let longest = size.width.max(size.height) as usize;
        let usual = (longest as f64 / 0.875).round() as usize;
        let is_for_size = self.size.is_none_or(|given| given == size);
        match self.canvas {
            Some(canvas) if is_for_size && canvas >= longest => canvas,
            _ => usual,
        }
    }
}
