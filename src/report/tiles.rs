//! The tiles of a panel: the photo, and over it what a step of the pipeline made of it.
//!
//! A tile has the photo's aspect ratio. Maps and labels, which have the size of the frame, are
//! stretched over it. What is not part of a result is the darkened photo.

use image::imageops::{FilterType, resize};
use image::{Rgb, RgbImage};
use ndarray::Array2;

use super::colours::{BACKGROUND, FOREGROUND, heat};
use super::outlines::draw_boxes;
use crate::geometry::{BBox, Size};
use crate::saliency::Saliency;
use crate::segment::Seed;

/// The longer side of a tile, pixels.
const LONGEST: u32 = 384;

/// A photo in the size of a tile.
pub(super) struct TilePhoto {
    /// The size of the stored photo, in whose pixels boxes are.
    stored: Size,
    bright: RgbImage,
    dark: RgbImage,
}

impl TilePhoto {
    pub(super) fn new(photo: &RgbImage) -> Self {
        let stored = Size::from_picture(photo);
        let scale = f64::from(LONGEST) / f64::from(stored.width.max(stored.height));
        let side = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
        let bright = resize(
            photo,
            side(stored.width),
            side(stored.height),
            FilterType::Triangle,
        );
        let mut dark = bright.clone();
        dark.pixels_mut().for_each(|p| p.0 = p.0.map(|v| v / 4));
        Self {
            stored,
            bright,
            dark,
        }
    }

    /// The photo.
    pub(super) fn plain(&self) -> RgbImage {
        self.bright.clone()
    }

    /// The photo, darkened: there is no result.
    pub(super) fn without_result(&self) -> RgbImage {
        self.dark.clone()
    }

    /// The saliency map, where it is known.
    pub(super) fn saliency(&self, saliency: &Saliency) -> RgbImage {
        let (width, height) = self.dark.dimensions();
        let map = resize(&heat_map(saliency), width, height, FilterType::Triangle);
        let window = saliency.window;
        let is_known = |x: u32, y: u32| {
            (window.x..window.x + window.width).contains(&x)
                && (window.y..window.y + window.height).contains(&y)
        };
        let known =
            Array2::from_shape_fn(saliency.map.dim(), |(y, x)| is_known(x as u32, y as u32));
        self.covered(&known, |here, x, y| here.then(|| *map.get_pixel(x, y)))
    }

    /// The seeds in their colours.
    pub(super) fn seeds(&self, seeds: &Array2<Seed>) -> RgbImage {
        self.covered(seeds, |seed, _, _| match seed {
            Seed::Foreground => Some(FOREGROUND),
            Seed::Background => Some(BACKGROUND),
            Seed::Undecided => None,
        })
    }

    /// The photo where the mask is set.
    pub(super) fn masked(&self, mask: &Array2<bool>) -> RgbImage {
        self.covered(mask, |set, x, y| set.then(|| *self.bright.get_pixel(x, y)))
    }

    /// The photo with the box that was found, and the true ones.
    pub(super) fn boxes(&self, found: &BBox, truth: &[BBox]) -> RgbImage {
        let mut tile = self.plain();
        let size = Size::from_picture(&tile);
        let truth: Vec<BBox> = truth.iter().map(|b| b.mapped(self.stored, size)).collect();
        draw_boxes(&mut tile, Some(&found.mapped(self.stored, size)), &truth);
        tile
    }

    /// The darkened photo under the colours of labels, each for the pixel (x, y) of the tile.
    fn covered<T: Copy>(
        &self,
        labels: &Array2<T>,
        colour: impl Fn(T, u32, u32) -> Option<Rgb<u8>>,
    ) -> RgbImage {
        let mut tile = self.dark.clone();
        let (width, height) = (tile.width() as usize, tile.height() as usize);
        let (rows, columns) = labels.dim();
        for (x, y, pixel) in tile.enumerate_pixels_mut() {
            let label = labels[[y as usize * rows / height, x as usize * columns / width]];
            if let Some(colour) = colour(label, x, y) {
                *pixel = colour;
            }
        }
        tile
    }
}

/// A map in colours, from 0 to its 99.5 % quantile; what is above has the last colour.
pub(super) fn heat_map(saliency: &Saliency) -> RgbImage {
    let (height, width) = saliency.map.dim();
    let mut values = saliency.values();
    values.sort_by(f32::total_cmp);
    let brightest = values[(values.len() - 1) * 995 / 1000].max(f32::MIN_POSITIVE);
    RgbImage::from_fn(width as u32, height as u32, |x, y| {
        heat(f64::from(
            (saliency.map[[y as usize, x as usize]] / brightest).min(1.0),
        ))
    })
}
