//! From pixels to the input that a network was trained on, and back for gradients.

use image::RgbImage;
use ndarray::{Array3, Array4, ArrayView3, Axis};

use super::description::{Channels, ModelDescription};

/// The pixels of a picture, [3, height, width], RGB, 0..=255.
#[must_use]
pub fn pixels(picture: &RgbImage) -> Array3<f32> {
    let (width, height) = picture.dimensions();
    let mut pixels = Array3::zeros((3, height as usize, width as usize));
    for (x, y, pixel) in picture.enumerate_pixels() {
        for c in 0..3 {
            pixels[[c, y as usize, x as usize]] = f32::from(pixel.0[c]);
        }
    }
    pixels
}

/// The network's input [1, 3, height, width]: (pixel · range / 255 − mean) / std for each channel,
/// with the channels in the network's order.
pub(super) fn tensor(pixels: ArrayView3<'_, f32>, description: &ModelDescription) -> Array4<f32> {
    let mut tensor = pixels.to_owned();
    let factor = description.range / 255.0;
    for (c, mut channel) in tensor.outer_iter_mut().enumerate() {
        let (mean, std) = (description.mean[c], description.std[c]);
        channel.mapv_inplace(|value| (value * factor - mean) / std);
    }
    if description.channels == Channels::Bgr {
        tensor.invert_axis(Axis(0));
    }
    tensor
        .as_standard_layout()
        .into_owned()
        .insert_axis(Axis(0))
}

/// The colour that is zero to the network, RGB, 0..=255: the mean colour of its training data.
pub(super) fn mean_colour(description: &ModelDescription) -> [f32; 3] {
    description
        .mean
        .map(|mean| mean * 255.0 / description.range)
}

/// The gradient with respect to the pixels, in RGB order, from the gradient with respect to the
/// network's input: by the chain rule, it is multiplied by range / 255 / std.
pub(super) fn gradient_by_pixel(
    input_gradient: ArrayView3<'_, f32>,
    description: &ModelDescription,
) -> Array3<f32> {
    let mut in_rgb = input_gradient;
    if description.channels == Channels::Bgr {
        in_rgb.invert_axis(Axis(0));
    }
    let mut gradient = in_rgb.to_owned();
    for (mut channel, std) in gradient.outer_iter_mut().zip(description.std) {
        channel *= description.range / 255.0 / std;
    }
    gradient
}
