//! The type of the numbers in a network's input.

use std::fmt;

use onnx_grad::onnx::proto::tensor_proto::DataType;
use serde::{Deserialize, Serialize};

use super::scaling::Scaling;

/// The type of the numbers in a network's input.
///
/// Networks of any type are run in float32. An integer input is fed the whole numbers that it would
/// be fed otherwise, and numbers between them where a saliency method needs these.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ElementType {
    /// Single precision.
    Float32,
    /// Half precision.
    Float16,
    /// The upper half of a float32.
    Bfloat16,
    /// Double precision.
    Float64,
    /// 0..=255, as pixels are stored.
    Uint8,
    /// −128..=127.
    Int8,
    /// 0..=65,535.
    Uint16,
    /// −32,768..=32,767.
    Int16,
    /// −2³¹..2³¹.
    Int32,
    /// −2⁶³..2⁶³.
    Int64,
}

impl ElementType {
    /// The type of ONNX files, or `None` for one that holds no pixels.
    pub(super) fn from_onnx(kind: DataType) -> Option<Self> {
        Some(match kind {
            DataType::Float => Self::Float32,
            DataType::Float16 => Self::Float16,
            DataType::Bfloat16 => Self::Bfloat16,
            DataType::Double => Self::Float64,
            DataType::Uint8 => Self::Uint8,
            DataType::Int8 => Self::Int8,
            DataType::Uint16 => Self::Uint16,
            DataType::Int16 => Self::Int16,
            DataType::Int32 => Self::Int32,
            DataType::Int64 => Self::Int64,
            _ => return None,
        })
    }

    /// Whether it holds whole numbers only.
    pub(super) fn is_integer(self) -> bool {
        self.bounds().is_some()
    }

    /// The smallest and the largest number of an integer type, as far as float32 tells them apart.
    fn bounds(self) -> Option<[f32; 2]> {
        Some(match self {
            Self::Float32 | Self::Float16 | Self::Bfloat16 | Self::Float64 => return None,
            Self::Uint8 => [0.0, 255.0],
            Self::Int8 => [-128.0, 127.0],
            Self::Uint16 => [0.0, 65_535.0],
            Self::Int16 => [-32_768.0, 32_767.0],
            Self::Int32 | Self::Int64 => [i32::MIN as f32, i32::MAX as f32],
        })
    }

    /// The scaling that an integer type takes pixels with: 0..=255 as they are, or −128..=127.
    pub(super) fn whole_pixels(self) -> Scaling {
        let mean = if self == Self::Int8 { 128.0 } else { 0.0 };
        Scaling {
            range: 255.0,
            mean: [mean; 3],
            std: [1.0; 3],
        }
    }

    /// Whether each of the pixel values 0..=255 is scaled to a number that the type holds.
    pub(super) fn holds(self, scaling: &Scaling) -> bool {
        let Some([low, high]) = self.bounds() else {
            return true;
        };
        (0..3).all(|channel| {
            (0..=255u8).all(|level| {
                let value = scaling.apply(channel, f32::from(level));
                value.fract() == 0.0 && (low..=high).contains(&value)
            })
        })
    }
}

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
