//! A threshold on the saliency map: the extent of what survives, or of its largest component, is
//! the box. Rules and quirks after Fong and Vedaldi 2017.

use fast_image_resize::{PixelType, images::Image};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::{Flag, Localisation, Stages, bounding_box, largest};
use crate::geometry::{BBox, Size};
use crate::saliency::{Filter, Saliency, extremes, resize_any};

/// A threshold in place of a cut: the table `[threshold]` of a pipeline.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ThresholdOptions {
    /// The kind of threshold.
    pub rule: ThresholdRule,
    /// Its height, from 0 on: a multiple of the mean for [`ThresholdRule::Mean`], otherwise a
    /// share.
    pub alpha: f64,
    /// What of the survivors the box bounds.
    #[serde(default)]
    pub extent: Extent,
    /// Do as Fong and Vedaldi's published code does, quirks included: the surviving map is brought
    /// to 8 bits and resized to the photo before its extent is taken, boxes are 1-based, and the
    /// box of an empty map has width and height swapped.
    #[serde(default)]
    pub fong_compat: bool,
}

/// What a box bounds.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extent {
    /// All that survives.
    #[default]
    All,
    /// Its largest 8-connected component.
    Largest,
}

impl ThresholdOptions {
    pub(crate) fn check(&self) -> Result<(), String> {
        if !self.alpha.is_finite() || self.alpha < 0.0 {
            return Err(format!(
                "threshold.alpha {} is not a number from 0 on",
                self.alpha
            ));
        }
        match self.fong_compat && self.extent != Extent::All {
            true => {
                Err("threshold.extent: the published code has no components\nhelp: --set threshold.fong-compat=false"
                    .into())
            }
            false => Ok(()),
        }
    }
}

/// Which values of the map h catch_panic.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ThresholdRule {
    /// h ≥ alpha · mean(h)
    Mean,
    /// h − min ≥ alpha · (max − min)
    Value,
    /// h ≥ alpha · max(h), and h > 0
    Max,
    /// The greatest values whose sum stays below alpha · Σ h; the one that reaches it is gone.
    Energy,
}

/// The box of what survives the threshold, in a photo of size, and what survives,
/// in the frame.
///
/// ```
/// use localise::geometry::BBox;
/// use localise::saliency::Saliency;
/// use localise::geometry::Size;
/// use localise::segment::{Extent, ThresholdOptions, ThresholdRule, threshold};
/// let map = ndarray::array![[5., 0., 3., 3.],
///                           [0., 0., 0., 0.]];
/// let saliency = Saliency::whole(map);
/// // Half of the greatest value is 2.5. The photo is twice as large as the map.
/// let (rule, extent) = (ThresholdRule::Max, Extent::Largest);
/// let options = ThresholdOptions { rule, alpha: 0.5, extent, fong_compat: false };
/// assert_eq!(threshold(&saliency, Size::new(8, 4), &options).0.bbox, BBox::new(4., 0., 8., 2.));
/// ```
#[must_use]
pub fn threshold(
    saliency: &Saliency,
    photo: Size,
    options: &ThresholdOptions,
) -> (Localisation, Stages) {
    let surviving = surviving(saliency, options);
    let mask = surviving.mapv(|h| h > 0.0);
    let component = match options.extent {
        Extent::All => mask.iter().any(|&set| set).then(|| mask.clone()),
        Extent::Largest => largest(&mask, None),
    };
    let frame = Size::from_array(&mask);
    let found = match options.fong_compat {
        true => fong_box(&surviving, photo),
        false => component
            .as_ref()
            .and_then(bounding_box)
            .map(|bbox| bbox.mapped(frame, photo)),
    };
    let localisation = match found {
        Some(bbox) => Localisation { bbox, flag: None },
        None if options.fong_compat => {
            let [width, height] = [photo.width, photo.height].map(f64::from);
            // [1, 1, height, width], inclusive: x and y are swapped there.
            Localisation {
                bbox: BBox::from_inclusive(1.0, 1.0, height, width),
                flag: Some(Flag::EmptyMask),
            }
        }
        None => Localisation::whole(photo, Flag::EmptyMask),
    };
    (
        localisation,
        Stages {
            seeds: None,
            mask: Some(mask),
            component,
        },
    )
}

/// The map with everything below the threshold set to 0.
fn surviving(saliency: &Saliency, options: &ThresholdOptions) -> Array2<f32> {
    let (map, values) = (&saliency.map, saliency.values());
    let sum: f64 = values.iter().map(|&h| f64::from(h)).sum();
    let (min, max) = extremes(&values);
    let (min, max) = (f64::from(min), f64::from(max));
    let alpha = options.alpha;
    match options.rule {
        ThresholdRule::Mean => {
            let least = alpha * sum / values.len() as f64;
            map.mapv(|h| if f64::from(h) < least { 0.0 } else { h })
        }
        ThresholdRule::Max => map.mapv(|h| if f64::from(h) < alpha * max { 0.0 } else { h }),
        ThresholdRule::Value => map.mapv(|h| {
            if f64::from(h) - min < alpha * (max - min) {
                0.0
            } else {
                h
            }
        }),
        ThresholdRule::Energy => {
            let flat: Vec<f32> = map.iter().copied().collect();
            let mut order: Vec<usize> = (0..flat.len()).collect();
            order.sort_by(|&a, &b| flat[b].total_cmp(&flat[a]));
            let mut kept = vec![0.0; flat.len()];
            let mut reached = 0.0;
            for i in order {
                reached += f64::from(flat[i]);
                if reached >= alpha * sum {
                    break;
                }
                kept[i] = flat[i];
            }
            Array2::from_shape_vec(map.dim(), kept).expect("the same size")
        }
    }
}

/// `scipy.misc.imresize` and the extent of its result: 8 bits with min → 0 and max → 255, Pillow's
/// bilinear resize.
fn fong_box(surviving: &Array2<f32>, photo: Size) -> Option<BBox> {
    let (height, width) = surviving.dim();
    let (min, max) = extremes(surviving);
    let scale = if max > min { 255.0 / (max - min) } else { 0.0 };
    let bytes = surviving
        .iter()
        .map(|&h| ((h - min) * scale + 0.5) as u8)
        .collect();
    let from = Image::from_vec_u8(width as u32, height as u32, bytes, PixelType::U8).ok()?;
    let mut to = Image::new(photo.width, photo.height, PixelType::U8);
    resize_any(&from, &mut to, Filter::Bilinear).ok()?;
    let mask = to.buffer().iter().map(|&v| v > 0).collect();
    let mask = Array2::from_shape_vec(photo.shape(), mask)
        .expect("one value per pixel");
    // 1-based, compared with 0-based truth.
    let BBox {
        x_min,
        y_min,
        x_max,
        y_max,
    } = bounding_box(&mask)?;
    Some(BBox::new(
        x_min + 1.0,
        y_min + 1.0,
        x_max + 1.0,
        y_max + 1.0,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn localisation(
        width: usize,
        height: usize,
        rule: ThresholdRule,
        alpha: f64,
        fong_compat: bool,
    ) -> Localisation {
        let mut map = Array2::ones((height, width));
        map[[1, 3]] = 10.0;
        let options = ThresholdOptions {
            rule,
            alpha,
            extent: Extent::All,
            fong_compat,
        };
        threshold(
            &Saliency::whole(map),
            [width as u32, height as u32],
            &options,
        )
        .0
    }

    /// Fong and Vedaldi's published code on a map of ones with one 10: 1-based inclusive corners.
    #[test]
    fn fong_by_hand() {
        let cases = [
            (5, ThresholdRule::Mean, 5.0, [4., 2., 4., 2.], None),
            (5, ThresholdRule::Value, 0.25, [4., 2., 4., 2.], None),
            (
                5,
                ThresholdRule::Energy,
                0.10,
                [1., 1., 5., 5.],
                Some(Flag::EmptyMask),
            ),
            (
                4,
                ThresholdRule::Energy,
                0.10,
                [1., 1., 4., 5.],
                Some(Flag::EmptyMask),
            ),
        ];
        for (height, rule, alpha, [x0, y0, x1, y1], flag) in cases {
            let expected = Localisation {
                bbox: BBox::from_inclusive(x0, y0, x1, y1),
                flag,
            };
            assert_eq!(localisation(5, height, rule, alpha, true), expected, "{rule:?}");
        }
    }

    #[test]
    fn the_largest_component_alone_may_count() {
        let map = ndarray::array![[5., 0., 3., 3.], [0., 0., 0., 0.]];
        let saliency = Saliency::whole(map);
        let found = |extent| {
            let options = ThresholdOptions {
                rule: ThresholdRule::Max,
                alpha: 0.5,
                extent,
                fong_compat: false,
            };
            threshold(&saliency, Size::new(8, 4), &options).0.bbox
        };
        assert_eq!(found(Extent::All), BBox::new(0., 0., 8., 2.));
        assert_eq!(found(Extent::Largest), BBox::new(4., 0., 8., 2.));
    }

    #[test]
    fn without_the_quirks() {
        let plain = |rule, alpha| localisation(5, 4, rule, alpha, false);
        assert_eq!(
            plain(ThresholdRule::Mean, 5.0).bbox,
            BBox::new(3., 1., 4., 2.)
        );
        assert_eq!(
            plain(ThresholdRule::Max, 1.0).bbox,
            BBox::new(3., 1., 4., 2.)
        );
        assert_eq!(
            plain(ThresholdRule::Energy, 0.1),
            Localisation::whole([5, 4], Flag::EmptyMask)
        );
    }
}
