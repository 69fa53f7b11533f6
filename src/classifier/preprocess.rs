//! From pixels to the input that a network was trained on, and back for gradients.

use image::RgbImage;
use ndarray::{Array2, Array3, Array4, ArrayView3, Axis};

use super::channels::Channels;
use super::description::ModelDescription;

/// The weights of red, green and blue in the luma, as Pillow has them.
const LUMA: [f32; 3] = [19_595.0 / 65_536.0, 38_470.0 / 65_536.0, 7_471.0 / 65_536.0];

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

/// The network's input [1, channels, height, width]: (pixel · range / 255 − mean) / std for each
/// channel, with the channels in the network's order.
pub(super) fn tensor(pixels: ArrayView3<'_, f32>, description: &ModelDescription) -> Array4<f32> {
    let scaling = description.scaling();
    let mut tensor = match description.channels {
        Channels::Rgb | Channels::Bgr => pixels.to_owned(),
        Channels::Grey => luma(pixels).insert_axis(Axis(0)),
    };
    for (c, mut channel) in tensor.outer_iter_mut().enumerate() {
        channel.mapv_inplace(|value| scaling.apply(c, value));
    }
    if description.channels == Channels::Bgr {
        tensor.invert_axis(Axis(0));
    }
    tensor
        .as_standard_layout()
        .into_owned()
        .insert_axis(Axis(0))
}

/// The luma of pixels [3, height, width], rounded to whole levels: [`Channels::Grey`].
fn luma(pixels: ArrayView3<'_, f32>) -> Array2<f32> {
    pixels.map_axis(Axis(0), |rgb| {
        let sum: f64 = rgb
            .iter()
            .zip(LUMA)
            .map(|(&value, weight)| f64::from(value) * f64::from(weight))
            .sum();
        (sum + 0.5).floor() as f32
    })
}

/// The colour that is zero to the network, RGB, 0..=255: the mean colour of its training data.
pub(super) fn mean_colour(description: &ModelDescription) -> [f32; 3] {
    description
        .mean
        .map(|mean| mean * 255.0 / description.range)
}

/// A tensor of the shape of the network's input, [channels, height, width], in RGB order; a grey one
/// keeps its one channel.
pub(super) fn in_rgb<'a>(
    mut tensor: ArrayView3<'a, f32>,
    description: &ModelDescription,
) -> ArrayView3<'a, f32> {
    if description.channels == Channels::Bgr {
        tensor.invert_axis(Axis(0));
    }
    tensor
}

/// The gradient with respect to the pixels, [3, height, width] in RGB order, from the gradient with
/// respect to the network's input, [channels, height, width]: by the chain rule, it is multiplied
/// by range / 255 / std and, for a grey input, by the weight of each colour in the luma. The
/// rounding of the luma counts as the identity.
pub(super) fn gradient_by_pixel(
    input_gradient: ArrayView3<'_, f32>,
    description: &ModelDescription,
) -> Array3<f32> {
    let in_rgb = in_rgb(input_gradient, description);
    let (_, height, width) = in_rgb.dim();
    let mut gradient = match in_rgb.broadcast((3, height, width)) {
        Some(all) => all.to_owned(),
        None => in_rgb.to_owned(),
    };
    let weights = match description.channels {
        Channels::Rgb | Channels::Bgr => [1.0; 3],
        Channels::Grey => LUMA,
    };
    for ((mut channel, std), weight) in gradient.outer_iter_mut().zip(description.std).zip(weights)
    {
        channel *= weight * (description.range / 255.0 / std);
    }
    gradient
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    /// What Pillow 12's `Image.convert("L")` gives for these colours.
    #[test]
    fn the_luma_is_that_of_pillow() {
        let colours = [
            ([255, 255, 255], 255.0),
            ([0, 0, 0], 0.0),
            ([255, 0, 0], 76.0),
            ([0, 255, 0], 150.0),
            ([0, 0, 255], 29.0),
            ([1, 0, 0], 0.0),
            ([10, 20, 30], 18.0),
            ([200, 100, 50], 124.0),
            ([123, 45, 67], 71.0),
        ];
        for ([r, g, b], expected) in colours {
            let picture = RgbImage::from_pixel(1, 1, image::Rgb([r, g, b]));
            assert_eq!(
                luma(pixels(&picture).view()),
                array![[expected]],
                "{r} {g} {b}"
            );
        }
    }
}
