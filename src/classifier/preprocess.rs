//! From pixels to what a network was trained on.

use image::RgbImage;
use ndarray::{Array3, Array4, ArrayView3, Axis};

use super::description::{Channels, Description};

/// [1, 3, height, width]: (pixel · range / 255 − mean) / std per channel, in the network's channel order.
pub(super) fn tensor(crop: &RgbImage, description: &Description) -> Array4<f32> {
    let (width, height) = crop.dimensions();
    let mut tensor = Array4::zeros((1, 3, height as usize, width as usize));
    for (x, y, pixel) in crop.enumerate_pixels() {
        for c in 0..3 {
            let value = f32::from(pixel.0[c]) * (description.range / 255.0);
            let value = (value - description.mean[c]) / description.std[c];
            let place = match description.channels {
                Channels::Rgb => c,
                Channels::Bgr => 2 - c,
            };
            tensor[[0, place, y as usize, x as usize]] = value;
        }
    }
    tensor
}

/// A gradient with respect to the network's input as one with respect to the pixels, in RGB order: by the chain rule
/// times range / 255 / std.
pub(super) fn by_pixel(gradient: ArrayView3<'_, f32>, description: &Description) -> Array3<f32> {
    let mut gradient = gradient;
    if description.channels == Channels::Bgr {
        gradient.invert_axis(Axis(0));
    }
    let mut gradient = gradient.to_owned();
    for (mut channel, std) in gradient.outer_iter_mut().zip(description.std) {
        channel *= description.range / 255.0 / std;
    }
    gradient
}
