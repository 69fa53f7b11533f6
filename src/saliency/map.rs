//! From gradients to one map.

use fast_image_resize::{self as fir, images::TypedImage, pixels::F32};
use ndarray::{Array2, Array3, ArrayView3, Axis, s};
use serde::{Deserialize, Serialize};

use super::view::{Crop, Rect, View};
use crate::gradient::ReluRule;

/// How gradients become a map: the table `[saliency]` of a pipeline.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SaliencyOptions {
    /// What is averaged over overlapping crops.
    pub average: Averaging,
    /// How a gradient passes a ReLU: what sets guided backpropagation and the deconvolutional network apart from the
    /// gradient (section 4).
    #[serde(default)]
    pub relu: ReluRule,
}

/// What is averaged over overlapping crops; the paper does not say.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Averaging {
    /// The maps: the maximum over channels of the absolute gradient, then the mean over crops.
    Absolute,
    /// The gradients: their mean over crops, then the maximum over channels of its absolute value.
    Signed,
}

/// A saliency map over a frame.
#[derive(Clone, Debug)]
pub struct Saliency {
    /// [height, width] of the frame, ≥ 0; 0 outside the window.
    pub map: Array2<f32>,
    /// The part of the frame where the map means something.
    pub window: Rect,
}

impl Saliency {
    /// The values inside the window, row by row.
    #[must_use]
    pub fn values(&self) -> Vec<f32> {
        let Rect { x, y, width, height } = self.window;
        let [x, y, w, h] = [x, y, width, height].map(|n| n as usize);
        self.map.slice(s![y..y + h, x..x + w]).iter().copied().collect()
    }
}

impl Saliency {
    /// The map as a score map of `size` x `size`, in 0..=1: the whole frame resized (linear, anti-aliased), the least
    /// value brought to 0 and the largest to 1; zeros where the map is constant.
    ///
    /// # Panics
    /// Never: no frame is empty.
    #[must_use]
    pub fn score_map(&self, size: usize) -> Array2<f32> {
        let (height, width) = self.map.dim();
        let pixels = self.map.iter().map(|&v| F32::new(v)).collect();
        let from = TypedImage::from_pixels(width as u32, height as u32, pixels).expect("a pixel a value");
        let mut to = TypedImage::new(size as u32, size as u32);
        let options = fir::ResizeOptions::new().resize_alg(fir::ResizeAlg::Convolution(fir::FilterType::Bilinear));
        fir::Resizer::new().resize_typed::<F32>(&from, &mut to, &options).expect("neither is empty");
        let values: Vec<f32> = to.pixels().iter().map(|pixel| pixel.0).collect();
        let (min, max) = values.iter().fold((f32::MAX, f32::MIN), |(min, max), &v| (min.min(v), max.max(v)));
        let scale = if max > min { 1.0 / (max - min) } else { 0.0 };
        let values = values.into_iter().map(|v| ((v - min) * scale).clamp(0.0, 1.0)).collect();
        Array2::from_shape_vec((size, size), values).expect("a value a pixel")
    }
}

/// Mᵢⱼ = maxₖ |wᵢⱼₖ| over the colour channels k of a gradient [C, H, W]: absolute value before the maximum.
///
/// ```
/// use ndarray::{array, Axis};
/// let gradient = array![[[1., -2.]], [[-3., 1.]], [[0., 0.]]];
/// assert_eq!(localise::saliency::saliency(gradient.view()), array![[3., 2.]]);
/// ```
#[must_use]
pub fn saliency(gradient: ArrayView3<'_, f32>) -> Array2<f32> {
    gradient.fold_axis(Axis(0), 0.0, |max, w| w.abs().max(*max))
}

/// The map of a view: the crops' gradients [3, H, W] un-mirrored, put back, averaged.
#[must_use]
pub fn combine(view: &View, gradients: &[Array3<f32>], options: &SaliencyOptions) -> Saliency {
    let [width, height] = view.size().map(|n| n as usize);
    let channels = if options.average == Averaging::Signed { 3 } else { 1 };
    let mut sum = Array3::<f32>::zeros((channels, height, width));
    let mut count = Array2::<f32>::zeros((height, width));
    for (Crop { rect, mirrored }, gradient) in view.crops.iter().zip(gradients) {
        let mut gradient = gradient.view();
        if *mirrored {
            gradient.invert_axis(Axis(2));
        }
        let Rect { x, y, width: w, height: h } = *rect;
        let [x, y, w, h] = [x, y, w, h].map(|n| n as usize);
        let mut place = sum.slice_mut(s![.., y..y + h, x..x + w]);
        match options.average {
            Averaging::Signed => place += &gradient,
            Averaging::Absolute => place += &saliency(gradient).insert_axis(Axis(0)),
        }
        count.slice_mut(s![y..y + h, x..x + w]).map_inplace(|n| *n += 1.0);
    }
    sum /= &count.mapv(|n| n.max(1.0));
    Saliency { map: saliency(sum.view()), window: view.window }
}

#[cfg(test)]
mod tests {
    use image::RgbImage;
    use ndarray::array;

    use super::*;

    fn two_crops() -> View {
        let rect = |x| Rect { x, y: 0, width: 2, height: 1 };
        let crops = vec![Crop { rect: rect(0), mirrored: false }, Crop { rect: rect(1), mirrored: true }];
        View { frame: RgbImage::new(4, 1), crops, window: Rect { x: 0, y: 0, width: 3, height: 1 } }
    }

    /// Crop 1 covers x = 0, 1 and crop 2, mirrored, x = 2, 1.
    #[test]
    fn crops_are_put_back_and_averaged() {
        let gradient = |a, b| ndarray::concatenate![Axis(0), array![[[a, b]]], array![[[0., 0.]]], array![[[0., 0.]]]];
        let gradients = [gradient(1., -4.), gradient(8., 2.)];
        let map =
            |average| combine(&two_crops(), &gradients, &SaliencyOptions { average, relu: ReluRule::Gradient }).map;
        assert_eq!(map(Averaging::Absolute), array![[1., 3., 8., 0.]]);
        assert_eq!(map(Averaging::Signed), array![[1., 1., 8., 0.]]);
    }

    #[test]
    fn score_maps_lie_between_0_and_1() {
        let window = Rect { x: 0, y: 0, width: 4, height: 2 };
        let map = Saliency { map: array![[1., 1., 3., 3.], [1., 1., 3., 3.]], window };
        let scores = map.score_map(4);
        assert_eq!((scores[[0, 0]], scores[[3, 3]]), (0.0, 1.0));
        assert_eq!(Saliency { map: Array2::from_elem((2, 4), 7.0), window }.score_map(3), Array2::<f32>::zeros((3, 3)));
    }

    #[test]
    fn only_the_window_counts() {
        let saliency = Saliency { map: array![[1., 2., 3., 0.]], window: two_crops().window };
        assert_eq!(saliency.values(), [1., 2., 3.]);
    }
}
