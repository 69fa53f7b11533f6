//! Operations on arrays that know nothing about saliency.

use fast_image_resize::{images::TypedImage, pixels::F32};
use image::{ImageBuffer, Luma};
use imageproc::filter::gaussian_blur_f32;
use ndarray::{Array, Array2, Dimension};

use super::resize::{Filter, resize_into};
use crate::geometry::Size;

/// The smallest and the largest value.
pub(crate) fn min_max<'a>(values: impl IntoIterator<Item = &'a f32>) -> (f32, f32) {
    let (mut min, mut max) = (f32::MAX, f32::MIN);
    for &value in values {
        min = min.min(value);
        max = max.max(value);
    }
    (min, max)
}

/// A map resized: linear between pixel centres, anti-aliased when shrinking.
pub(crate) fn resize_map(map: &Array2<f32>, size: Size) -> Array2<f32> {
    let from_size = Size::from_array(map);
    if from_size == size {
        return map.clone();
    }
    let pixels = map.iter().map(|&v| F32::new(v)).collect();
    let from = TypedImage::from_pixels(from_size.width, from_size.height, pixels)
        .expect("the map has one value for each pixel");
    let mut to = TypedImage::new(size.width, size.height);
    resize_into(&from, &mut to, Filter::Bilinear).expect("neither size is empty");
    let values = to.pixels().iter().map(|pixel| pixel.0).collect();
    Array2::from_shape_vec(size.shape(), values).expect("one value for each pixel")
}

/// Divides the values by their mean, unless that is 0.
pub(super) fn divide_by_mean<D: Dimension>(map: &mut Array<f32, D>) {
    let mean = map.iter().map(|&v| f64::from(v)).sum::<f64>() / map.len() as f64;
    if mean > 0.0 {
        *map /= mean as f32;
    }
}

/// A map convolved with a Gaussian of this standard deviation, in pixels. A deviation of 0 or below
/// leaves the map as it is.
pub(crate) fn gaussian_blur(map: &Array2<f32>, deviation: f32) -> Array2<f32> {
    if deviation <= 0.0 {
        return map.clone();
    }
    let Size { width, height } = Size::from_array(map);
    let pixels = map.iter().copied().collect();
    let picture = ImageBuffer::<Luma<f32>, Vec<f32>>::from_raw(width, height, pixels);
    let blurred = gaussian_blur_f32(
        &picture.expect("the map has one value for each pixel"),
        deviation,
    );
    Array2::from_shape_vec(map.dim(), blurred.into_raw()).expect("one value for each pixel")
}
