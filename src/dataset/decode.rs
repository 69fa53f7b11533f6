//! Decoding a photo, strictly: a truncated file is an error, not half a picture.
//!
//! JPEG and PNG are recognised by content, whatever the file's name. Grey, palette and CMYK pixels
//! become RGB, 16 bits are scaled to 8, transparency is dropped, and of an animation the first
//! picture is taken. The EXIF orientation is not applied, because annotations refer to the stored
//! pixels.

use std::fmt::Display;
use std::io::{self, Cursor, ErrorKind};
use std::path::{Path, PathBuf};

use image::codecs::png::PngDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::geometry::Size;

/// The longest side of a photo in pixels: the longest that a JPEG can have.
pub(super) const MAX_SIDE: u32 = 65_535;

/// Photos of more pixels are refused before they are decoded.
pub(super) const MAX_PIXELS: u64 = 64 << 20;

/// Files of more bytes are refused before they are read, and pictures of more before they are
/// decoded.
const MAX_BYTES: u64 = 256 << 20;

/// The most bytes that a PNG may hold besides its pixels. A colour profile has kilobytes.
const MAX_METADATA_BYTES: u64 = 32 << 20;

/// The sizes of photos by their files' headers; `None` for a file that cannot be read.
pub(super) fn read_sizes(paths: &[PathBuf]) -> Vec<Option<Size>> {
    paths.par_iter().map(|path| read_size(path).ok()).collect()
}

/// The size of a photo by its file's header, whatever the file's name.
pub(crate) fn read_size(path: &Path) -> image::ImageResult<Size> {
    let (width, height) = ImageReader::open(path)?
        .with_guessed_format()?
        .into_dimensions()?;
    Ok(Size::new(width, height))
}

/// How a damaged JPEG is treated.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Jpeg {
    /// It is an error.
    #[default]
    Strict,
    /// It is read as far as possible; the rest is grey.
    Lenient,
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum PhotoReadError {
    /// The file cannot be read, and the cause is the file itself: for example, it is missing, or
    /// its permissions forbid it.
    #[error("cannot read: {0}")]
    File(io::Error),
    /// The file cannot be read, and the cause is elsewhere: the disk or the network fails, or too
    /// many files are open. A later attempt may succeed.
    #[error("cannot read: {0}")]
    Outage(io::Error),
    /// The file is not a picture, or not one that is supported.
    #[error("cannot decode: {0}")]
    Picture(String),
    /// The file is a JPEG that a lenient decoder may read.
    #[error("cannot decode strictly: {0}; the lenient decoder may read it")]
    Damaged(String),
}

impl PhotoReadError {
    fn from_io(error: io::Error) -> Self {
        let caused_by_file = [
            ErrorKind::NotFound,
            ErrorKind::PermissionDenied,
            ErrorKind::NotADirectory,
            ErrorKind::IsADirectory,
            ErrorKind::InvalidInput,
            ErrorKind::InvalidFilename,
        ];
        // The standard library has no stable kind for a loop of symbolic links.
        let is_link_loop = error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
        if caused_by_file.contains(&error.kind()) || is_link_loop {
            Self::File(error)
        } else {
            Self::Outage(error)
        }
    }

    fn picture(reason: impl Display) -> Self {
        Self::Picture(reason.to_string())
    }
}

/// The photo in a file as 8-bit RGB, as it is stored: the EXIF orientation is not applied.
///
/// # Errors
/// What is wrong with the file. More than 64 megapixels or 256 MiB are refused before anything is
/// decoded.
pub fn read(path: &Path, jpeg: Jpeg) -> Result<RgbImage, PhotoReadError> {
    let metadata = path.metadata().map_err(PhotoReadError::from_io)?;
    // Reading a pipe would block for ever.
    if !metadata.is_file() {
        return Err(PhotoReadError::picture("it is not a regular file"));
    }
    if metadata.len() > MAX_BYTES {
        let limit = MAX_BYTES >> 20;
        return Err(PhotoReadError::picture(format!(
            "the file is larger than {limit} MiB"
        )));
    }
    let bytes = std::fs::read(path).map_err(PhotoReadError::from_io)?;
    let (picture, orientation) = decode_with_orientation(&bytes, jpeg)?;
    if orientation != Orientation::NoTransforms {
        let (shown, orientation) = (path.display(), orientation.to_exif());
        tracing::info!("{shown}: EXIF orientation {orientation} ignored");
    }
    Ok(picture)
}

/// The photo in `bytes`, which are a JPEG or a PNG by content, as [`read`].
///
/// # Errors
/// What is wrong with the bytes; never [`PhotoReadError::File`] or [`PhotoReadError::Outage`].
pub fn decode(bytes: &[u8], jpeg: Jpeg) -> Result<RgbImage, PhotoReadError> {
    decode_with_orientation(bytes, jpeg).map(|(picture, _)| picture)
}

fn decode_with_orientation(
    bytes: &[u8],
    jpeg: Jpeg,
) -> Result<(RgbImage, Orientation), PhotoReadError> {
    if bytes.is_empty() {
        return Err(PhotoReadError::picture("the file is empty"));
    }
    match image::guess_format(bytes).ok() {
        Some(ImageFormat::Png) => decode_png(bytes),
        Some(ImageFormat::Jpeg) => decode_jpeg(bytes, jpeg),
        other => {
            let found = other.map_or("an unknown format".into(), |format| format!("{format:?}"));
            Err(PhotoReadError::picture(format!(
                "it is {found}; only JPEG and PNG are supported"
            )))
        }
    }
}

fn decode_png(bytes: &[u8]) -> Result<(RgbImage, Orientation), PhotoReadError> {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_METADATA_BYTES);
    let mut decoder =
        PngDecoder::with_limits(Cursor::new(bytes), limits).map_err(PhotoReadError::picture)?;
    let (_, orientation) = read_header(&mut decoder)?;
    let picture = DynamicImage::from_decoder(decoder).map_err(PhotoReadError::picture)?;
    Ok((picture.to_rgb8(), orientation))
}

fn decode_jpeg(bytes: &[u8], jpeg: Jpeg) -> Result<(RgbImage, Orientation), PhotoReadError> {
    let mut header = image::codecs::jpeg::JpegDecoder::new(Cursor::new(bytes))
        .map_err(PhotoReadError::picture)?;
    let (Size { width, height }, orientation) = read_header(&mut header)?;
    // The `image` crate switches the decoder's strict mode off, so the decoder is used directly.
    let options = DecoderOptions::default()
        .set_strict_mode(jpeg == Jpeg::Strict)
        .set_max_width(MAX_SIDE as usize)
        .set_max_height(MAX_SIDE as usize)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let pixels = decoder.decode().map_err(|error| match jpeg {
        Jpeg::Strict => PhotoReadError::Damaged(format!("{error:?}")),
        Jpeg::Lenient => PhotoReadError::Picture(format!("{error:?}")),
    })?;
    let picture = RgbImage::from_raw(width, height, pixels)
        .ok_or_else(|| PhotoReadError::picture("pixels are missing"))?;
    Ok((picture, orientation))
}

/// Size and orientation by a photo's header. A photo that is too large is refused before it is
/// decoded.
fn read_header(decoder: &mut impl ImageDecoder) -> Result<(Size, Orientation), PhotoReadError> {
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        let limit = MAX_PIXELS >> 20;
        return Err(PhotoReadError::picture(format!(
            "{width} x {height} is more than {limit} megapixels"
        )));
    }
    if decoder.total_bytes() > MAX_BYTES {
        let (found, limit) = (decoder.total_bytes() >> 20, MAX_BYTES >> 20);
        return Err(PhotoReadError::picture(format!(
            "its pixels are {found} MiB, more than {limit}"
        )));
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    Ok((Size::new(width, height), orientation))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coded(format: ImageFormat) -> Vec<u8> {
        let picture = RgbImage::from_fn(64, 48, |x, y| {
            image::Rgb([x as u8 * 3, y as u8 * 5, (x * y) as u8])
        });
        let mut bytes = Cursor::new(Vec::new());
        picture
            .write_to(&mut bytes, format)
            .expect("it can be coded");
        bytes.into_inner()
    }

    #[test]
    fn cut_files_are_errors() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png] {
            let bytes = coded(format);
            assert_eq!(
                decode(&bytes, Jpeg::Strict).expect("whole").dimensions(),
                (64, 48)
            );
            for share in [0.1, 0.5, 0.9] {
                let cut = &bytes[..(bytes.len() as f64 * share) as usize];
                let error = decode(cut, Jpeg::Strict).expect_err("cut").to_string();
                assert!(
                    error.starts_with("cannot decode"),
                    "{format:?} {share}: {error}"
                );
            }
        }
    }

    #[test]
    fn other_formats_are_named() {
        assert!(
            decode(b"GIF89a\x01\x00\x01\x00", Jpeg::Strict)
                .expect_err("gif")
                .to_string()
                .contains("Gif")
        );
        assert!(
            decode(b"<html>", Jpeg::Strict)
                .expect_err("html")
                .to_string()
                .contains("unknown format")
        );
        assert!(
            decode(b"", Jpeg::Strict)
                .expect_err("empty")
                .to_string()
                .contains("empty")
        );
    }

    #[test]
    fn grey_becomes_rgb() {
        let mut bytes = Cursor::new(Vec::new());
        image::GrayImage::from_pixel(8, 8, image::Luma([77]))
            .write_to(&mut bytes, ImageFormat::Jpeg)
            .expect("coded");
        assert_eq!(
            decode(&bytes.into_inner(), Jpeg::Strict)
                .expect("grey")
                .get_pixel(3, 3)
                .0,
            [77; 3]
        );
    }
}
