//! JPEG files, decoded by libjpeg-turbo: the pixels are those of Pillow and PyTorch (the accurate
//! integer DCT, interpolated chroma), whatever the sampling factors and the order of the scans.
//!
//! libjpeg reports damage as warnings, and goes on with grey pixels. Here, damaged data are an
//! error, unless the caller is lenient. Junk between segments and odd header values do not change
//! the pixels, and are accepted. So is a missing end marker, if one scan of Huffman codes has all
//! pixels: these codes show whether the scan is complete. CMYK pixels become RGB as in Pillow, which
//! takes them to be stored inverted, as Adobe's programs write them. Lossless JPEGs and those of 12
//! bits are errors.

use std::io::BufRead;

use image::RgbImage;
use image::metadata::Orientation;
use mozjpeg::decompress::{Decompress, DecompressStarted};
use mozjpeg::{ColorSpace, CompInfo, Marker};

use super::decode::{Jpeg, PhotoReadError, ensure_decodable};
use super::libjpeg::{catch, error_manager};
use crate::geometry::Size;

/// Files with more scans are refused, because each scan is a pass over the whole picture: a file of
/// some kilobytes could take minutes. libjpeg's `cjpeg` writes at most as many.
const MAX_SCANS: usize = 100;

/// The marker of the segment that holds EXIF data.
const APP1: Marker = Marker::APP(1);

/// The size of the picture, by the frame header.
pub(super) fn read_size(file: impl BufRead) -> Result<Size, PhotoReadError> {
    catch(|| {
        Ok(size(
            &Decompress::with_err(error_manager(Jpeg::Lenient)).from_reader(file)?,
        ))
    })
}

/// The picture as RGB, and the EXIF orientation, which is not applied.
pub(super) fn decode(bytes: &[u8], jpeg: Jpeg) -> Result<(RgbImage, Orientation), PhotoReadError> {
    let decoder = catch(|| {
        let builder = Decompress::with_err(error_manager(jpeg));
        builder.with_markers(&[APP1]).from_mem(bytes)
    })?;
    let size = size(&decoder);
    ensure_decodable(size, 3 * u64::from(size.width) * u64::from(size.height))?;
    ensure_scans(bytes, decoder.components().len(), jpeg)?;
    let orientation = decoder
        .markers()
        .find_map(|marker| exif_orientation(marker.data));
    let pixels = match decoder.color_space() {
        ColorSpace::JCS_CMYK | ColorSpace::JCS_YCCK => {
            let mut started = start(decoder, ColorSpace::JCS_CMYK, jpeg)?;
            let pixels = catch(|| started.read_scanlines())?;
            pixels.into_iter().flat_map(rgb).collect()
        }
        ColorSpace::JCS_UNKNOWN => {
            let count = decoder.components().len();
            return Err(PhotoReadError::picture(format!(
                "it has {count} colour components, which are neither grey, RGB nor CMYK"
            )));
        }
        _ => {
            let mut started = start(decoder, ColorSpace::JCS_RGB, jpeg)?;
            catch(|| started.read_scanlines())?
        }
    };
    let picture = RgbImage::from_raw(size.width, size.height, pixels)
        .ok_or_else(|| PhotoReadError::picture("pixels are missing"))?;
    Ok((picture, orientation.unwrap_or(Orientation::NoTransforms)))
}

fn size<R>(decoder: &Decompress<R>) -> Size {
    Size::new(decoder.width() as u32, decoder.height() as u32)
}

/// Reads all scans, unless there is only one, which is decoded row by row.
fn start<R>(
    decoder: Decompress<R>,
    colours: ColorSpace,
    jpeg: Jpeg,
) -> Result<DecompressStarted<R>, PhotoReadError> {
    let started = catch(|| decoder.to_colorspace(colours))?;
    // A component has its quantisation table from the first scan that it is in. libjpeg would paint
    // one that is in no scan as grey, without a warning.
    let is_missing = |component: &CompInfo| component.quant_table.is_null();
    if jpeg == Jpeg::Strict && started.components().iter().any(is_missing) {
        return Err(PhotoReadError::Damaged("a component is in no scan".into()));
    }
    Ok(started)
}

/// R = (255 − k) − (255 − k) · c / 255 for each of cyan, magenta and yellow, where c, m, y and k
/// are stored inverted; rounded as Pillow does.
fn rgb([c, m, y, k]: [u8; 4]) -> [u8; 3] {
    let key = u32::from(k);
    [c, m, y].map(|stored| {
        let product = key * u32::from(255 - stored) + 128;
        (key - ((product + (product >> 8)) >> 8)) as u8
    })
}

/// Refuses a file of too many scans, and unless the caller is lenient, a file without an end marker
/// that may be incomplete without a warning by libjpeg.
fn ensure_scans(bytes: &[u8], components: usize, jpeg: Jpeg) -> Result<(), PhotoReadError> {
    let mut rest = bytes;
    let (mut scans, mut may_lack_end) = (0, true);
    while let Some((marker, after)) = next_marker(rest) {
        rest = after;
        match marker {
            // End of image.
            0xD9 => return Ok(()),
            // TEM, restarts and the start of the image: no segment follows.
            0x01 | 0xD0..=0xD8 => continue,
            // Frames that are progressive, have arithmetic codes, or both.
            0xC2 | 0xC9 | 0xCA => may_lack_end = false,
            // Start of scan: length, number of components, ...
            0xDA => {
                scans += 1;
                let is_all = rest
                    .get(2)
                    .is_some_and(|&count| usize::from(count) == components);
                if is_all && may_lack_end {
                    return Ok(());
                }
            }
            _ => {}
        }
        let length = rest
            .first_chunk()
            .map_or(0, |&length| u16::from_be_bytes(length));
        rest = rest.get(usize::from(length)..).unwrap_or_default();
        if scans > MAX_SCANS {
            return Err(PhotoReadError::picture(format!(
                "it has more than {MAX_SCANS} scans"
            )));
        }
    }
    match jpeg {
        Jpeg::Strict => Err(PhotoReadError::Damaged(
            "the end of the picture is missing".into(),
        )),
        Jpeg::Lenient => Ok(()),
    }
}

/// The next marker and what follows it. In coded data, 0xFF is followed by 0x00; before a marker
/// there may be several 0xFF (ITU-T T.81, B.1.1).
fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let is_marker = |pair: &[u8]| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xFF);
    let at = bytes.windows(2).position(is_marker)?;
    Some((bytes[at + 1], &bytes[at + 2..]))
}

fn exif_orientation(segment: &[u8]) -> Option<Orientation> {
    Orientation::from_exif_chunk(segment.strip_prefix(b"Exif\0\0")?)
}
