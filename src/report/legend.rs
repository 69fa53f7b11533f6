//! What the lines and colours of a panel mean.

use std::slice;

use image::{Rgb, RgbImage, imageops};

use super::colours::{BACKGROUND, FOREGROUND, heat};
use super::lettering::{LINE, PAPER, block, shortened, width};
use super::mosaic::{beside, stacked};
use super::outlines::draw_boxes;
use crate::geometry::BBox;

/// The size of a sign, pixels.
const SIGN: (u32, u32) = (34, 18);
/// The length of the colour bar, pixels.
const BAR: u32 = 120;
const GREY: Rgb<u8> = Rgb([110; 3]);

/// What occurs in a panel.
#[derive(Clone, Copy, Default)]
pub(super) struct LegendOptions {
    pub(super) true_boxes: usize,
    pub(super) seeds: bool,
    pub(super) saliency: bool,
}

/// The legend of a panel of this width.
pub(super) fn legend(options: LegendOptions, panel_width: u32) -> RgbImage {
    // Of a box that is larger than the sign, one edge is seen.
    let bbox = BBox::new(-20.0, 7.0, 100.0, 100.0);
    let on_grey = |found: Option<&BBox>, truth: &[BBox]| {
        let mut sign = plain(GREY);
        draw_boxes(&mut sign, found, truth);
        sign
    };
    let mut items = vec![item(&on_grey(Some(&bbox), &[]), "box found", panel_width)];
    let mut add = |sign: &RgbImage, text: &str| items.push(item(sign, text, panel_width));
    match options.true_boxes {
        0 => {}
        1 => add(&on_grey(None, &[bbox]), "true box"),
        several => add(&on_grey(None, &[bbox]), &format!("{several} true boxes")),
    }
    if options.saliency {
        add(&colour_bar(), "99.5 % quantile of the saliency");
    }
    if options.seeds {
        add(&plain(FOREGROUND), "foreground seeds");
        add(&plain(BACKGROUND), "background seeds");
    }
    in_lines(items, panel_width)
}

fn plain(colour: Rgb<u8>) -> RgbImage {
    RgbImage::from_pixel(SIGN.0, SIGN.1, colour)
}

/// The colours of a map after the number at which they begin.
fn colour_bar() -> RgbImage {
    let bar = RgbImage::from_fn(BAR, SIGN.1, |x, _| heat(f64::from(x) / f64::from(BAR - 1)));
    let begin = block(&["0".to_owned()], width("0"));
    beside(&[begin, bar])
}

/// A sign with its meaning.
fn item(sign: &RgbImage, text: &str, max: u32) -> RgbImage {
    let text = shortened(text, max - sign.width() - 20);
    let mut field = RgbImage::from_pixel(sign.width(), LINE, PAPER);
    imageops::replace(&mut field, sign, 0, 1);
    beside(&[field, block(slice::from_ref(&text), width(&text) + 12)])
}

/// Items beside one another, in as many lines as they need.
fn in_lines(items: Vec<RgbImage>, max: u32) -> RgbImage {
    let mut lines: Vec<RgbImage> = Vec::new();
    for item in items {
        match lines.last_mut() {
            Some(line) if line.width() + item.width() + 8 <= max => {
                *line = beside(&[line.clone(), item]);
            }
            _ => lines.push(item),
        }
    }
    stacked(&lines)
}
