//! One photo's path through the pipeline as one picture: photo, saliency, seeds, cut, component,
//! box.

use image::{Rgb, RgbImage, imageops};
use imageproc::drawing::draw_hollow_rect_mut;
use imageproc::rect::Rect;
use ndarray::Array2;

use crate::geometry::{BBox, Size};
use crate::saliency::Saliency;
use crate::segment::{Localisation, Seed, Stages};

const FOUND: Rgb<u8> = Rgb([255, 40, 40]);
const TRUE: Rgb<u8> = Rgb([40, 220, 40]);
pub(super) const FOREGROUND: Rgb<u8> = Rgb([255, 120, 0]);
pub(super) const BACKGROUND: Rgb<u8> = Rgb([0, 90, 255]);
/// Space between tiles, pixels.
const GAP: u32 = 4;

/// What a panel shows of a photo.
#[derive(Clone, Copy, Debug)]
pub struct PanelInput<'a> {
    /// The photo, resized to the size of the map.
    pub frame: &'a RgbImage,
    /// The size of the stored photo, in whose pixels the boxes are.
    pub photo: Size,
    /// The true boxes.
    pub truth: &'a [BBox],
    /// The saliency map, where the pipeline makes one.
    pub saliency: Option<&'a Saliency>,
    /// The intermediate results of the box rule.
    pub stages: &'a Stages,
    /// The box.
    pub localisation: &'a Localisation,
}

/// Six tiles in two rows, each of the frame's size: photo with true boxes (green), saliency, seeds
/// (orange and blue), cut, component, photo with the predicted box (red). A stage that was not
/// reached shows the darkened photo.
#[must_use]
pub fn panel(input: &PanelInput<'_>) -> RgbImage {
    let [truth, saliency, found] = three_tiles(input);
    let (frame, stages) = (input.frame, input.stages);
    let mut seeds = darkened(frame);
    if let Some(labels) = &stages.seeds {
        tint(&mut seeds, &labels.colour, |seed| match seed {
            Seed::Foreground => Some(FOREGROUND),
            Seed::Background => Some(BACKGROUND),
            Seed::Undecided => None,
        });
    }
    let [cut, component] = [&stages.mask, &stages.component].map(|mask| {
        let mut tile = darkened(frame);
        if let Some(mask) = mask {
            reveal(&mut tile, frame, mask);
        }
        tile
    });
    grid(&[&[truth, saliency, seeds], &[cut, component, found]])
}

/// A row of three tiles for each input: photo with true boxes (green), saliency, photo with the
/// predicted box (red).
///
/// # Panics
/// When there is no input.
#[must_use]
pub fn side_by_side(inputs: &[PanelInput<'_>]) -> RgbImage {
    let rows: Vec<[RgbImage; 3]> = inputs.iter().map(three_tiles).collect();
    grid(&rows.iter().map(|tiles| &tiles[..]).collect::<Vec<_>>())
}

/// The photo with its true boxes, its saliency, the photo with the predicted box.
fn three_tiles(input: &PanelInput<'_>) -> [RgbImage; 3] {
    let frame = input.frame;
    let mut truth = frame.clone();
    for bbox in input.truth {
        outline(&mut truth, bbox, input.photo, TRUE);
    }
    let saliency = input.saliency.map_or_else(|| darkened(frame), heat);
    let mut found = frame.clone();
    outline(&mut found, &input.localisation.bbox, input.photo, FOUND);
    [truth, saliency, found]
}

/// Tiles of one size in rows, with white between them.
///
/// # Panics
/// When there is no tile.
#[must_use]
pub fn grid(rows: &[&[RgbImage]]) -> RgbImage {
    let (w, h) = rows[0][0].dimensions();
    let columns = rows.iter().map(|row| row.len()).max().unwrap_or(0) as u32;
    let size = (
        columns * (w + GAP) + GAP,
        rows.len() as u32 * (h + GAP) + GAP,
    );
    let mut panel = RgbImage::from_pixel(size.0, size.1, Rgb([255; 3]));
    for (y, row) in (0..).zip(rows) {
        for (x, tile) in (0..).zip(*row) {
            imageops::replace(
                &mut panel,
                tile,
                i64::from(GAP + x * (w + GAP)),
                i64::from(GAP + y * (h + GAP)),
            );
        }
    }
    panel
}

fn darkened(frame: &RgbImage) -> RgbImage {
    let mut dark = frame.clone();
    dark.pixels_mut().for_each(|p| p.0 = p.0.map(|v| v / 4));
    dark
}

/// The map from black through red and yellow to white; its 99.5 % quantile is white already.
pub(super) fn heat(saliency: &Saliency) -> RgbImage {
    let (height, width) = saliency.map.dim();
    let mut values = saliency.values();
    values.sort_by(f32::total_cmp);
    let white = values[(values.len() - 1) * 995 / 1000].max(f32::MIN_POSITIVE);
    RgbImage::from_fn(width as u32, height as u32, |x, y| {
        let v = (saliency.map[[y as usize, x as usize]] / white).min(1.0) * 3.0;
        Rgb([v, v - 1.0, v - 2.0].map(|v| (v.clamp(0.0, 1.0) * 255.0) as u8))
    })
}

fn tint<T>(tile: &mut RgbImage, labels: &Array2<T>, colour: impl Fn(&T) -> Option<Rgb<u8>>) {
    for ((y, x), label) in labels.indexed_iter() {
        if let Some(colour) = colour(label) {
            tile.put_pixel(x as u32, y as u32, colour);
        }
    }
}

/// The photo where the mask is set.
fn reveal(tile: &mut RgbImage, frame: &RgbImage, mask: &Array2<bool>) {
    for ((y, x), _) in mask.indexed_iter().filter(|(_, set)| **set) {
        tile.put_pixel(x as u32, y as u32, *frame.get_pixel(x as u32, y as u32));
    }
}

/// A box of the photo drawn in its frame, two pixels wide.
fn outline(tile: &mut RgbImage, bbox: &BBox, photo: Size, colour: Rgb<u8>) {
    let BBox {
        x_min,
        y_min,
        x_max,
        y_max,
    } = bbox.mapped(photo, Size::from_picture(tile));
    let (width, height) = ((x_max - x_min) as u32, (y_max - y_min) as u32);
    for inset in 0..2 {
        if width > 2 * inset && height > 2 * inset {
            let rect = Rect::at(x_min as i32 + inset as i32, y_min as i32 + inset as i32);
            draw_hollow_rect_mut(
                tile,
                rect.of_size(width - 2 * inset, height - 2 * inset),
                colour,
            );
        }
    }
}
