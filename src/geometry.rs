//! Sizes and boxes, and the one convention for boxes inside the program.
//!
//! A box is half-open and in pixels of the stored photo, with x to the right and y down. It
//! contains the points with `x_min <= x < x_max` and `y_min <= y < y_max`, so the box of the pixel
//! (0, 0) alone is (0, 0, 1, 1). File formats differ in whether they count from 0 or 1 and whether
//! the last pixel is included; each reader and writer converts from and to its own format.
//!
//! For boxes with whole-numbered corners, the IoU computed here equals that of the ILSVRC devkit,
//! whose corners are inclusive, so that a side is `max − min + 1` pixels long.
//!
//! ```
//! use localise::geometry::{BBox, Size};
//!
//! let whole = BBox::from_inclusive(0., 0., 9., 9.); // how the devkit writes 10 x 10 pixels
//! let half = BBox::new(0., 0., 10., 5.);
//! assert_eq!((whole.area(), half.area(), whole.iou(&half)), (100., 50., 0.5));
//! // From a frame of 4 x 4 to a photo of 10 x 6: (2.5, 1.5, 7.5, 3), rounded outwards.
//! let mapped = BBox::new(1., 1., 3., 2.).mapped(Size::square(4), Size::new(10, 6));
//! assert_eq!(mapped, BBox::new(2., 1., 8., 3.));
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

/// The size of a photo, a frame, a map or a network's input, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Size {
    /// The number of columns.
    pub width: u32,
    /// The number of rows.
    pub height: u32,
}

impl Size {
    /// A size of this width and height.
    #[must_use]
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// A square with sides of this length.
    #[must_use]
    pub const fn square(side: u32) -> Self {
        Self::new(side, side)
    }

    /// The size of a picture.
    #[must_use]
    pub fn from_picture(picture: &image::RgbImage) -> Self {
        Self::new(picture.width(), picture.height())
    }

    /// The size of an array of shape [height, width].
    ///
    /// # Panics
    /// If a side is longer than `u32::MAX`.
    #[must_use]
    pub fn from_array<T>(array: &ndarray::Array2<T>) -> Self {
        let side = |axis: usize| {
            u32::try_from(array.len_of(ndarray::Axis(axis))).expect("a side fits u32")
        };
        Self::new(side(1), side(0))
    }

    /// The shape (rows, columns) of an array of this size.
    #[must_use]
    pub const fn shape(self) -> (usize, usize) {
        (self.height as usize, self.width as usize)
    }

    /// The number of pixels.
    #[must_use]
    pub const fn area(self) -> usize {
        self.width as usize * self.height as usize
    }
}

/// `500 x 375`
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {}", self.width, self.height)
    }
}

/// A half-open box in pixels of the stored photo.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct BBox {
    /// The left edge.
    pub x_min: f64,
    /// The upper edge.
    pub y_min: f64,
    /// The right edge, which is not part of the box.
    pub x_max: f64,
    /// The lower edge, which is not part of the box.
    pub y_max: f64,
}

impl BBox {
    /// The box with these edges.
    #[must_use]
    pub const fn new(x_min: f64, y_min: f64, x_max: f64, y_max: f64) -> Self {
        Self {
            x_min,
            y_min,
            x_max,
            y_max,
        }
    }

    /// The box with inclusive, 0-based corners in whole pixels: (0, 0, 9, 4) becomes (0, 0, 10, 5).
    #[must_use]
    pub const fn from_inclusive(x_min: f64, y_min: f64, x_max: f64, y_max: f64) -> Self {
        Self::new(x_min, y_min, x_max + 1.0, y_max + 1.0)
    }

    /// The box that covers a whole photo of this size.
    #[must_use]
    pub fn whole(size: Size) -> Self {
        Self::new(0.0, 0.0, size.width.into(), size.height.into())
    }

    /// Whether the point is in the box. The left and upper edges belong to the box, the right and
    /// lower edges do not.
    ///
    /// ```
    /// use localise::geometry::BBox;
    /// let bbox = BBox::new(2., 3., 4., 5.);
    /// assert!(bbox.contains(2., 3.) && bbox.contains(3.5, 4.5));
    /// assert!(!bbox.contains(4., 4.) && !bbox.contains(3., 5.));
    /// ```
    #[must_use]
    pub fn contains(&self, x: f64, y: f64) -> bool {
        self.x_min <= x && x < self.x_max && self.y_min <= y && y < self.y_max
    }

    /// The area in pixels; 0 for a box that is empty or inverted (`x_min >= x_max` or
    /// `y_min >= y_max`).
    #[must_use]
    pub fn area(&self) -> f64 {
        (self.x_max - self.x_min).max(0.0) * (self.y_max - self.y_min).max(0.0)
    }

    /// The area that two boxes share, in pixels; 0 if an edge is NaN.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> f64 {
        let both = Self {
            x_min: self.x_min.max(other.x_min),
            y_min: self.y_min.max(other.y_min),
            x_max: self.x_max.min(other.x_max),
            y_max: self.y_max.min(other.y_max),
        };
        // `f64::max` and `f64::min` ignore NaN, but the area of a box with a NaN edge is 0.
        both.area().min(self.area()).min(other.area())
    }

    /// Intersection over union, in 0..=1; 0 if either box is empty, inverted, infinite or has a NaN
    /// edge.
    #[must_use]
    pub fn iou(&self, other: &Self) -> f64 {
        let intersection = self.intersection(other);
        if intersection > 0.0 && intersection.is_finite() {
            intersection / (self.area() + other.area() - intersection)
        } else {
            0.0
        }
    }

    /// The smallest box of whole pixels in a photo of size `to` that covers this box of a frame of
    /// size `from`. The minima are rounded down, the maxima up, and the box is clipped to the
    /// photo.
    #[must_use]
    pub fn mapped(&self, from: Size, to: Size) -> Self {
        let [fw, fh] = [from.width, from.height].map(f64::from);
        let [w, h] = [to.width, to.height].map(f64::from);
        // Multiply before dividing: the product of whole numbers is exact, so the quotient is whole
        // wherever the exact result is.
        Self {
            x_min: (self.x_min * w / fw).floor().clamp(0.0, w),
            y_min: (self.y_min * h / fh).floor().clamp(0.0, h),
            x_max: (self.x_max * w / fw).ceil().clamp(0.0, w),
            y_max: (self.y_max * h / fh).ceil().clamp(0.0, h),
        }
    }

    /// The centred box whose sides are `side` (0..=1) times those of the photo. With `rounded`, its
    /// edges are rounded to whole pixels, halves to even.
    ///
    /// ```
    /// use localise::geometry::{BBox, Size};
    /// let photo = Size::new(500, 375);
    /// assert_eq!(BBox::centred(photo, 0.8, false), BBox::new(50., 37.5, 450., 337.5));
    /// assert_eq!(BBox::centred(photo, 0.8, true), BBox::new(50., 38., 450., 338.));
    /// ```
    #[must_use]
    pub fn centred(size: Size, side: f64, rounded: bool) -> Self {
        let edge = |n: u32, share: f64| {
            let exact = f64::from(n) * share;
            // 375 · 0.1 is 37.5, but not quite in binary. Rounding halves to even needs exact
            // halves, so an edge within rounding error of a half is moved to it.
            let snapped = if (exact * 2.0 - (exact * 2.0).round()).abs() < 1e-9 {
                (exact * 2.0).round() / 2.0
            } else {
                exact
            };
            if rounded {
                snapped.round_ties_even()
            } else {
                snapped
            }
        };
        let (low, high) = ((1.0 - side) / 2.0, (1.0 + side) / 2.0);
        Self::new(
            edge(size.width, low),
            edge(size.height, low),
            edge(size.width, high),
            edge(size.height, high),
        )
    }
}

/// The largest number of tokens before those of the patches: the class's, that of a distilled
/// network, and registers.
const MAX_PREFIX: usize = 9;

/// How many tokens come before those of a square grid of patches, and the grid's side; `None` if no
/// such grid has this number. If none come before it, the network has no class token.
pub(crate) fn patch_grid(tokens: usize) -> Option<(usize, usize)> {
    (0..=MAX_PREFIX.min(tokens.saturating_sub(1))).find_map(|prefix| {
        let side = (tokens - prefix).isqrt();
        (side * side == tokens - prefix).then_some((prefix, side))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs of boxes with inclusive corners, and the devkit's IoU as a fraction. Each pair detects
    /// one mistake, such as a missing + 1.
    #[test]
    fn iou_equals_the_devkits() {
        let cases = [
            ([0, 0, 9, 9], [0, 0, 9, 4], 1.0 / 2.0),
            ([0, 0, 99, 99], [0, 0, 70, 70], 5041.0 / 10000.0),
            ([0, 0, 4, 4], [5, 0, 9, 4], 0.0),
            ([0, 0, 4, 4], [4, 4, 8, 8], 1.0 / 49.0),
            ([7, 7, 7, 7], [7, 7, 7, 7], 1.0),
            ([1, 2, 5, 6], [3, 1, 4, 5], 8.0 / 27.0),
            ([45, 49, 499, 162], [2, 69, 437, 207], 18471.0 / 37766.0),
        ];
        for (a, b, expected) in cases {
            let [a, b] = [a, b].map(|[x0, y0, x1, y1]: [u32; 4]| {
                BBox::from_inclusive(x0.into(), y0.into(), x1.into(), y1.into())
            });
            assert!((a.iou(&b) - expected).abs() < 1e-12, "{a:?} {b:?}");
            assert_eq!(a.iou(&b), b.iou(&a));
        }
    }

    #[test]
    fn a_box_with_a_non_finite_edge_overlaps_nothing() {
        let whole = BBox::whole(Size::square(10));
        for edge in 0..4 {
            for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let mut edges = [0.0, 0.0, 10.0, 10.0];
                edges[edge] = value;
                let [x_min, y_min, x_max, y_max] = edges;
                let bbox = BBox::new(x_min, y_min, x_max, y_max);
                assert_eq!(
                    (bbox.iou(&whole), whole.iou(&bbox), bbox.iou(&bbox)),
                    (0.0, 0.0, 0.0),
                    "{bbox:?}"
                );
            }
        }
    }

    #[test]
    fn a_mapped_box_is_rounded_outwards() {
        assert_eq!(
            BBox::new(10.0, 20.0, 100.0, 227.0).mapped(Size::square(227), Size::new(500, 375)),
            BBox::new(22.0, 33.0, 221.0, 375.0)
        );
        // 60 · (500 / 240) is a little more than 125 in binary, 168 · (300 / 224) a little less
        // than 225.
        assert_eq!(
            BBox::new(0.0, 168.0, 60.0, 224.0).mapped(Size::new(240, 224), Size::new(500, 300)),
            BBox::new(0.0, 225.0, 125.0, 300.0)
        );
        assert_eq!(
            BBox::whole(Size::new(256, 341)).mapped(Size::new(256, 341), Size::new(300, 400)),
            BBox::whole(Size::new(300, 400))
        );
    }

    #[test]
    fn tokens_are_a_grid_of_patches_after_others() {
        assert_eq!(patch_grid(197), Some((1, 14)), "ViT");
        assert_eq!(patch_grid(198), Some((2, 14)), "distilled DeiT");
        assert_eq!(patch_grid(201), Some((5, 14)), "with registers");
        assert_eq!(patch_grid(196), Some((0, 14)), "no class token");
        assert_eq!(patch_grid(12 * 16 + 1), None, "not square");
    }

    proptest::proptest! {
        #[test]
        fn iou_does_not_change_when_the_axes_are_scaled(
            a in proptest::array::uniform4(0.0..100.0f64),
            b in proptest::array::uniform4(0.0..100.0f64),
            sx in 0.1..10.0f64,
            sy in 0.1..10.0f64,
        ) {
            let make = |v: [f64; 4], across: f64, down: f64| {
                BBox::new(v[0] * across, v[1] * down, (v[0] + v[2]) * across, (v[1] + v[3]) * down)
            };
            let before = make(a, 1.0, 1.0).iou(&make(b, 1.0, 1.0));
            let after = make(a, sx, sy).iou(&make(b, sx, sy));
            proptest::prop_assert!((before - after).abs() < 1e-9);
            proptest::prop_assert!((0.0..=1.0).contains(&before));
        }
    }
}
