//! The description of a model as it is written, and what its keys may hold.

use std::collections::BTreeMap;
use std::path::PathBuf;

use onnx_grad::gradient::Background;
use serde::Deserialize;

use super::channels::Channels;
use super::element_type::ElementType;
use super::layout::Layout;
use super::scaling::Scaling;
use crate::geometry::Size;

/// The largest side of a network's input, in pixels.
const MAX_SIDE: usize = 4096;

/// The file as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct DescriptionFile {
    pub(super) title: String,
    pub(super) model: PathBuf,
    pub(super) classes: String,
    background: Option<BackgroundKey>,
    size: SizeKey,
    pub(super) canvas: usize,
    pub(super) channels: Channels,
    pub(super) layout: Option<Layout>,
    pub(super) dtype: Option<ElementType>,
    range: Option<f32>,
    mean: Option<PerChannel>,
    std: Option<PerChannel>,
    pub(super) target: Option<String>,
    pub(super) fetch: Option<String>,
    pub(super) accuracy: Option<f64>,
    #[serde(default)]
    pub(super) layers: BTreeMap<String, Vec<String>>,
}

/// `background`: whether, and where, there is a score that belongs to none of the classes.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected true, false, \"first\" or \"last\" for `background`"
)]
enum BackgroundKey {
    Flag(bool),
    Place(Background),
}

/// `size`: the side of a square, or height and width.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a number of pixels, or [height, width], for `size`"
)]
enum SizeKey {
    Square(usize),
    Sides([usize; 2]),
}

/// `mean` or `std`: one number for all channels, or one for each.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a number, or a list with one number for each channel"
)]
enum PerChannel {
    All(f32),
    Each(Vec<f32>),
}

impl DescriptionFile {
    /// The position of the background's score, if there is one. `true` stands for the first.
    pub(super) fn background(&self) -> Option<Background> {
        match self.background? {
            BackgroundKey::Flag(given) => given.then_some(Background::First),
            BackgroundKey::Place(place) => Some(place),
        }
    }

    /// The size of the input, after a check that it and the canvas are possible.
    pub(super) fn size(&self) -> Result<Size, String> {
        let [height, width] = match self.size {
            SizeKey::Square(side) => [side, side],
            SizeKey::Sides(sides) => sides,
        };
        let (longest, canvas) = (height.max(width), self.canvas);
        if height.min(width) < 1 || longest > canvas || canvas > MAX_SIDE {
            return Err(format!(
                "size {height} x {width} (height x width) and canvas {canvas} are out of range: \
                 1 <= size <= canvas <= {MAX_SIDE} must hold"
            ));
        }
        Ok(Size::new(width as u32, height as u32))
    }

    /// The scaling of the pixels. For integers it may be left out: the pixels are then taken as
    /// they are or, for int8, less 128.
    pub(super) fn scaling(&self) -> Result<Scaling, String> {
        let integers = self.dtype.filter(|dtype| dtype.is_integer());
        let whole = integers.map(ElementType::whole_pixels);
        let missing = || {
            "`range`, `mean` and `std` are missing; only for a `dtype` of integers may they be \
             left out"
                .to_owned()
        };
        let value = |key: &str, given: &Option<PerChannel>, default: Option<[f32; 3]>| match given {
            Some(given) => self.per_channel(key, given),
            None => default.ok_or_else(missing),
        };
        let scaling = Scaling {
            range: self.range.or(whole.map(|w| w.range)).ok_or_else(missing)?,
            mean: value("mean", &self.mean, whole.map(|w| w.mean))?,
            std: value("std", &self.std, whole.map(|w| w.std))?,
        };
        scaling.check()?;
        Ok(scaling)
    }

    /// One number for each of red, green and blue, from those that a key gives.
    fn per_channel(&self, key: &str, given: &PerChannel) -> Result<[f32; 3], String> {
        match given {
            PerChannel::All(one) => Ok([*one; 3]),
            PerChannel::Each(list) => match (list[..].try_into(), &list[..]) {
                (Ok(three), _) if self.channels != Channels::Grey => Ok(three),
                (_, [one]) if self.channels == Channels::Grey => Ok([*one; 3]),
                _ => Err(format!(
                    "`{key}` has {} numbers, but the {} have {}: give one number for each",
                    list.len(),
                    self.channels.described(),
                    self.channels.count()
                )),
            },
        }
    }
}
