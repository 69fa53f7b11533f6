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
    /// Whether the photo is too elongated to keep its aspect ratio in the frame.
    pub is_squeezed: bool,
}

/// The largest ratio of a frame's sides, for a view other than a warp. The frame of a more elongated
/// photo has this ratio: a strip of pixels that keeps its own would have a frame of any length.
const MAX_ASPECT: u32 = 8;

impl View {
    /// The view of `photo` for a network whose input has the size `network`. `canvas`, at least as
    /// long as its longer side, is the length in pixels of the photo's shorter side before crops are
    /// taken.
    ///
    /// # Errors
    /// A text if the photo cannot be resized.
    pub fn new(
        photo: &RgbImage,
        options: &ViewOptions,
        network: Size,
        canvas: usize,
    ) -> Result<Self, String> {
        let canvas = canvas as u32;
        let photo_size = Size::from_picture(photo);
        let (frame_size, is_squeezed) = match options.kind {
            ViewKind::Warp => (options.frame.map_or(network, Size::square), false),
            ViewKind::TenCrop | ViewKind::Dense => {
                (canvas_size(photo_size, canvas), is_extreme(photo_size))
            }
        };
        let frame = resize(photo, frame_size, options.filter)?;
        let whole = Rect::whole(frame_size);
        let (mut crops, window) = match options.kind {
            ViewKind::Warp => (warps(photo, options, network, whole)?, whole),
            ViewKind::Dense => (vec![Crop::new(whole, frame.clone())], whole),
            ViewKind::TenCrop => {
                let window = central_square(frame_size, canvas);
                (corners_and_centre(&frame, window, network), window)
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
            is_squeezed,
        })
    }

    /// The size of the frame.
    #[must_use]
    pub fn size(&self) -> Size {
        Size::from_picture(&self.frame)
    }
}

/// Whether a photo's longer side is more than [`MAX_ASPECT`] times its shorter one.
fn is_extreme(photo: Size) -> bool {
    let Size { width, height } = photo;
    width.max(height) > MAX_ASPECT * width.min(height)
}

/// The size of a photo that is scaled so that its shorter side is `canvas`, and its longer side at
/// most [`MAX_ASPECT`] times that.
fn canvas_size(photo: Size, canvas: u32) -> Size {
    let shorter = photo.width.min(photo.height);
    let scaled = |side: u32| {
        let side = side.min(MAX_ASPECT * shorter);
        (f64::from(side) * f64::from(canvas) / f64::from(shorter)).round() as u32
    };
    Size::new(scaled(photo.width), scaled(photo.height))
}

/// The whole photo, warped to the network's input at each of the scales.
fn warps(
    photo: &RgbImage,
    options: &ViewOptions,
    network: Size,
    whole: Rect,
) -> Result<Vec<Crop>, String> {
    let scales = if options.scales.is_empty() {
        &[1.0][..]
    } else {
        &options.scales
    };
    let mut crops = Vec::new();
    for scale in scales {
        let scaled = |side: u32| (f64::from(side) * scale).round() as u32;
        let size = Size::new(scaled(network.width), scaled(network.height));
        let picture = resize(photo, size, options.filter)?;
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

/// The crops of one size at the corners and in the centre of a window.
fn corners_and_centre(frame: &RgbImage, window: Rect, size: Size) -> Vec<Crop> {
    let Size { width, height } = size;
    let (right, low) = (window.width - width, window.height - height);
    let offsets = [
        (0, 0),
        (right, 0),
        (0, low),
        (right, low),
        (right / 2, low / 2),
    ];
    let crop = |(x, y)| {
        let rect = Rect {
            x: window.x + x,
            y: window.y + y,
            width,
            height,
        };
        Crop::new(
            rect,
            crop_imm(frame, rect.x, rect.y, width, height).to_image(),
        )
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
        View::new(
            &RgbImage::new(width, height),
            options,
            Size::square(224),
            256,
        )
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
    fn crops_and_warps_have_the_shape_of_the_network() {
        let photo = RgbImage::new(500, 375);
        let network = Size::new(192, 128);
        let view = |kind| View::new(&photo, &options(kind), network, 256).expect("a view");
        let (crops, warp) = (view(ViewKind::TenCrop), view(ViewKind::Warp));
        assert_eq!(warp.size(), network);
        assert_eq!(crops.size(), Size::new(341, 256));
        let sizes = crops
            .crops
            .iter()
            .map(|crop| Size::from_picture(&crop.picture));
        assert!(sizes.eq([network; 10]));
        let counts = coverage(&crops);
        assert_eq!(counts.len(), 256 * 256);
        assert_eq!((counts[&(42, 0)], counts[&(42 + 128, 128)]), (2, 6));
    }

    #[test]
    fn a_photo_of_one_pixel_has_a_view() {
        let view = view(1, 1, &options(ViewKind::Dense)).expect("a view");
        assert_eq!(view.size(), Size::square(256));
    }

    /// Strips of pixels, lying and standing, and the longest side that a photo can have.
    #[test]
    fn an_elongated_photo_is_squeezed() {
        let found = |width, height, kind| {
            let view = view(width, height, &options(kind)).expect("a view");
            (view.size(), view.is_squeezed)
        };
        assert_eq!(found(300, 1, ViewKind::Warp), (Size::square(224), false));
        for kind in [ViewKind::Dense, ViewKind::TenCrop] {
            assert_eq!(found(800, 100, kind), (Size::new(2048, 256), false));
            assert_eq!(found(801, 100, kind), (Size::new(2048, 256), true));
            assert_eq!(found(1, 9, kind), (Size::new(256, 2048), true));
            assert_eq!(found(65_535, 1, kind), (Size::new(2048, 256), true));
        }
    }

    #[test]
    fn mirrored_crops_are_mirrored() {
        let photo = RgbImage::from_fn(4, 4, |x, _| image::Rgb([x as u8, 0, 0]));
        let mirrored = ViewOptions {
            flip: true,
            ..options(ViewKind::Warp)
        };
        let view = View::new(&photo, &mirrored, Size::square(4), 4).expect("a view");
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
