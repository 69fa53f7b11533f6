//! Boxes drawn on a tile.

use image::{Rgb, RgbImage};
use imageproc::drawing::draw_filled_rect_mut;
use imageproc::rect::Rect;

use super::colours::{FOUND, HALO, TRUE};
use crate::geometry::BBox;

/// The width of a line, pixels; a dark edge of one pixel on either side makes it legible on any
/// photo.
const LINE: i32 = 4;
/// The length of a dash, and of the space after it, pixels.
const DASH: i32 = 8;

/// Draws the box that was found (amber) and the true ones (white and dashed). Edges are in whole
/// pixels of the tile. All dark edges come first, and dashes come last: of two boxes that coincide,
/// both are seen.
pub(super) fn draw_boxes(tile: &mut RgbImage, found: Option<&BBox>, truth: &[BBox]) {
    for bbox in found.into_iter().chain(truth) {
        outline(
            tile,
            bbox,
            &Line {
                outset: 1,
                width: LINE + 2,
                colour: HALO,
                dash: None,
            },
        );
    }
    if let Some(found) = found {
        outline(
            tile,
            found,
            &Line {
                outset: 0,
                width: LINE,
                colour: FOUND,
                dash: None,
            },
        );
    }
    for bbox in truth {
        outline(
            tile,
            bbox,
            &Line {
                outset: 0,
                width: LINE,
                colour: TRUE,
                dash: Some(DASH),
            },
        );
    }
}

/// How a box is drawn: along the inside of its edges, moved outwards by `outset` pixels.
struct Line {
    outset: i32,
    width: i32,
    colour: Rgb<u8>,
    dash: Option<i32>,
}

fn outline(tile: &mut RgbImage, bbox: &BBox, line: &Line) {
    let &Line {
        outset,
        width,
        colour,
        dash,
    } = line;
    let (left, top) = (bbox.x_min as i32 - outset, bbox.y_min as i32 - outset);
    let (right, bottom) = (bbox.x_max as i32 + outset, bbox.y_max as i32 + outset);
    let mut fill = |x: i32, y: i32, wide: i32, high: i32| {
        let size = [wide, high].map(|side| side.max(1) as u32);
        draw_filled_rect_mut(tile, Rect::at(x, y).of_size(size[0], size[1]), colour);
    };
    for (start, end) in dashes(left, right, dash) {
        fill(start, top, end - start, width);
        fill(start, bottom - width, end - start, width);
    }
    for (start, end) in dashes(top, bottom, dash) {
        fill(left, start, width, end - start);
        fill(right - width, start, width, end - start);
    }
}

/// The parts of an edge that are drawn: all of it, or dashes.
fn dashes(start: i32, end: i32, dash: Option<i32>) -> Vec<(i32, i32)> {
    match dash {
        None => vec![(start, end)],
        Some(dash) => (start..end)
            .step_by(2 * dash as usize)
            .map(|from| (from, (from + dash).min(end)))
            .collect(),
    }
}
