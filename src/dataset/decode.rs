//! Decoding a photo, strictly: a truncated file is an error, not half a picture.
//!
//! JPEG, PNG, WebP, BMP, GIF and TIFF are recognised by content, whatever the file's name. Grey,
//! palette and CMYK pixels become RGB, 16 bits are scaled to 8, transparency is dropped, and of an
//! animation or of several pages the first picture is taken. The EXIF orientation is not applied,
//! because annotations refer to the stored pixels.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read, Seek};
use std::path::{Path, PathBuf};

use image::codecs::png::PngDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{gif_photo, jpeg, tiff_photo};
use crate::geometry::Size;
use crate::storage;

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
///
/// # Errors
/// What is wrong with the file.
pub(crate) fn read_size(path: &Path) -> Result<Size, PhotoReadError> {
    let from_io = PhotoReadError::from_io;
    let mut file = storage::open(path).map_err(from_io)?;
    let mut start = Vec::new();
    let read = file.by_ref().take(RECOGNISED_BY).read_to_end(&mut start);
    read.map_err(from_io)?;
    match recognise(&start)? {
        ImageFormat::Jpeg => jpeg::read_size(Cursor::new(start).chain(file)),
        // The readers of the other formats seek.
        format if storage::is_inside(path) => {
            let bytes = storage::read(path).map_err(from_io)?;
            read_size_as(format, Cursor::new(bytes))
        }
        format => read_size_as(format, BufReader::new(File::open(path).map_err(from_io)?)),
    }
}

fn read_size_as(format: ImageFormat, file: impl BufRead + Seek) -> Result<Size, PhotoReadError> {
    let reader = ImageReader::with_format(file, format);
    let (width, height) = reader.into_dimensions().map_err(PhotoReadError::picture)?;
    Ok(Size::new(width, height))
}

/// So many bytes at the beginning of a file tell its format.
pub(super) const RECOGNISED_BY: u64 = 32;

/// The format of a file, by its first [`RECOGNISED_BY`] bytes.
pub(super) fn recognise(start: &[u8]) -> Result<ImageFormat, PhotoReadError> {
    use ImageFormat::{Bmp, Gif, Jpeg, Png, Tiff, WebP};
    if start.is_empty() {
        return Err(PhotoReadError::picture("the file is empty"));
    }
    // `image` decodes BigTIFF, but does not recognise it.
    if start.starts_with(b"II+\0") || start.starts_with(b"MM\0+") {
        return Ok(Tiff);
    }
    let guess = match image::guess_format(start) {
        Ok(format @ (Jpeg | Png | WebP | Bmp | Gif | Tiff)) => return Ok(format),
        other => other.map(|format| format!("{format:?}")).ok(),
    };
    let found = unsupported_name(start).map(str::to_owned).or(guess);
    let found = found.as_deref().unwrap_or("an unknown format");
    Err(PhotoReadError::picture(format!(
        "it is {found}; JPEG, PNG, WebP, BMP, GIF and TIFF are supported"
    )))
}

/// The name of a format that people have photos in, and that is not supported.
fn unsupported_name(start: &[u8]) -> Option<&'static str> {
    // ISO 14496-12: a box `ftyp` with its main brand, a version, and more brands.
    if start.get(4..8) == Some(b"ftyp") {
        let has = |names: &[&[u8]]| {
            start[8..]
                .chunks_exact(4)
                .any(|brand| names.contains(&brand))
        };
        return Some(if has(&[b"avif", b"avis"]) {
            "AVIF"
        } else if has(&[
            b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1",
        ]) {
            "HEIC"
        } else {
            "a film"
        });
    }
    let names: [(&[u8], &str); 5] = [
        (b"\xFF\x0A", "JPEG XL"),
        (b"\0\0\0\x0CJXL ", "JPEG XL"),
        (b"\0\0\0\x0CjP  ", "JPEG 2000"),
        (b"\xFF\x4F\xFF\x51", "JPEG 2000"),
        (b"8BPS", "a Photoshop file"),
    ];
    let name = names.iter().find(|(magic, _)| start.starts_with(magic));
    name.map(|&(_, name)| name)
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
    /// its permissions forbid it, or it is a damaged member of an archive.
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
            ErrorKind::InvalidData,
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

    pub(super) fn picture(reason: impl Display) -> Self {
        Self::Picture(reason.to_string())
    }
}

/// The photo in a file as 8-bit RGB, as it is stored: the EXIF orientation is not applied.
///
/// # Errors
/// What is wrong with the file. More than 64 megapixels or 256 MiB are refused before anything is
/// decoded.
pub fn read(path: &Path, jpeg: Jpeg) -> Result<RgbImage, PhotoReadError> {
    // Reading a pipe would block for ever.
    let Some(length) = storage::length(path).map_err(PhotoReadError::from_io)? else {
        return Err(PhotoReadError::picture("it is not a regular file"));
    };
    if length > MAX_BYTES {
        let limit = MAX_BYTES >> 20;
        return Err(PhotoReadError::picture(format!(
            "the file is larger than {limit} MiB"
        )));
    }
    let bytes = storage::read(path).map_err(PhotoReadError::from_io)?;
    let (picture, orientation) = decode_with_orientation(&bytes, jpeg)?;
    if orientation != Orientation::NoTransforms {
        let (shown, orientation) = (path.display(), orientation.to_exif());
        tracing::info!("{shown}: EXIF orientation {orientation} ignored");
    }
    Ok(picture)
}

/// The photo in `bytes`, whose format is recognised by content, as [`read`].
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
    let (picture, orientation) = match recognise(bytes)? {
        ImageFormat::Jpeg => return jpeg::decode(bytes, jpeg),
        ImageFormat::Gif => gif_photo::decode(bytes)?,
        ImageFormat::Tiff => tiff_photo::decode(bytes)?,
        ImageFormat::Png => {
            let mut limits = Limits::no_limits();
            limits.max_alloc = Some(MAX_METADATA_BYTES);
            let decoder = PngDecoder::with_limits(Cursor::new(bytes), limits);
            decode_with(decoder.map_err(PhotoReadError::picture)?)?
        }
        format => {
            let reader = ImageReader::with_format(Cursor::new(bytes), format);
            decode_with(reader.into_decoder().map_err(PhotoReadError::picture)?)?
        }
    };
    Ok((picture.into_rgb8(), orientation))
}

/// The picture and its orientation. A photo that is too large is refused before it is decoded.
pub(super) fn decode_with(
    mut decoder: impl ImageDecoder,
) -> Result<(DynamicImage, Orientation), PhotoReadError> {
    let (width, height) = decoder.dimensions();
    ensure_decodable(Size::new(width, height), decoder.total_bytes())?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let picture = DynamicImage::from_decoder(decoder).map_err(PhotoReadError::picture)?;
    Ok((picture, orientation))
}

/// Refuses a picture that has too many pixels, or whose pixels take too many bytes.
pub(super) fn ensure_decodable(size: Size, bytes: u64) -> Result<(), PhotoReadError> {
    if u64::from(size.width) * u64::from(size.height) > MAX_PIXELS {
        let limit = MAX_PIXELS >> 20;
        return Err(PhotoReadError::picture(format!(
            "{size} is more than {limit} megapixels"
        )));
    }
    if bytes > MAX_BYTES {
        let (found, limit) = (bytes >> 20, MAX_BYTES >> 20);
        return Err(PhotoReadError::picture(format!(
            "its pixels are {found} MiB, more than {limit}"
        )));
    }
    Ok(())
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
        use ImageFormat::{Bmp, Gif, Jpeg, Png, Tiff, WebP};
        for format in [Jpeg, Png, WebP, Bmp, Gif, Tiff] {
            let bytes = coded(format);
            assert_eq!(
                decode(&bytes, super::Jpeg::Strict)
                    .expect("whole")
                    .dimensions(),
                (64, 48)
            );
            for share in [0.1, 0.5, 0.9, 0.99] {
                let cut = &bytes[..(bytes.len() as f64 * share) as usize];
                let error = decode(cut, super::Jpeg::Strict);
                let error = error
                    .err()
                    .unwrap_or_else(|| panic!("{format:?} {share} is read"));
                assert!(
                    error.to_string().starts_with("cannot decode"),
                    "{format:?} {share}: {error}"
                );
            }
        }
    }

    #[test]
    fn other_formats_are_named() {
        for (start, name) in [
            (&b""[..], "the file is empty"),
            (b"<html>", "it is an unknown format"),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1", "it is HEIC"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0avif", "it is AVIF"),
            (b"\0\0\0\x18ftypisom\0\0\0\0mp42", "it is a film"),
            (b"\xFF\x0A\xFF", "it is JPEG XL"),
            (b"qoif\0\0\0\x08", "it is Qoi"),
            (b"P6\n8 8\n255\n", "it is Pnm"),
        ] {
            let error = decode(start, Jpeg::Strict).expect_err(name).to_string();
            assert!(error.contains(name), "{name}: {error}");
        }
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
