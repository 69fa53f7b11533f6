//! Resizing of pictures and maps.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{self as fir, ImageView, ImageViewMut};
use image::RgbImage;
use serde::{Deserialize, Serialize};

use crate::geometry::Size;

/// A resizing filter.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    /// Keys' cubic with a = −1/2, anti-aliased when shrinking, as in MATLAB's `imresize` and
    /// Pillow's bicubic.
    Bicubic,
    /// Linear, anti-aliased when shrinking, as in Pillow's bilinear.
    Bilinear,
    /// Linear between the four nearest pixels at every scale, as in Caffe's and OpenCV's bilinear.
    BilinearPlain,
}

/// `picture` resized to `size`.
///
/// # Errors
/// A text with both sizes if one of them is empty.
pub fn resize(picture: &RgbImage, size: Size, filter: Filter) -> Result<RgbImage, String> {
    let mut resized = RgbImage::new(size.width, size.height);
    let from = TypedImageRef::<U8x3>::from_buffer(picture.width(), picture.height(), picture)
        .expect("three bytes for each pixel");
    let mut to = TypedImage::from_buffer(size.width, size.height, &mut resized)
        .expect("three bytes for each pixel");
    resize_into(&from, &mut to, filter).map_err(|e| {
        let picture_size = Size::from_picture(picture);
        format!("cannot resize {picture_size} to {size}: {e}")
    })?;
    Ok(resized)
}

/// Resizes a picture to the size of `to`. The kind of pixels is known at compile time: to compile
/// the crate's code for all kinds takes minutes.
pub(crate) fn resize_into<P: fir::PixelTrait>(
    from: &impl ImageView<Pixel = P>,
    to: &mut impl ImageViewMut<Pixel = P>,
    filter: Filter,
) -> Result<(), fir::ResizeError> {
    let algorithm = match filter {
        Filter::Bicubic => fir::ResizeAlg::Convolution(fir::FilterType::CatmullRom),
        Filter::Bilinear => fir::ResizeAlg::Convolution(fir::FilterType::Bilinear),
        Filter::BilinearPlain => fir::ResizeAlg::Interpolation(fir::FilterType::Bilinear),
    };
    let options = fir::ResizeOptions::new()
        .resize_alg(algorithm)
        .use_alpha(false);
    fir::Resizer::new().resize_typed(from, to, &options)
}
