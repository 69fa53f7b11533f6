//! The frame in which wsolevaluation compares score maps with true boxes: 224 x 224 pixels and 256
//! grey levels (`evaluation.py`).

use ndarray::{Array2, ArrayView2};

use crate::geometry::{BBox, Size};

/// The width and height of a score map, in pixels.
pub const MAP_SIZE: usize = 224;

/// A map with values in 0..=1 as 8-bit grey levels: ⌊255 · value⌋.
#[must_use]
pub fn grey_levels(map: ArrayView2<'_, f64>) -> Array2<u8> {
    map.map(|value| (value * 255.0) as u8)
}

/// A true box of a photo of this size, in the frame of the map: each inclusive corner times 224 /
/// side, truncated to a whole number.
///
/// ```
/// use localise::geometry::{BBox, Size};
/// use localise::score::to_map_frame;
/// let truth = BBox::from_inclusive(111., 108., 441., 193.);
/// let expected = BBox::from_inclusive(49., 64., 197., 115.);
/// assert_eq!(to_map_frame(&truth, Size::new(500, 375)), expected);
/// ```
#[must_use]
pub fn to_map_frame(bbox: &BBox, size: Size) -> BBox {
    resized(bbox, size, Size::square(MAP_SIZE as u32))
}

/// `resize_bbox` of wsolevaluation's `evaluation.py`.
fn resized(bbox: &BBox, from: Size, to: Size) -> BBox {
    let corner = |value: f64, old_side: u32, new_side: u32| {
        (value * f64::from(new_side) / f64::from(old_side)).trunc()
    };
    let x = |value| corner(value, from.width, to.width);
    let y = |value| corner(value, from.height, to.height);
    let (right, bottom) = (bbox.x_max - 1.0, bbox.y_max - 1.0);
    BBox::from_inclusive(x(bbox.x_min), y(bbox.y_min), x(right), y(bottom))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cases of `resize_bbox` in wsolevaluation's `evaluation_test.py`.
    #[test]
    fn true_boxes_have_truncated_corners() {
        let bbox = BBox::from_inclusive(1., 2., 4., 3.);
        let expected = BBox::from_inclusive(3., 1., 14., 1.);
        assert_eq!(
            resized(&bbox, Size::new(10, 20), Size::new(35, 10)),
            expected
        );
        let pixel = BBox::from_inclusive(1., 2., 1., 2.);
        assert_eq!(resized(&pixel, Size::square(3), Size::square(3)), pixel);
    }
}
