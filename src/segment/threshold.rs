//! A threshold on the saliency map, in place of a cut. The box bounds the pixels above the
//! threshold, or the largest component of them. The rules are those of Fong and Vedaldi 2017.

use fast_image_resize::{images::TypedImage, pixels::U8};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::component::{bounding_box, largest};
use super::flag::Flag;
use super::localisation::{Localisation, Stages};
use crate::geometry::{BBox, Size};
use crate::remedy::Refused;
use crate::saliency::{Filter, Saliency, min_max, resize_into};

/// A threshold in place of a cut: the table `[threshold]` of a pipeline.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ThresholdOptions {
    /// The kind of threshold.
    pub rule: ThresholdRule,
    /// The height of the threshold, at least 0: a multiple of the mean for [`ThresholdRule::Mean`],
    /// otherwise a share.
    pub alpha: f64,
    /// The part of the pixels above the threshold that the box bounds.
    #[serde(default)]
    pub extent: Extent,
    /// Whether to reproduce Fong and Vedaldi's published code exactly. In their code, the
    /// thresholded map is converted to 8 bits and resized to the photo before its extent is taken;
    /// boxes are 1-based; and the box of an empty map has width and height swapped.
    #[serde(default)]
    pub fong_compat: bool,
}

/// What a box bounds.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extent {
    /// All pixels above the threshold.
    #[default]
    All,
    /// The largest 8-connected component of these pixels.
    Largest,
}

impl ThresholdOptions {
    pub(crate) fn check(&self) -> Result<(), Refused> {
        if !self.alpha.is_finite() || self.alpha < 0.0 {
            let alpha = self.alpha;
            return Err(format!("threshold.alpha {alpha} is not a number from 0 on").into());
        }
        if self.fong_compat && self.extent != Extent::All {
            return Err(Refused::with_advice(
                "threshold.extent: the published code has no components",
                "threshold.fong-compat = false",
            ));
        }
        Ok(())
    }
}

/// Which values h of the map are above the threshold.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ThresholdRule {
    /// h ≥ alpha · mean(h)
    Mean,
    /// h − min ≥ alpha · (max − min)
    Value,
    /// h ≥ alpha · max(h), and h > 0
    Max,
    /// The largest values whose sum stays below alpha · Σ h. The value with which the sum reaches
    /// this limit is not included.
    Energy,
}

/// The box of the pixels above the threshold, in a photo of size `photo`, and these pixels in the
/// frame. A constant map has no such pixels: its box is the whole photo or, with
/// [`ThresholdOptions::fong_compat`], what the published code makes of it.
///
/// ```
/// use localise::geometry::{BBox, Size};
/// use localise::saliency::Saliency;
/// use localise::segment::{Extent, ThresholdOptions, ThresholdRule, threshold};
/// let map = ndarray::array![[5., 0., 3., 3.],
///                           [0., 0., 0., 0.]];
/// let saliency = Saliency::whole(map);
/// // Half of the largest value is 2.5. The photo is twice as large as the map.
/// let options = ThresholdOptions {
///     rule: ThresholdRule::Max,
///     alpha: 0.5,
///     extent: Extent::Largest,
///     fong_compat: false,
/// };
/// let (localisation, _) = threshold(&saliency, Size::new(8, 4), &options);
/// assert_eq!(localisation.bbox, BBox::new(4., 0., 8., 2.));
/// ```
#[must_use]
pub fn threshold(
    saliency: &Saliency,
    photo: Size,
    options: &ThresholdOptions,
) -> (Localisation, Stages) {
    let is_constant = saliency.is_constant();
    if is_constant && !options.fong_compat {
        let whole = Localisation::whole_photo(photo, Flag::ConstantMap);
        return (whole, Stages::default());
    }
    let thresholded = thresholded(saliency, options);
    let mask = thresholded.mapv(|h| h > 0.0);
    let component = match options.extent {
        Extent::All => mask.iter().any(|&set| set).then(|| mask.clone()),
        Extent::Largest => largest(&mask, None),
    };
    let localisation = if options.fong_compat {
        let found = fong_localisation(&thresholded, photo);
        let flag = is_constant.then_some(Flag::ConstantMap).or(found.flag);
        Localisation { flag, ..found }
    } else {
        match component.as_ref().and_then(bounding_box) {
            Some(bbox) => Localisation::new(bbox.mapped(Size::from_array(&mask), photo)),
            None => Localisation::whole_photo(photo, Flag::EmptyMask),
        }
    };
    let stages = Stages {
        seeds: None,
        mask: Some(mask),
        component,
    };
    (localisation, stages)
}

/// The map, with everything below the threshold set to 0.
fn thresholded(saliency: &Saliency, options: &ThresholdOptions) -> Array2<f32> {
    let (map, values) = (&saliency.map, saliency.values());
    let sum: f64 = values.iter().map(|&h| f64::from(h)).sum();
    let (min, max) = min_max(&values);
    let (min, max) = (f64::from(min), f64::from(max));
    let alpha = options.alpha;
    let remove_where =
        |is_below: &dyn Fn(f64) -> bool| map.mapv(|h| if is_below(f64::from(h)) { 0.0 } else { h });
    match options.rule {
        ThresholdRule::Mean => {
            let limit = alpha * sum / values.len() as f64;
            remove_where(&|h| h < limit)
        }
        ThresholdRule::Max => remove_where(&|h| h < alpha * max),
        ThresholdRule::Value => remove_where(&|h| h - min < alpha * (max - min)),
        ThresholdRule::Energy => largest_up_to(map, alpha * sum),
    }
}

/// The largest values of the map whose sum stays below `limit`; 0 elsewhere.
fn largest_up_to(map: &Array2<f32>, limit: f64) -> Array2<f32> {
    let values: Vec<f32> = map.iter().copied().collect();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    let mut selected = vec![0.0; values.len()];
    let mut sum = 0.0;
    for i in order {
        sum += f64::from(values[i]);
        if sum >= limit {
            break;
        }
        selected[i] = values[i];
    }
    Array2::from_shape_vec(map.dim(), selected).expect("one value for each pixel")
}

/// The box according to Fong and Vedaldi's published code.
fn fong_localisation(thresholded: &Array2<f32>, photo: Size) -> Localisation {
    if let Some(bbox) = fong_box(thresholded, photo) {
        return Localisation::new(bbox);
    }
    // Their code returns [1, 1, height, width], inclusive, so x and y are swapped.
    let [width, height] = [photo.width, photo.height].map(f64::from);
    Localisation {
        bbox: BBox::from_inclusive(1.0, 1.0, height, width),
        flag: Some(Flag::EmptyMask),
    }
}

/// The extent of the map after `scipy.misc.imresize`: the map is converted to 8 bits, with min → 0
/// and max → 255, and resized with Pillow's bilinear filter.
fn fong_box(thresholded: &Array2<f32>, photo: Size) -> Option<BBox> {
    let (min, max) = min_max(thresholded);
    let scale = if max > min { 255.0 / (max - min) } else { 0.0 };
    let pixels = thresholded
        .iter()
        .map(|&h| U8::new(((h - min) * scale + 0.5) as u8))
        .collect();
    let Size { width, height } = Size::from_array(thresholded);
    let from = TypedImage::from_pixels(width, height, pixels).ok()?;
    let mut to = TypedImage::new(photo.width, photo.height);
    resize_into(&from, &mut to, Filter::Bilinear).ok()?;
    let mask = to.pixels().iter().map(|pixel| pixel.0 > 0).collect();
    let mask = Array2::from_shape_vec(photo.shape(), mask).expect("one value for each pixel");
    let bbox = bounding_box(&mask)?;
    // Their boxes are 1-based and compared with 0-based ground truth.
    Some(BBox::new(
        bbox.x_min + 1.0,
        bbox.y_min + 1.0,
        bbox.x_max + 1.0,
        bbox.y_max + 1.0,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The localisation by a map of ones with one 10 at (3, 1).
    fn localisation(
        size: Size,
        rule: ThresholdRule,
        alpha: f64,
        fong_compat: bool,
    ) -> Localisation {
        let mut map = Array2::ones(size.shape());
        map[[1, 3]] = 10.0;
        let options = ThresholdOptions {
            rule,
            alpha,
            extent: Extent::All,
            fong_compat,
        };
        threshold(&Saliency::whole(map), size, &options).0
    }

    /// The results of Fong and Vedaldi's published code, as 1-based inclusive corners.
    #[test]
    fn fong_compat_equals_the_published_code() {
        let empty = Some(Flag::EmptyMask);
        let cases = [
            (5, ThresholdRule::Mean, 5.0, [4., 2., 4., 2.], None),
            (5, ThresholdRule::Value, 0.25, [4., 2., 4., 2.], None),
            (5, ThresholdRule::Energy, 0.10, [1., 1., 5., 5.], empty),
            (4, ThresholdRule::Energy, 0.10, [1., 1., 4., 5.], empty),
        ];
        for (height, rule, alpha, [x0, y0, x1, y1], flag) in cases {
            let expected = Localisation {
                bbox: BBox::from_inclusive(x0, y0, x1, y1),
                flag,
            };
            let found = localisation(Size::new(5, height), rule, alpha, true);
            assert_eq!(found, expected, "{rule:?}");
        }
    }

    #[test]
    fn the_box_can_bound_only_the_largest_component() {
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

    /// Whatever the rule and the height of the threshold are, below 1 or above.
    #[test]
    fn a_constant_map_is_flagged() {
        let size = Size::new(5, 4);
        let rules = [
            ThresholdRule::Mean,
            ThresholdRule::Value,
            ThresholdRule::Max,
            ThresholdRule::Energy,
        ];
        for (rule, value) in rules
            .into_iter()
            .flat_map(|rule| [(rule, 0.0), (rule, 3.0)])
        {
            for (alpha, fong_compat) in [(0.5, false), (5.0, false), (0.5, true), (5.0, true)] {
                let options = ThresholdOptions {
                    rule,
                    alpha,
                    extent: Extent::All,
                    fong_compat,
                };
                let map = Array2::from_elem(size.shape(), value);
                let (found, _) = threshold(&Saliency::whole(map), size, &options);
                let flag = Some(Flag::ConstantMap);
                assert_eq!(found.flag, flag, "{rule:?} {value} {alpha} {fong_compat}");
                let whole = Localisation::whole_photo(size, Flag::ConstantMap);
                assert!(fong_compat || found == whole, "{rule:?} {value} {alpha}");
            }
        }
    }

    #[test]
    fn boxes_without_fong_compat_are_0_based() {
        let size = Size::new(5, 4);
        let found = |rule, alpha| localisation(size, rule, alpha, false);
        assert_eq!(
            found(ThresholdRule::Mean, 5.0).bbox,
            BBox::new(3., 1., 4., 2.)
        );
        assert_eq!(
            found(ThresholdRule::Max, 1.0).bbox,
            BBox::new(3., 1., 4., 2.)
        );
        assert_eq!(
            found(ThresholdRule::Energy, 0.1),
            Localisation::whole_photo(size, Flag::EmptyMask)
        );
    }
}
