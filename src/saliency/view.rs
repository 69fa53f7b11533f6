//! Views: the crops of a photo that the classifier is shown, and the frame that its object is cut
//! out of.

use image::RgbImage;
use image::imageops::{crop_imm, flip_horizontal};

use super::rect::Rect;
use super::resize::resize;
use super::view_options::{ViewKind, ViewOptions};
use crate::geometry::Size;

/// A part of the photo as the classifier is shown it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crop {
    /// The part of the frame that it covers.
    pub rect: Rect,
    /// Whether it is shown mirrored.
    pub mirrored: bool,
    /// The picture that is shown. Its size can differ from that of the rectangle.
    pub picture: RgbImage,
}

impl Crop {
    fn new(rect: Rect, picture: RgbImage) -> Self {
        Self {
            rect,
            mirrored: false,
            picture,
        }
    }

    /// The crop, mirrored.
    fn to_mirrored(&self) -> Self {
        Self {
            rect: self.rect,
            mirrored: true,
            picture: flip_horizontal(&self.picture),
        }
    }
}

/// A photo as the classifier is shown it.
#[derive(Clone, Debug)]
pub struct View {
    /// The resized photo. The pixels of saliency, seeds and cut are those of the frame.
    pub frame: RgbImage,
    /// The crops, in a fixed order.
    pub crops: Vec<Crop>,
    /// The part of the frame that the crops cover. Outside, the saliency is not known.
    pub window: Rect,
}

/// The largest ratio of a photo's sides for a view other than a warp. If a strip of pixels were
/// resized to the canvas by its shorter side, the result could be of any length.
const MAX_ASPECT: u32 = 8;

impl View {
    /// The view of `photo` for a network whose square input has sides of `side` pixels. `canvas`,
    /// at least `side`, is the length in pixels of the photo's shorter side before crops are taken.
    ///
    /// # Errors
    /// A text if the photo is too elongated or cannot be resized.
    pub fn new(
        photo: &RgbImage,
        options: &ViewOptions,
        side: usize,
        canvas: usize,
    ) -> Result<Self, String> {
        let (side, canvas) = (side as u32, canvas as u32);
        let frame_size = match options.kind {
            ViewKind::Warp => Size::square(options.frame.unwrap_or(side)),
            ViewKind::TenCrop | ViewKind::Dense => canvas_size(Size::from_picture(photo), canvas)?,
        };
        let frame = resize(photo, frame_size, options.filter)?;
        let whole = Rect::whole(frame_size);
        let (mut crops, window) = match options.kind {
            ViewKind::Warp => (warps(photo, options, side, whole)?, whole),
            ViewKind::Dense => (vec![Crop::new(whole, frame.clone())], whole),
            ViewKind::TenCrop => {
                let window = central_square(frame_size, canvas);
                (corners_and_centre(&frame, window, side), window)
            }
        };
        if options.shows_mirror_images() {
            let mirrored: Vec<_> = crops.iter().map(Crop::to_mirrored).collect();
            crops.extend(mirrored);
        }
        Ok(Self {
            frame,
            crops,
            window,
        })
    }

    /// The size of the frame.
    #[must_use]
    pub fn size(&self) -> Size {
        Size::from_picture(&self.frame)
    }
}

/// The size of a photo that is scaled so that its shorter side is `canvas`.
fn canvas_size(photo: Size, canvas: u32) -> Result<Size, String> {
    let Size { width, height } = photo;
    let shorter = width.min(height);
    if width.max(height) > MAX_ASPECT * shorter {
        return Err(format!(
            "{photo} is more than {MAX_ASPECT} times as long as wide"
        ));
    }
    let scaled = |n: u32| (f64::from(n) * f64::from(canvas) / f64::from(shorter)).round() as u32;
    Ok(Size::new(scaled(width), scaled(height)))
}

/// The whole photo, warped to a square for each of the scales.
fn warps(
    photo: &RgbImage,
    options: &ViewOptions,
    side: u32,
    whole: Rect,
) -> Result<Vec<Crop>, String> {
    let scales = if options.scales.is_empty() {
        &[1.0][..]
    } else {
        &options.scales
    };
    let mut crops = Vec::new();
    for scale in scales {
        let scaled_side = (f64::from(side) * scale).round() as u32;
        let picture = resize(photo, Size::square(scaled_side), options.filter)?;
        crops.push(Crop::new(whole, picture));
    }
    Ok(crops)
}

/// The square in the middle of a frame, with sides of `canvas` pixels.
fn central_square(frame: Size, canvas: u32) -> Rect {
    Rect {
        x: (frame.width - canvas) / 2,
        y: (frame.height - canvas) / 2,
        width: canvas,
        height: canvas,
    }
}

/// The crops with sides of `side` pixels at the corners and in the centre of a square window.
fn corners_and_centre(frame: &RgbImage, window: Rect, side: u32) -> Vec<Crop> {
    let far = window.width - side;
    let offsets = [(0, 0), (far, 0), (0, far), (far, far), (far / 2, far / 2)];
    let crop = |(x, y)| {
        let rect = Rect {
            x: window.x + x,
            y: window.y + y,
            width: side,
            height: side,
        };
        Crop::new(rect, crop_imm(frame, rect.x, rect.y, side, side).to_image())
    };
    offsets.map(crop).into()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::saliency::Filter;

    /// How many crops show each pixel of the frame.
    fn coverage(view: &View) -> HashMap<(u32, u32), usize> {
        let mut counts = HashMap::new();
        for pixel in view.crops.iter().flat_map(|crop| crop.rect.pixels()) {
            *counts.entry(pixel).or_default() += 1;
        }
        counts
    }

    fn options(kind: ViewKind) -> ViewOptions {
        ViewOptions {
            kind,
            ..ViewOptions::warp(Filter::Bicubic)
        }
    }

    /// The view of a black photo for a network whose input is 224 x 224, with a canvas of 256.
    fn view(width: u32, height: u32, options: &ViewOptions) -> Result<View, String> {
        View::new(&RgbImage::new(width, height), options, 224, 256)
    }

    #[test]
    fn ten_crops_cover_the_central_square() {
        let view = view(500, 375, &options(ViewKind::TenCrop)).expect("a view");
        assert_eq!(view.size(), Size::new(341, 256));
        let central = Rect {
            x: 42,
            y: 0,
            width: 256,
            height: 256,
        };
        assert_eq!(view.window, central);
        assert_eq!(view.crops.len(), 10);
        let counts = coverage(&view);
        assert_eq!(counts.len(), 256 * 256);
        assert_eq!((counts[&(42, 0)], counts[&(42 + 128, 128)]), (2, 10));
    }

    #[test]
    fn a_warp_shows_the_whole_photo_in_one_crop() {
        let view = view(500, 375, &options(ViewKind::Warp)).expect("a view");
        assert_eq!((view.size(), view.crops.len()), (Size::square(224), 1));
    }

    #[test]
    fn a_photo_of_one_pixel_has_a_view() {
        let view = view(1, 1, &options(ViewKind::Dense)).expect("a view");
        assert_eq!(view.size(), Size::square(256));
    }

    #[test]
    fn a_strip_of_pixels_can_only_be_warped() {
        let size = |kind| view(300, 1, &options(kind)).map(|view| view.size());
        assert_eq!(size(ViewKind::Warp), Ok(Size::square(224)));
        assert_eq!(
            size(ViewKind::Dense),
            Err("300 x 1 is more than 8 times as long as wide".into())
        );
    }

    #[test]
    fn mirrored_crops_are_mirrored() {
        let photo = RgbImage::from_fn(4, 4, |x, _| image::Rgb([x as u8, 0, 0]));
        let mirrored = ViewOptions {
            flip: true,
            ..options(ViewKind::Warp)
        };
        let view = View::new(&photo, &mirrored, 4, 4).expect("a view");
        let first_row = |crop: &Crop| crop.picture.pixels().take(4).map(|p| p.0[0]).collect();
        let first_rows: Vec<Vec<u8>> = view.crops.iter().map(first_row).collect();
        assert_eq!(first_rows, [[0, 1, 2, 3], [3, 2, 1, 0]]);
    }

    #[test]
    fn a_warp_can_be_shown_at_several_sizes() {
        let scales = ViewOptions {
            scales: vec![1.0, 1.43],
            frame: Some(112),
            ..options(ViewKind::Warp)
        };
        let view = view(500, 375, &scales).expect("a view");
        let sizes: Vec<_> = view
            .crops
            .iter()
            .map(|crop| crop.picture.dimensions())
            .collect();
        assert_eq!(sizes, [(224, 224), (320, 320)]);
        assert_eq!(view.size(), Size::square(112));
        assert!(view.crops.iter().all(|crop| crop.rect == view.window));
    }
}
