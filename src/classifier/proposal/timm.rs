//! timm's `config.json`: the table `pretrained_cfg` (timm/models/_pretrained.py, `PretrainedCfg`).

use serde::Deserialize;
use serde_json::Value;

use super::super::channels::Channels;
use super::super::layout::Layout;
use super::super::preset::Preset;
use super::super::scaling::Scaling;
use super::preprocessing::Preprocessing;
use crate::geometry::Size;

/// The keys of `pretrained_cfg` that are about pixels; timm's defaults (timm/data/config.py) stand in
/// for those that are missing.
#[derive(Debug, Deserialize)]
struct PretrainedCfg {
    /// Channels, height, width.
    input_size: Option<[usize; 3]>,
    crop_pct: Option<f64>,
    mean: Option<[f32; 3]>,
    std: Option<[f32; 3]>,
}

/// timm's default `crop_pct`.
const CROP_PCT: f64 = 0.875;

/// What timm's configuration says; `None` if it is that of another library.
///
/// # Errors
/// A text when a value is of the wrong type.
pub(super) fn read(config: &Value, origin: &str) -> Result<Option<Preprocessing>, String> {
    // Old files have the keys of the table themselves.
    let table = match config.get("pretrained_cfg") {
        Some(table) => table,
        None if config.get("input_size").is_some() => config,
        None => return Ok(None),
    };
    let cfg = PretrainedCfg::deserialize(table).map_err(|e| format!("pretrained_cfg: {e}"))?;
    let Some((_, usual)) = Preset::Timm.pixels() else {
        return Ok(None);
    };
    let size = cfg
        .input_size
        .map(|[_, height, width]| Size::new(width as u32, height as u32));
    let crop_pct = cfg.crop_pct.unwrap_or(CROP_PCT);
    let canvas = size.map(|size| (f64::from(size.width.min(size.height)) / crop_pct) as usize);
    Ok(Some(Preprocessing {
        channels: Channels::Rgb,
        scaling: Scaling {
            range: 1.0,
            mean: cfg.mean.unwrap_or(usual.mean),
            std: cfg.std.unwrap_or(usual.std),
        },
        size,
        canvas,
        is_size_binding: true,
        layout: Layout::Nchw,
        origin: format!("`pretrained_cfg` in {origin}"),
    }))
}
