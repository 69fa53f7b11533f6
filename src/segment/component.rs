//! The largest connected component of a mask, and its box.

use image::{GrayImage, Luma};
use imageproc::region_labelling::{Connectivity, connected_components};
use ndarray::Array2;

use super::seeds::Seed;
use crate::geometry::{BBox, Size};

/// The 8-connected components of a mask [height, width]: 0 for background, then 1, 2, ... for the
/// components.
#[must_use]
pub fn components(mask: &Array2<bool>) -> Array2<u32> {
    let Size { width, height } = Size::from_array(mask);
    let picture = GrayImage::from_fn(width, height, |x, y| {
        Luma([u8::from(mask[[y as usize, x as usize]])])
    });
    let labels = connected_components(&picture, Connectivity::Eight, Luma([0]));
    Array2::from_shape_vec(mask.dim(), labels.into_raw()).expect("one label for each pixel")
}

/// The largest component, or `None` for an empty mask. Of several components of the same area, it
/// is the first in column-major order, as in MATLAB's `bwconncomp`.
///
/// With `hard`, only components that contain a hard foreground seed count, if there are any such
/// seeds in the mask. This is the post-processing of Oxford's `gsc-1.2`.
///
/// ```
/// use ndarray::array;
/// let mask = array![[0, 0, 1, 1],
///                   [1, 0, 0, 1],
///                   [1, 1, 0, 0]].mapv(|v| v == 1);
/// let largest = localise::segment::largest(&mask, None).unwrap();
/// assert_eq!(largest.mapv(u8::from), array![[0, 0, 0, 0],
///                                           [1, 0, 0, 0],
///                                           [1, 1, 0, 0]]);
/// let bbox = localise::segment::bounding_box(&largest).unwrap();
/// assert_eq!(bbox, localise::geometry::BBox::new(0., 1., 2., 3.));
/// ```
#[must_use]
pub fn largest(mask: &Array2<bool>, hard: Option<&Array2<Seed>>) -> Option<Array2<bool>> {
    let labels = components(mask);
    let count = labels.iter().copied().max().unwrap_or(0) as usize;
    // By label. Label 0 is the background.
    let mut areas = vec![0usize; count + 1];
    let mut seeded = vec![false; count + 1];
    // The labels of components in column-major order.
    let mut order = Vec::new();
    for ((x, y), &label) in labels.t().indexed_iter() {
        let label = label as usize;
        if label > 0 && areas[label] == 0 {
            order.push(label);
        }
        areas[label] += 1;
        seeded[label] |= hard.is_some_and(|hard| hard[[y, x]] == Seed::Foreground);
    }
    if seeded[1..].contains(&true) {
        order.retain(|&label| seeded[label]);
    }
    // `max_by_key` returns the last of several maxima, so the order is reversed.
    let best = order.into_iter().rev().max_by_key(|&label| areas[label])?;
    Some(labels.mapv(|label| label as usize == best))
}

/// The tight box of a mask, in pixels of its frame; `None` for an empty mask.
#[must_use]
pub fn bounding_box(mask: &Array2<bool>) -> Option<BBox> {
    let set = mask.indexed_iter().filter(|(_, set)| **set);
    let mut pixels = set.map(|((y, x), _)| (x, y));
    let (mut x_min, mut y_min) = pixels.next()?;
    let (mut x_max, mut y_max) = (x_min, y_min);
    for (x, y) in pixels {
        x_min = x_min.min(x);
        y_min = y_min.min(y);
        x_max = x_max.max(x);
        y_max = y_max.max(y);
    }
    let [x_min, y_min, x_max, y_max] = [x_min, y_min, x_max, y_max].map(|n| n as f64);
    Some(BBox::from_inclusive(x_min, y_min, x_max, y_max))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn diagonal_pixels_are_connected() {
        let mask = array![[1, 0, 0], [0, 1, 0], [0, 0, 1]].mapv(|v| v == 1);
        assert_eq!(
            largest(&mask, None).as_ref().and_then(bounding_box),
            Some(BBox::whole(Size::square(3)))
        );
    }

    #[test]
    fn of_equal_components_the_leftmost_wins() {
        let mask = array![[0, 0, 1], [0, 0, 1], [0, 0, 0], [1, 1, 0]].mapv(|v| v == 1);
        let bbox = largest(&mask, None).as_ref().and_then(bounding_box);
        assert_eq!(bbox, Some(BBox::new(0.0, 3.0, 2.0, 4.0)));
    }

    #[test]
    fn only_seeded_components_count() {
        let mask = array![[1, 1, 0, 1]].mapv(|v| v == 1);
        let mut hard = Array2::from_elem((1, 4), Seed::Undecided);
        assert_eq!(
            largest(&mask, Some(&hard)).as_ref().and_then(bounding_box),
            Some(BBox::new(0., 0., 2., 1.))
        );
        hard[[0, 3]] = Seed::Foreground;
        assert_eq!(
            largest(&mask, Some(&hard)).as_ref().and_then(bounding_box),
            Some(BBox::new(3., 0., 4., 1.))
        );
    }

    #[test]
    fn an_empty_mask_has_no_component() {
        assert!(largest(&Array2::from_elem((2, 2), false), None).is_none());
    }
}
