//! TIFF files, decoded by the `image` crate. What it would read otherwise than the writer of the
//! file meant it is refused, by the tags of the first picture.

use std::io::Cursor;

use image::DynamicImage;
use image::codecs::tiff::TiffDecoder;
use image::metadata::Orientation;
use tiff::ColorType::{CMYK, Gray, GrayA, RGB, RGBA};
use tiff::decoder::Decoder;
use tiff::tags::Tag;

use super::decode::{PhotoReadError, decode_with};

/// The first picture of a file, and its orientation, which is not applied.
///
/// # Errors
/// What is wrong with the file. Previews, JPEG compression, other colours than grey, RGB and CMYK
/// of 8 or 16 bits, and colours that are multiplied by a transparency are not supported.
pub(super) fn decode(bytes: &[u8]) -> Result<(DynamicImage, Orientation), PhotoReadError> {
    let mut tags = Decoder::new(Cursor::new(bytes)).map_err(PhotoReadError::picture)?;
    let colours = tags.colortype().map_err(PhotoReadError::picture)?;
    let mut tag = |tag| {
        let found = tags.find_tag_unsigned_vec::<u32>(tag);
        let found = found.map_err(PhotoReadError::picture)?;
        Ok(found.unwrap_or_default().first().copied())
    };
    // TIFF 6.0, section 8: bit 0 stands for a picture of reduced resolution.
    if tag(Tag::NewSubfileType)?.unwrap_or(0) & 1 == 1 {
        return Err(PhotoReadError::picture(
            "its first picture is a preview, as in the raw file of a camera",
        ));
    }
    // The values are those of TIFF 6.0 and of its Technical Note 2. The crate `tiff` does not
    // decode such pictures as libjpeg does.
    if matches!(tag(Tag::Compression)?, Some(6 | 7)) {
        return Err(PhotoReadError::picture(
            "TIFF with JPEG compression is not supported",
        ));
    }
    if !matches!(
        colours,
        Gray(1 | 8 | 16) | GrayA(8 | 16) | RGB(8 | 16) | RGBA(8 | 16) | CMYK(8 | 16)
    ) {
        return Err(PhotoReadError::picture(format!(
            "its colours are {colours:?}; TIFFs of grey, RGB and CMYK with 8 or 16 bits are supported"
        )));
    }
    // Section 18: 1 stands for associated alpha.
    let is_multiplied = tag(Tag::ExtraSamples)? == Some(1);
    let decoder = TiffDecoder::new(Cursor::new(bytes)).map_err(PhotoReadError::picture)?;
    let (picture, orientation) = decode_with(decoder)?;
    if is_multiplied && picture.to_rgba8().pixels().any(|pixel| pixel.0[3] < 255) {
        return Err(PhotoReadError::picture(
            "its colours are multiplied by its transparency, which is not supported",
        ));
    }
    Ok((picture, orientation))
}
