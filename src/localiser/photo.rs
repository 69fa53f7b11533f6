//! A photo's pixels, checked against its annotation.

use image::RgbImage;

use super::failure::PhotoError;
use crate::dataset::{self, Jpeg, Photo};
use crate::geometry::Size;

/// Reads a photo.
pub(crate) fn read_photo(photo: &Photo, jpeg: Jpeg) -> Result<RgbImage, PhotoError> {
    let picture = dataset::read(&photo.path, jpeg)?;
    ensure_annotated_size(photo, &picture)?;
    Ok(picture)
}

/// Refuses a photo whose size is not that of its annotation: its boxes, in pixels of another size,
/// would be scored wrongly without a warning.
pub(crate) fn ensure_annotated_size(photo: &Photo, picture: &RgbImage) -> Result<(), PhotoError> {
    let size = Size::from_picture(picture);
    match photo.size {
        Some(annotated) if annotated != size => Err(PhotoError::image(format!(
            "the photo is {size}, its annotation says {annotated}"
        ))),
        _ => Ok(()),
    }
}
