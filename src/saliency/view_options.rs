//! The table `[view]` of a pipeline.

use std::fmt;

use onnx_grad::gradient::Dense;
use serde::{Deserialize, Serialize};

use super::resize::Filter;
use crate::remedy::Refused;

/// How the photo is shown to the classifier: the table `[view]` of a pipeline.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ViewOptions {
    /// The crops.
    pub kind: ViewKind,
    /// The resizing filter.
    pub filter: Filter,
    /// Whether the mirror image of each crop is shown too. Ten crops include their mirror images.
    #[serde(default)]
    pub flip: bool,
    /// For a warp: up to four sizes at which the photo is shown, as multiples (1 to 8) of the
    /// network's input size. If there are none, the photo is shown at the network's input size.
    /// Otherwise the network is made fully convolutional, and the score of a class is the mean over
    /// positions.
    #[serde(default)]
    pub scales: Vec<f64>,
    /// For a warp: the side of the square frame in which maps are made and the object is cut out, 1
    /// to 4096 pixels. The default is a frame of the size of the network's input.
    pub frame: Option<u32>,
}

/// The crops of a view.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ViewKind {
    /// The photo is resized so that its shorter side is that of the model's canvas. The crops are
    /// the four corners and the centre of the central square, and their mirror images: the ten
    /// sub-images of section 3 of the paper.
    TenCrop,
    /// The whole photo is warped to the network's input.
    Warp,
    /// The photo is resized so that its shorter side is that of the model's canvas, and the network
    /// is run on all of it, fully convolutionally.
    Dense,
}

/// The largest number of scales: as many sizes as a classifier keeps compiled.
const MAX_SCALES: usize = 4;
/// The largest side of a warp's frame, in pixels.
const MAX_FRAME: u32 = 4096;

impl ViewOptions {
    /// One warp to the network's input.
    #[must_use]
    pub const fn warp(filter: Filter) -> Self {
        Self {
            kind: ViewKind::Warp,
            filter,
            flip: false,
            scales: vec![],
            frame: None,
        }
    }

    pub(crate) fn check(&self) -> Result<(), Refused> {
        let Self {
            kind,
            flip,
            ref scales,
            frame,
            ..
        } = *self;
        if kind == ViewKind::TenCrop && flip {
            return Err(Refused::with_advice(
                "view.flip: ten crops include their mirror images",
                "view.flip = false",
            ));
        }
        if kind != ViewKind::Warp && (!scales.is_empty() || frame.is_some()) {
            return Err(Refused::with_advice(
                "view.scales and view.frame apply only to a warp",
                "leave them out, or view.kind = \"warp\"",
            ));
        }
        if scales.iter().any(|scale| !(1.0..=8.0).contains(scale)) {
            return Err(format!("view.scales {scales:?} are not all in 1..8").into());
        }
        if scales.len() > MAX_SCALES {
            let count = scales.len();
            return Err(format!("view.scales: {count} scales are more than {MAX_SCALES}").into());
        }
        if frame.is_some_and(|frame| !(1..=MAX_FRAME).contains(&frame)) {
            return Err(format!("view.frame is not in 1..{MAX_FRAME}").into());
        }
        Ok(())
    }

    /// Whether the network must be made fully convolutional, and how its positions are combined.
    #[must_use]
    pub fn dense(&self) -> Option<Dense> {
        match self.kind {
            ViewKind::Dense => Some(Dense::Positive),
            _ if self.scales.is_empty() => None,
            _ => Some(Dense::Mean),
        }
    }

    /// Whether the mirror image of each crop is shown too.
    pub(super) fn shows_mirror_images(&self) -> bool {
        self.flip || self.kind == ViewKind::TenCrop
    }
}

/// The view in a few words, such as "10 crops".
impl fmt::Display for ViewOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, self.scales.len()) {
            (ViewKind::TenCrop, _) => f.write_str("10 crops"),
            (ViewKind::Warp, 0 | 1) => f.write_str("one warp"),
            (ViewKind::Warp, n) => write!(f, "{n} warps"),
            (ViewKind::Dense, _) => f.write_str("fully convolutional"),
        }?;
        if self.flip {
            f.write_str(", mirrored too")?;
        }
        Ok(())
    }
}
