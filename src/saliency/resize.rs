//! Resizing of pictures.

use fast_image_resize as fir;
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
    resize_into(picture, &mut resized, filter).map_err(|e| {
        let from = Size::from_picture(picture);
        format!("cannot resize {from} to {size}: {e}")
    })?;
    Ok(resized)
}

/// Resizes a picture with any kind of pixels to the size of `to`.
pub(crate) fn resize_into(
    from: &impl fir::IntoImageView,
    to: &mut impl fir::IntoImageViewMut,
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
    fir::Resizer::new().resize(from, to, &options)
}
