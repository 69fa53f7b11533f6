//! Decoding a photo, strictly: a file that is cut short is an error, not half a picture.
//!
//! JPEG and PNG are told by content, whatever the file is called. Grey, palette and CMYK become
//! RGB, 16 bits are scaled to 8, transparency is dropped, of an animation the first picture counts.
//! EXIF orientation is not applied, since annotations follow the stored pixels.

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
use super::MAX_SIDE;

/// Widths and heights of photos by their files' headers; `None` for what cannot be read.
pub(super) fn sizes(paths: &[PathBuf]) -> Vec<Option<Size>> {
    paths.par_iter().map(|path| size(path).ok()).collect()
}

/// Width and height of a photo by its file's header, whatever the file is called.
pub(crate) fn size(path: &Path) -> image::ImageResult<Size> {
    let (width, height) = ImageReader::open(path)?
        .with_guessed_format()?
        .into_dimensions()?;
    Ok(Size::new(width, height))
}

/// Photos of more pixels are refused before they are decoded.
pub(super) const MAX_PIXELS: u64 = 64 << 20;

/// Files of more bytes are refused before they are read, and pictures of more before they are
/// decoded.
const MAX_BYTES: u64 = 256 << 20;

/// How a damaged JPEG is taken.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Jpeg {
    /// It is an error.
    #[default]
    Strict,
    /// It is read as far as it goes; the rest is grey.
    Lenient,
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum PhotoReadError {
    /// The file cannot be read, and that is its own fault: it is missing, say, or nobody's to read.
    #[error("cannot read: {0}")]
    File(io::Error),
    /// The file cannot be read, and that is not its fault: the disk or the network fails, or too
    /// many files are open. It may be read later.
    #[error("cannot read: {0}")]
    Outage(io::Error),
    /// The file is no picture, or none that can be taken.
    #[error("cannot decode: {0}")]
    Picture(String),
    /// The file is a JPEG that a lenient decoder may take.
    #[error("cannot decode strictly: {0}; the lenient decoder may read it")]
    Damaged(String),
}

impl PhotoReadError {
    fn of(error: io::Error) -> Self {
        use ErrorKind as Kind;
        let own_fault = [
            Kind::NotFound,
            Kind::PermissionDenied,
            Kind::NotADirectory,
            Kind::IsADirectory,
            Kind::InvalidInput,
            Kind::InvalidFilename,
        ];
        // A loop of symbolic links has no kind of its own yet.
        let in_a_loop = error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
        if own_fault.contains(&error.kind()) || in_a_loop {
            Self::File(error)
        } else {
            Self::Outage(error)
        }
    }
}

/// The photo in a file, as 8-bit RGB, as it is stored: EXIF orientation is not applied.
///
/// # Errors
/// What is wrong with the file. More than 64 megapixels or 256 MiB are refused before anything is
/// decoded.
pub fn read(path: &Path, jpeg: Jpeg) -> Result<RgbImage, PhotoReadError> {
    let metadata = path.metadata().map_err(PhotoReadError::of)?;
    // A pipe would be waited for without end.
    if !metadata.is_file() {
        return Err(PhotoReadError::Picture("it is no regular file".into()));
    }
    if metadata.len() > MAX_BYTES {
        return Err(PhotoReadError::Picture(format!(
            "the file is larger than {} MiB",
            MAX_BYTES >> 20
        )));
    }
    let bytes = std::fs::read(path).map_err(PhotoReadError::of)?;
    let (picture, orientation) = decode_oriented(&bytes, jpeg)?;
    if orientation != Orientation::NoTransforms {
        tracing::info!(
            "{}: EXIF orientation {} ignored",
            path.display(),
            orientation.to_exif()
        );
    }
    Ok(picture)
}

/// The photo in `bytes`: JPEG or PNG by content, as [`read`].
///
/// # Errors
/// What is wrong with the bytes; never [`PhotoReadError::File`] or [`PhotoReadError::Outage`].
pub fn decode(bytes: &[u8], jpeg: Jpeg) -> Result<RgbImage, PhotoReadError> {
    decode_oriented(bytes, jpeg).map(|(picture, _)| picture)
}

/// What a PNG may hold beside its pixels, bytes: a colour profile is a file of kilobytes.
const MAX_BESIDES: u64 = 32 << 20;

/// Size and orientation by a photo's header. What is too large is refused before it is decoded.
fn header(decoder: &mut impl ImageDecoder) -> Result<(Size, Orientation), PhotoReadError> {
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        let most = MAX_PIXELS >> 20;
        return Err(PhotoReadError::Picture(format!(
            "{width} x {height} is more than {most} megapixels"
        )));
    }
    if decoder.total_bytes() > MAX_BYTES {
        let (size, most) = (decoder.total_bytes() >> 20, MAX_BYTES >> 20);
        return Err(PhotoReadError::Picture(format!(
            "its pixels are {size} MiB, more than {most}"
        )));
    }
    Ok((
        Size::new(width, height),
        decoder.orientation().unwrap_or(Orientation::NoTransforms),
    ))
}

fn decode_oriented(bytes: &[u8], jpeg: Jpeg) -> Result<(RgbImage, Orientation), PhotoReadError> {
    let failed = |e: &dyn std::fmt::Display| PhotoReadError::Picture(e.to_string());
    if bytes.is_empty() {
        return Err(failed(&"the file is empty"));
    }
    let format = image::guess_format(bytes).ok();
    let Some(format @ (ImageFormat::Jpeg | ImageFormat::Png)) = format else {
        let found = format.map_or("an unknown format".into(), |f| format!("{f:?}"));
        return Err(failed(&format!("it is {found}; JPEG and PNG are read")));
    };
    if format == ImageFormat::Png {
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(MAX_BESIDES);
        let mut decoder =
            PngDecoder::with_limits(Cursor::new(bytes), limits).map_err(|e| failed(&e))?;
        let (_, orientation) = header(&mut decoder)?;
        return Ok((
            DynamicImage::from_decoder(decoder)
                .map_err(|e| failed(&e))?
                .to_rgb8(),
            orientation,
        ));
    }
    let mut decoder =
        image::codecs::jpeg::JpegDecoder::new(Cursor::new(bytes)).map_err(|e| failed(&e))?;
    let (Size { width, height }, orientation) = header(&mut decoder)?;
    // The `image` crate switches the decoder's strict mode off.
    let options = DecoderOptions::default()
        .set_strict_mode(jpeg == Jpeg::Strict)
        .set_max_width(MAX_SIDE as usize)
        .set_max_height(MAX_SIDE as usize)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let pixels = decoder.decode().map_err(|e| match jpeg {
        Jpeg::Strict => PhotoReadError::Damaged(format!("{e:?}")),
        Jpeg::Lenient => failed(&format!("{e:?}")),
    })?;
    let picture =
        RgbImage::from_raw(width, height, pixels).ok_or_else(|| failed(&"pixels are missing"))?;
    Ok((picture, orientation))
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
