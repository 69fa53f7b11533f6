//! Views: how a photo is shown to the classifier, and in which frame its object is cut out.

use std::fmt;
use std::ops::Range;

use fast_image_resize as fir;
use image::RgbImage;
use image::imageops::{crop_imm, flip_horizontal};
use serde::{Deserialize, Serialize};

use onnx_grad::gradient::Dense;

use crate::geometry::Size;

/// How the photo is shown: the table `[view]` of a pipeline.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ViewOptions {
    /// The crops.
    pub kind: ViewKind,
    /// The resizing filter.
    pub filter: Filter,
    /// Show the mirror image too. Ten crops have theirs anyway.
    #[serde(default)]
    pub flip: bool,
    /// For a warp: up to four sizes at which the photo is shown, as multiples of the network's own,
    /// 1 to 8. Left out, that size alone; otherwise the network is run fully convolutionally, and a
    /// class's score is the mean over positions.
    #[serde(default)]
    pub scales: Vec<f64>,
    /// For a warp: the sides of the frame in which maps live and the object is cut, 1 to 4096
    /// pixels; left out, the network's own.
    pub frame: Option<u32>,
}

impl ViewOptions {
    /// One warp to the network's input.
    #[must_use]
    pub const fn warp(filter: Filter) -> Self {
        Self {
            kind: ViewKind::Warp,
            filter,
            flip: false,
            scales: vec![],
            frame: None,
        }
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        match self.kind {
            ViewKind::TenCrop if self.flip => {
                Err("view.flip: ten crops have their mirror images already\nhelp: --set view.flip=false".into())
            }
            ViewKind::TenCrop | ViewKind::Dense if !self.scales.is_empty() || self.frame.is_some() => {
                Err("view.scales and view.frame are for a warp\nhelp: leave them out, or --set view.kind=warp".into())
            }
            _ if self.scales.iter().any(|scale| !(1.0..=8.0).contains(scale)) => {
                Err(format!("view.scales {:?} are not all in 1..8", self.scales))
            }
            _ if self.scales.len() > 4 => Err("view.scales: a network is kept ready for four sizes at most".into()),
            _ if self.frame.is_some_and(|frame| !(1..=4096).contains(&frame)) => {
                Err("view.frame is not in 1..4096".into())
            }
            _ => Ok(()),
        }
    }

    /// Whether the network must be made fully convolutional, and how its positions count.
    #[must_use]
    pub fn dense(&self) -> Option<Dense> {
        match self.kind {
            ViewKind::Dense => Some(Dense::Positive),
            _ if self.scales.is_empty() => None,
            _ => Some(Dense::Mean),
        }
    }
}

/// How a photo is shown, in a few words: "10 crops".
impl fmt::Display for ViewOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, self.scales.len()) {
            (ViewKind::TenCrop, _) => f.write_str("10 crops"),
            (ViewKind::Warp, 0 | 1) => f.write_str("one warp"),
            (ViewKind::Warp, n) => write!(f, "{n} warps"),
            (ViewKind::Dense, _) => f.write_str("fully convolutional"),
        }?;
        f.write_str(if self.flip { ", mirrored too" } else { "" })
    }
}

/// The crops of a view.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ViewKind {
    /// The photo's shorter side is brought to the model's canvas; four corners and the centre of
    /// the central square, and their mirror images: the ten sub-images of section 3.
    TenCrop,
    /// The whole photo is warped to the network's input.
    Warp,
    /// The photo's shorter side is brought to the model's canvas and the network is run on all of
    /// it, fully convolutionally.
    Dense,
}

/// A resizing filter.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    /// Keys' cubic with a = −1/2, anti-aliased when shrinking: MATLAB's `imresize` and Pillow's
    /// bicubic.
    Bicubic,
    /// Linear, anti-aliased when shrinking: Pillow's bilinear.
    Bilinear,
    /// Linear between the nearest pixels whatever the scale: Caffe's and OpenCV's bilinear.
    BilinearPlain,
}

/// A rectangle of whole pixels of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// The left edge.
    pub x: u32,
    /// The upper edge.
    pub y: u32,
    /// The width.
    pub width: u32,
    /// The height.
    pub height: u32,
}

impl Rect {
    /// The whole of a frame of this size, pixels.
    #[must_use]
    pub const fn whole(width: u32, height: u32) -> Self {
        Self {
            x: 0,
            y: 0,
            width,
            height,
        }
    }

    /// Its rows and its columns in an array [height, width] of the frame.
    pub(crate) fn slice(self) -> [Range<usize>; 2] {
        let range = |start: u32, length: u32| start as usize..(start + length) as usize;
        [range(self.y, self.height), range(self.x, self.width)]
    }

    /// Its pixels (x, y), row by row.
    pub fn pixels(self) -> impl Iterator<Item = (u32, u32)> {
        let Self {
            x,
            y,
            width,
            height,
        } = self;
        (y..y + height).flat_map(move |row| (x..x + width).map(move |column| (column, row)))
    }
}

/// A part of the photo as the classifier sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crop {
    /// What it covers of the frame.
    pub rect: Rect,
    /// Whether it is shown mirrored.
    pub mirrored: bool,
    /// What is shown: not always of the rectangle's size.
    pub picture: RgbImage,
}

impl Crop {
    fn new(rect: Rect, picture: RgbImage, mirrored: bool) -> Self {
        Self {
            rect,
            mirrored,
            picture: if mirrored {
                flip_horizontal(&picture)
            } else {
                picture
            },
        }
    }
}

/// A photo as it is shown.
#[derive(Clone, Debug)]
pub struct View {
    /// The resized photo. Saliency, seeds and cut live in its pixels.
    pub frame: RgbImage,
    /// The crops, in a fixed order.
    pub crops: Vec<Crop>,
    /// The part of the frame that the crops cover; nothing is known of the saliency outside.
    pub window: Rect,
}

/// Photos that are longer than this many times their width, or the reverse, have no view but a
/// warp: brought to the canvas, a strip of pixels would become a picture of any size.
const MAX_ELONGATED: u32 = 8;

impl View {
    /// The view of `photo` for a network with an input of `size` pixels a side; `canvas`, not less,
    /// is the shorter side of the photo from which crops are cut, pixels.
    ///
    /// # Errors
    /// A text when the photo is too elongated or cannot be resized.
    pub fn new(
        photo: &RgbImage,
        options: &ViewOptions,
        size: usize,
        canvas: usize,
    ) -> Result<Self, String> {
        let (size, canvas) = (size as u32, canvas as u32);
        let (width, height) = photo.dimensions();
        let [w, h] = match options.kind {
            ViewKind::Warp => [options.frame.unwrap_or(size); 2],
            ViewKind::TenCrop | ViewKind::Dense => {
                if width.max(height) > MAX_ELONGATED * width.min(height) {
                    return Err(format!(
                        "{width} x {height} is more than {MAX_ELONGATED} times as long as wide"
                    ));
                }
                let shorter = f64::from(width.min(height));
                [width, height].map(|n| (f64::from(n) * f64::from(canvas) / shorter).round() as u32)
            }
        };
        let frame = resize(photo, w, h, options.filter)?;
        let whole = Rect::whole(w, h);
        let (covered, window) = match options.kind {
            ViewKind::Warp => {
                let scales = if options.scales.is_empty() {
                    &[1.0][..]
                } else {
                    &options.scales
                };
                let sizes = scales
                    .iter()
                    .map(|scale| (f64::from(size) * scale).round() as u32);
                let shown =
                    sizes.map(|size| Ok((whole, resize(photo, size, size, options.filter)?)));
                (shown.collect::<Result<_, String>>()?, whole)
            }
            ViewKind::Dense => (vec![(whole, frame.clone())], whole),
            ViewKind::TenCrop => {
                let (left, top, far) = ((w - canvas) / 2, (h - canvas) / 2, canvas - size);
                let corners = [(0, 0), (far, 0), (0, far), (far, far), (far / 2, far / 2)];
                let crop = |(x, y)| {
                    let rect = Rect {
                        x: left + x,
                        y: top + y,
                        width: size,
                        height: size,
                    };
                    (
                        rect,
                        crop_imm(&frame, rect.x, rect.y, size, size).to_image(),
                    )
                };
                (
                    corners.map(crop).into(),
                    Rect {
                        x: left,
                        y: top,
                        width: canvas,
                        height: canvas,
                    },
                )
            }
        };
        let mirror_images = options.flip || options.kind == ViewKind::TenCrop;
        let turns = if mirror_images {
            &[false, true][..]
        } else {
            &[false]
        };
        let crops = turns.iter().flat_map(|&mirrored| {
            covered
                .iter()
                .map(move |(rect, picture): &(Rect, RgbImage)| {
                    Crop::new(*rect, picture.clone(), mirrored)
                })
        });
        Ok(Self {
            crops: crops.collect(),
            frame,
            window,
        })
    }

    /// The size of the frame.
    #[must_use]
    pub fn size(&self) -> Size {
        Size::from_picture(&self.frame)
    }
}

/// `image` in another size, pixels.
///
/// # Errors
/// A text naming both sizes when one of them is empty.
pub fn resize(
    image: &RgbImage,
    width: u32,
    height: u32,
    filter: Filter,
) -> Result<RgbImage, String> {
    let mut resized = RgbImage::new(width, height);
    resize_any(image, &mut resized, filter).map_err(|e| {
        let (w, h) = image.dimensions();
        format!("cannot resize {w} x {h} to {width} x {height}: {e}")
    })?;
    Ok(resized)
}

/// Resizes any kind of pixels into `to`.
pub(crate) fn resize_any(
    from: &impl fir::IntoImageView,
    to: &mut impl fir::IntoImageViewMut,
    filter: Filter,
) -> Result<(), fir::ResizeError> {
    let algorithm = match filter {
        Filter::Bicubic => fir::ResizeAlg::Convolution(fir::FilterType::CatmullRom),
        Filter::Bilinear => fir::ResizeAlg::Convolution(fir::FilterType::Bilinear),
        Filter::BilinearPlain => fir::ResizeAlg::Interpolation(fir::FilterType::Bilinear),
    };
    let mut resizer = fir::Resizer::new();
    resizer.resize(
        from,
        to,
        &fir::ResizeOptions::new()
            .resize_alg(algorithm)
            .use_alpha(false),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// How many crops show each pixel of the frame.
    fn coverage(view: &View) -> HashMap<(u32, u32), usize> {
        let mut counts = HashMap::new();
        for Crop { rect: r, .. } in &view.crops {
            for (x, y) in
                (r.x..r.x + r.width).flat_map(|x| (r.y..r.y + r.height).map(move |y| (x, y)))
            {
                *counts.entry((x, y)).or_default() += 1;
            }
        }
        counts
    }

    fn options(kind: ViewKind) -> ViewOptions {
        ViewOptions {
            kind,
            filter: Filter::Bicubic,
            flip: false,
            scales: vec![],
            frame: None,
        }
    }

    #[test]
    fn ten_crops_cover_the_central_square() {
        let view = View::new(
            &RgbImage::new(500, 375),
            &options(ViewKind::TenCrop),
            224,
            256,
        )
        .expect("a view");
        assert_eq!(view.size(), Size::new(341, 256));
        assert_eq!(
            view.window,
            Rect {
                x: 42,
                y: 0,
                width: 256,
                height: 256
            }
        );
        assert_eq!(view.crops.len(), 10);
        let counts = coverage(&view);
        assert_eq!(counts.len(), 256 * 256);
        assert_eq!((counts[&(42, 0)], counts[&(42 + 128, 128)]), (2, 10));
    }

    #[test]
    fn a_warp_shows_all_in_one_crop() {
        let view =
            View::new(&RgbImage::new(500, 375), &options(ViewKind::Warp), 224, 256).expect("a view");
        assert_eq!((view.size(), view.crops.len()), (Size::square(224), 1));
    }

    #[test]
    fn one_pixel_is_a_photo() {
        let view =
            View::new(&RgbImage::new(1, 1), &options(ViewKind::Dense), 224, 256).expect("a view");
        assert_eq!(view.size(), Size::square(256));
    }

    #[test]
    fn a_strip_of_pixels_can_only_be_warped() {
        let of = |kind| {
            View::new(&RgbImage::new(300, 1), &options(kind), 224, 256).map(|view| view.size())
        };
        assert_eq!(of(ViewKind::Warp), Ok([224, 224]));
        assert_eq!(
            of(ViewKind::Dense),
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
        let first_rows = view.crops.iter().map(|c| {
            c.picture
                .pixels()
                .take(4)
                .map(|p| p.0[0])
                .collect::<Vec<_>>()
        });
        assert_eq!(first_rows.collect::<Vec<_>>(), [[0, 1, 2, 3], [3, 2, 1, 0]]);
    }

    #[test]
    fn a_warp_may_be_shown_at_several_sizes() {
        let scales = ViewOptions {
            scales: vec![1.0, 1.43],
            frame: Some(112),
            ..options(ViewKind::Warp)
        };
        let view = View::new(&RgbImage::new(500, 375), &scales, 224, 256).expect("a view");
        assert_eq!(
            view.crops
                .iter()
                .map(|c| c.picture.dimensions())
                .collect::<Vec<_>>(),
            [(224, 224), (320, 320)]
        );
        assert_eq!(view.size(), Size::square(112));
        assert!(view.crops.iter().all(|crop| crop.rect == view.window));
    }
}
