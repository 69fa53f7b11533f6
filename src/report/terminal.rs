//! A picture in a terminal: two pixels a character, the upper half block in two colours of 24 bits.

use std::fmt::Write;

use image::{RgbImage, imageops};

/// The picture as lines of text of at most `columns` columns, and no wider than the picture.
///
/// ```
/// let dot = image::RgbImage::from_pixel(1, 2, image::Rgb([255, 0, 0]));
/// assert_eq!(localise::report::terminal(&dot, 80), "\x1b[38;2;255;0;0;48;2;255;0;0m▀\x1b[0m\n");
/// ```
#[must_use]
pub fn terminal(picture: &RgbImage, columns: u32) -> String {
    let width = picture.width().min(columns).max(1);
    // An even number of rows, two a line.
    let height =
        (u64::from(picture.height()) * u64::from(width) / u64::from(picture.width().max(1))) as u32;
    let small = imageops::thumbnail(picture, width, height.next_multiple_of(2).max(2));
    let mut text = String::new();
    for y in (0..small.height()).step_by(2) {
        for x in 0..width {
            let ([r, g, b], [s, h, c]) = (small.get_pixel(x, y).0, small.get_pixel(x, y + 1).0);
            let _ = write!(text, "\x1b[38;2;{r};{g};{b};48;2;{s};{h};{c}m▀");
        }
        text += "\x1b[0m\n";
    }
    text
}
