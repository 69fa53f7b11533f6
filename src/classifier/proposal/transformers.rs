//! `preprocessor_config.json`, as the image processors of transformers write it, and Optimum with
//! them.
//!
//! ```text
//! x = v · rescale_factor  (− 1 with rescale_offset);  y = (x − image_mean) / image_std
//! ```

use serde::Deserialize;
use serde_json::Value;

use super::super::channels::Channels;
use super::super::layout::Layout;
use super::super::scaling::Scaling;
use super::preprocessing::Preprocessing;
use crate::geometry::Size;

/// The keys that are about pixels. Those that are missing have transformers' defaults.
#[derive(Debug, Deserialize)]
struct PreprocessorConfig {
    #[serde(alias = "feature_extractor_type")]
    image_processor_type: Option<String>,
    do_resize: Option<bool>,
    size: Option<SizeEntry>,
    do_center_crop: Option<bool>,
    crop_size: Option<SizeEntry>,
    crop_pct: Option<f64>,
    do_rescale: Option<bool>,
    rescale_factor: Option<f64>,
    /// Of EfficientNet and ViViT: whether 1 is subtracted.
    rescale_offset: Option<bool>,
    do_normalize: Option<bool>,
    image_mean: Option<Vec<f32>>,
    image_std: Option<Vec<f32>>,
    /// Of EfficientNet: whether it is divided by the standard deviation once more.
    include_top: Option<bool>,
    /// Of MobileViT: BGR.
    do_flip_channel_order: Option<bool>,
}

/// A size: one number, the shorter side, or both sides.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a number of pixels, `height` and `width`, or `shortest_edge` for a size"
)]
enum SizeEntry {
    Side(u32),
    Sides { height: u32, width: u32 },
    Shortest { shortest_edge: u32 },
}

impl SizeEntry {
    fn shorter_side(self) -> u32 {
        match self {
            Self::Side(side) => side,
            Self::Sides { height, width } => height.min(width),
            Self::Shortest { shortest_edge } => shortest_edge,
        }
    }

    fn size(self) -> Size {
        match self {
            Self::Sides { height, width } => Size::new(width, height),
            Self::Side(side)
            | Self::Shortest {
                shortest_edge: side,
            } => Size::square(side),
        }
    }
}

/// What an image processor does.
///
/// # Errors
/// A text when a value is of the wrong type, or when the pixels are scaled in a way that a
/// description cannot state.
pub(super) fn read(config: &Value, origin: &str) -> Result<Preprocessing, String> {
    let config = PreprocessorConfig::deserialize(config).map_err(|e| e.to_string())?;
    let channels = match config.do_flip_channel_order {
        Some(true) => Channels::Bgr,
        _ => Channels::Rgb,
    };
    let (size, canvas) = config.geometry();
    Ok(Preprocessing {
        scaling: config.scaling(channels)?,
        channels,
        size,
        canvas,
        is_size_binding: true,
        layout: Layout::Nchw,
        origin: origin.to_owned(),
    })
}

impl PreprocessorConfig {
    fn scaling(&self, channels: Channels) -> Result<Scaling, String> {
        let factor = match self.do_rescale {
            Some(false) => 1.0,
            _ => self.rescale_factor.unwrap_or(1.0 / 255.0),
        };
        let offset = if self.rescale_offset == Some(true) {
            1.0
        } else {
            0.0
        };
        let is_normalised = self.do_normalize.unwrap_or(self.image_mean.is_some());
        let [mean, mut std] = if is_normalised {
            [
                per_channel("image_mean", self.image_mean.as_deref())?,
                per_channel("image_std", self.image_std.as_deref())?,
            ]
        } else {
            [[0.0; 3], [1.0; 3]]
        };
        let range = (factor * 255.0) as f32;
        let given = Scaling { range, mean, std };
        if channels == Channels::Bgr && !given.is_uniform() {
            return Err(
                "`do_flip_channel_order` with different means for the channels: their order is not \
                 clear"
                    .into(),
            );
        }
        if is_normalised && self.include_top == Some(true) {
            std = std.map(|std| std * std);
        }
        let scaling = Scaling {
            range,
            mean: mean.map(|mean| mean + offset),
            std,
        };
        scaling.check()?;
        Ok(scaling)
    }

    /// The size of the input, and the photo's shorter side before it is cropped from it.
    fn geometry(&self) -> (Option<Size>, Option<usize>) {
        /// From this size on, ConvNeXt's processor warps the photo in place of cropping it.
        const MIN_CONVNEXT_WARP: u32 = 384;
        let Some(resized) = self.size.filter(|_| self.do_resize != Some(false)) else {
            return (self.crop_size.map(SizeEntry::size), None);
        };
        let side = resized.shorter_side();
        let divided = |by: f64| (f64::from(side) / by) as usize;
        let name = self.image_processor_type.as_deref().unwrap_or_default();
        let crop = self
            .crop_size
            .filter(|_| self.do_center_crop.unwrap_or(true))
            .map(SizeEntry::size);
        match (crop, self.crop_pct) {
            // ConvNeXt: `size` is that of the input.
            (None, Some(_)) if side >= MIN_CONVNEXT_WARP => {
                (Some(resized.size()), Some(side as usize))
            }
            (None, Some(crop_pct)) => (Some(Size::square(side)), Some(divided(crop_pct))),
            // PoolFormer.
            (Some(crop), Some(crop_pct)) => (Some(crop), Some(divided(crop_pct))),
            // LeViT enlarges `size` by 256 / 224.
            (Some(crop), None) if name.starts_with("Levit") => {
                (Some(crop), Some(divided(224.0 / 256.0)))
            }
            (Some(crop), None) => (Some(crop), Some(side as usize)),
            (None, None) => (Some(resized.size()), Some(side as usize)),
        }
    }
}

/// Three numbers, or one for all channels.
fn per_channel(key: &str, given: Option<&[f32]>) -> Result<[f32; 3], String> {
    match given {
        Some([r, g, b]) => Ok([*r, *g, *b]),
        Some([one]) => Ok([*one; 3]),
        Some(other) => Err(format!("`{key}` has {} numbers, not 3", other.len())),
        None => Err(format!("`{key}` is missing")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Size, canvas, range, mean and std of red.
    type Expected = (u32, usize, f32, f32, f32);

    /// Files of transformers 4.57's processors, shortened.
    #[test]
    fn each_processor_is_read_as_it_works() {
        let unit = 1.0 / 255.0;
        let half = json!([0.5, 0.5, 0.5]);
        let cases: [(Value, Expected); 7] = [
            (
                json!({"image_processor_type": "ViTImageProcessor", "size": {"height": 224, "width": 224},
                       "do_normalize": true, "image_mean": half, "image_std": half, "rescale_factor": unit}),
                (224, 224, 1.0, 0.5, 0.5),
            ),
            (
                json!({"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 224},
                       "crop_pct": 0.875, "image_mean": half, "image_std": half}),
                (224, 256, 1.0, 0.5, 0.5),
            ),
            (
                json!({"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 384},
                       "crop_pct": 0.875, "image_mean": half, "image_std": half}),
                (384, 384, 1.0, 0.5, 0.5),
            ),
            (
                json!({"image_processor_type": "LevitImageProcessor", "size": {"shortest_edge": 224},
                       "crop_size": {"height": 224, "width": 224}, "image_mean": half, "image_std": half}),
                (224, 256, 1.0, 0.5, 0.5),
            ),
            (
                json!({"image_processor_type": "EfficientNetImageProcessor", "include_top": true,
                       "size": {"height": 346, "width": 346}, "do_center_crop": false,
                       "crop_size": {"height": 289, "width": 289}, "do_normalize": true,
                       "image_mean": half, "image_std": half}),
                (346, 346, 1.0, 0.5, 0.25),
            ),
            (
                json!({"image_processor_type": "ViTImageProcessor", "size": 224, "rescale_factor": 1.0 / 127.5,
                       "rescale_offset": true, "do_normalize": false}),
                (224, 224, 2.0, 1.0, 1.0),
            ),
            (
                json!({"feature_extractor_type": "DeiTFeatureExtractor", "size": 256, "crop_size": 224,
                       "do_center_crop": true, "image_mean": half, "image_std": half}),
                (224, 256, 1.0, 0.5, 0.5),
            ),
        ];
        for (config, (side, canvas, range, mean, std)) in cases {
            let read = read(&config, "a file").expect("a configuration");
            assert_eq!(read.size, Some(Size::square(side)), "{config}");
            assert_eq!(read.canvas, Some(canvas), "{config}");
            let Scaling {
                range: r,
                mean: m,
                std: s,
            } = read.scaling;
            assert_eq!((r, m[0], s[0]), (range, mean, std), "{config}");
        }
    }

    #[test]
    fn mobile_vit_takes_bgr_and_what_cannot_be_stated_is_refused() {
        let mobile = json!({"size": {"shortest_edge": 288}, "crop_size": {"height": 256, "width": 256},
                            "do_flip_channel_order": true});
        let found = read(&mobile, "a file").expect("a configuration");
        assert_eq!((found.channels, found.canvas), (Channels::Bgr, Some(288)));
        let two = json!({"image_mean": [0.5, 0.5], "image_std": [0.5, 0.5]});
        assert!(read(&two, "a file").is_err());
        let missing = json!({"do_normalize": true});
        assert_eq!(
            read(&missing, "a file"),
            Err("`image_mean` is missing".to_owned())
        );
    }
}
