//! Decoding a photo, strictly: a file that is cut short is an error, not half a picture.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{ImageFormat, ImageReader, RgbImage};
use rayon::prelude::*;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Widths and heights of photos by their files' headers; `None` for what cannot be read.
pub(super) fn sizes(paths: &[PathBuf]) -> Vec<Option<[u32; 2]>> {
    paths.par_iter().map(|path| size(path).ok()).collect()
}

/// Width and height of a photo by its file's header, whatever the file is called.
pub(crate) fn size(path: &Path) -> image::ImageResult<[u32; 2]> {
    let (width, height) = ImageReader::open(path)?.with_guessed_format()?.into_dimensions()?;
    Ok([width, height])
}

/// Photos of more pixels are refused before they are decoded.
pub(super) const MOST_PIXELS: u64 = 64 << 20;

/// The photo in a file, as 8-bit RGB. EXIF orientation is not applied: annotations follow the stored pixels.
///
/// # Errors
/// What is wrong with the file.
pub fn read(path: &Path) -> Result<RgbImage, String> {
    let bytes = std::fs::read(path).map_err(|e| format!("cannot read: {e}"))?;
    decode(&bytes)
}

/// The photo in `bytes`: JPEG or PNG by content, whatever the file is called.
///
/// # Errors
/// What is wrong with the bytes.
pub fn decode(bytes: &[u8]) -> Result<RgbImage, String> {
    if bytes.is_empty() {
        return Err("cannot decode: the file is empty".into());
    }
    let reader = || ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let format = reader().ok().and_then(|r| r.format());
    let Some(format @ (ImageFormat::Jpeg | ImageFormat::Png)) = format else {
        let found = format.map_or("an unknown format".into(), |f| format!("{f:?}"));
        return Err(format!("cannot decode: it is {found}; JPEG and PNG are read"));
    };
    let failed = |e: &dyn std::fmt::Display| format!("cannot decode: {e}");
    let (width, height) = reader().map_err(|e| failed(&e))?.into_dimensions().map_err(|e| failed(&e))?;
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(format!("cannot decode: {width} x {height} is more than {} megapixels", MOST_PIXELS >> 20));
    }
    if format == ImageFormat::Png {
        return Ok(reader().map_err(|e| failed(&e))?.decode().map_err(|e| failed(&e))?.to_rgb8());
    }
    // The `image` crate switches the decoder's strict mode off.
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let pixels = decoder.decode().map_err(|e| failed(&format!("{e:?}")))?;
    RgbImage::from_raw(width, height, pixels).ok_or_else(|| "cannot decode: pixels are missing".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coded(format: ImageFormat) -> Vec<u8> {
        let picture = RgbImage::from_fn(64, 48, |x, y| image::Rgb([x as u8 * 3, y as u8 * 5, (x * y) as u8]));
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).expect("it can be coded");
        bytes.into_inner()
    }

    #[test]
    fn cut_files_are_errors() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png] {
            let bytes = coded(format);
            assert_eq!(decode(&bytes).expect("whole").dimensions(), (64, 48));
            for share in [0.1, 0.5, 0.9] {
                let cut = &bytes[..(bytes.len() as f64 * share) as usize];
                assert!(decode(cut).expect_err("cut").starts_with("cannot decode"), "{format:?} {share}");
            }
        }
    }

    #[test]
    fn other_formats_are_named() {
        assert!(decode(b"GIF89a\x01\x00\x01\x00").expect_err("gif").contains("Gif"));
        assert!(decode(b"<html>").expect_err("html").contains("unknown format"));
        assert!(decode(b"").expect_err("empty").contains("empty"));
    }

    #[test]
    fn grey_becomes_rgb() {
        let mut bytes = Cursor::new(Vec::new());
        image::GrayImage::from_pixel(8, 8, image::Luma([77])).write_to(&mut bytes, ImageFormat::Jpeg).expect("coded");
        assert_eq!(decode(&bytes.into_inner()).expect("grey").get_pixel(3, 3).0, [77; 3]);
    }
}
