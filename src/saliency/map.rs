//! A saliency map.

use ndarray::{Array2, s};

use super::filters::{min_max, resize_map};
use super::rect::Rect;
use crate::geometry::Size;

/// A saliency map over a frame.
#[derive(Clone, Debug)]
pub struct Saliency {
    /// The values, [height, width] of the frame: at least 0 everywhere, and 0 outside the window.
    pub map: Array2<f32>,
    /// The part of the frame where the values are known. It is inside the frame and not empty.
    pub window: Rect,
}

impl Saliency {
    /// A map whose values are known in its whole frame.
    ///
    /// ```
    /// use localise::saliency::{Rect, Saliency};
    /// let saliency = Saliency::whole(ndarray::array![[0., 1., 2.]]);
    /// assert_eq!(saliency.window, Rect { x: 0, y: 0, width: 3, height: 1 });
    /// ```
    #[must_use]
    pub fn whole(map: Array2<f32>) -> Self {
        Self {
            window: Rect::whole(Size::from_array(&map)),
            map,
        }
    }

    /// The values inside the window, row by row.
    #[must_use]
    pub fn values(&self) -> Vec<f32> {
        let [rows, columns] = self.window.ranges();
        self.map.slice(s![rows, columns]).iter().copied().collect()
    }

    /// Whether all values inside the window are the same, so that the map distinguishes nothing.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        let values = self.values();
        values.iter().all(|&v| v == values[0])
    }

    /// The map as a score map with sides of `side` pixels and values in 0..=1.
    ///
    /// The whole frame is resized (linear, anti-aliased), and the values are scaled so that the
    /// smallest becomes 0 and the largest 1. A constant map becomes all zeros.
    #[must_use]
    pub fn score_map(&self, side: usize) -> Array2<f32> {
        let resized = resize_map(&self.map, Size::square(side as u32));
        let (min, max) = min_max(&resized);
        let scale = if max > min { 1.0 / (max - min) } else { 0.0 };
        resized.mapv(|v| ((v - min) * scale).clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn score_maps_are_between_0_and_1() {
        let map = Saliency::whole(array![[1., 1., 3., 3.], [1., 1., 3., 3.]]);
        let scores = map.score_map(4);
        assert_eq!((scores[[0, 0]], scores[[3, 3]]), (0.0, 1.0));
        assert_eq!(
            Saliency::whole(Array2::from_elem((2, 4), 7.0)).score_map(3),
            Array2::<f32>::zeros((3, 3))
        );
    }

    #[test]
    fn only_values_inside_the_window_count() {
        let saliency = Saliency {
            map: array![[1., 2., 3., 0.]],
            window: Rect::whole(Size::new(3, 1)),
        };
        assert_eq!(saliency.values(), [1., 2., 3.]);
    }
}
