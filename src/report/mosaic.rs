//! Pictures put together on white.

use image::{RgbImage, imageops};

use super::lettering::{PAPER, block, shortened};

/// Space between tiles, pixels.
pub(super) const GAP: u32 = 8;
/// A tile is no narrower than this, so that there is room for its caption; pixels.
pub(super) const MIN_WIDTH: u32 = 300;

/// Pictures below one another, with gaps between them, at the left edge.
pub(super) fn stacked(pictures: &[RgbImage]) -> RgbImage {
    let width = pictures.iter().map(RgbImage::width).max().unwrap_or(0);
    let heights: u32 = pictures.iter().map(|picture| picture.height() + GAP).sum();
    let mut stack = RgbImage::from_pixel(width, heights.saturating_sub(GAP), PAPER);
    let mut y = 0;
    for picture in pictures {
        imageops::replace(&mut stack, picture, 0, y);
        y += i64::from(picture.height() + GAP);
    }
    stack
}

/// Pictures beside one another, with gaps between them, at the upper edge.
pub(super) fn beside(pictures: &[RgbImage]) -> RgbImage {
    let height = pictures.iter().map(RgbImage::height).max().unwrap_or(0);
    let widths: u32 = pictures.iter().map(|picture| picture.width() + GAP).sum();
    let mut row = RgbImage::from_pixel(widths.saturating_sub(GAP), height, PAPER);
    let mut x = 0;
    for picture in pictures {
        imageops::replace(&mut row, picture, x, 0);
        x += i64::from(picture.width() + GAP);
    }
    row
}

/// A picture under its caption, which is shortened where it is wider than both the picture and the
/// narrowest tile.
pub(super) fn captioned(picture: &RgbImage, caption: &str) -> RgbImage {
    let width = picture.width().max(MIN_WIDTH);
    let caption = block(&[shortened(caption, width)], width);
    let mut both = RgbImage::from_pixel(width, caption.height() + picture.height(), PAPER);
    imageops::replace(&mut both, &caption, 0, 0);
    imageops::replace(&mut both, picture, 0, i64::from(caption.height()));
    both
}

/// A picture with a margin around it.
pub(super) fn framed(picture: &RgbImage) -> RgbImage {
    let (width, height) = picture.dimensions();
    let mut framed = RgbImage::from_pixel(width + 2 * GAP, height + 2 * GAP, PAPER);
    imageops::replace(&mut framed, picture, GAP.into(), GAP.into());
    framed
}

/// Pictures of one size under their captions, in rows of `columns`.
///
/// # Panics
/// If `columns` is 0.
#[must_use]
pub fn contact_sheet(pictures: &[(RgbImage, String)], columns: usize) -> RgbImage {
    let fields: Vec<RgbImage> = pictures
        .iter()
        .map(|(picture, caption)| captioned(picture, caption))
        .collect();
    let rows: Vec<RgbImage> = fields.chunks(columns).map(beside).collect();
    framed(&stacked(&rows))
}
