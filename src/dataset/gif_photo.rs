//! GIF files, decoded by the `image` crate: the first frame, which must fill the picture. What is
//! around a smaller frame differs from program to program.

use std::io::Cursor;

use gif::DecodeOptions;
use image::DynamicImage;
use image::codecs::gif::GifDecoder;
use image::metadata::Orientation;

use super::decode::{PhotoReadError, decode_with};
use crate::geometry::Size;

/// The first frame.
///
/// # Errors
/// What is wrong with the file.
pub(super) fn decode(bytes: &[u8]) -> Result<(DynamicImage, Orientation), PhotoReadError> {
    let mut frames = DecodeOptions::new()
        .read_info(bytes)
        .map_err(PhotoReadError::picture)?;
    let whole = Size::new(frames.width().into(), frames.height().into());
    let first = frames.next_frame_info().map_err(PhotoReadError::picture)?;
    let first = first.map(|frame| Size::new(frame.width.into(), frame.height.into()));
    if let Some(size) = first.filter(|&size| size != whole) {
        return Err(PhotoReadError::picture(format!(
            "its first frame is {size}, and the picture is {whole}"
        )));
    }
    decode_with(GifDecoder::new(Cursor::new(bytes)).map_err(PhotoReadError::picture)?)
}
