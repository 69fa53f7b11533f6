//! The largest connected component of a mask, and its box.

use image::{GrayImage, Luma};
use imageproc::region_labelling::{Connectivity, connected_components};
use ndarray::Array2;

use super::Seed;
use crate::geometry::BBox;

/// The 8-connected components of a mask, [height, width]: 0 for background, then 1, 2, ...
#[must_use]
pub fn components(mask: &Array2<bool>) -> Array2<u32> {
    let (height, width) = mask.dim();
    let picture = GrayImage::from_fn(width as u32, height as u32, |x, y| {
        Luma([u8::from(mask[[y as usize, x as usize]])])
    });
    let labels = connected_components(&picture, Connectivity::Eight, Luma([0]));
    Array2::from_shape_vec((height, width), labels.into_raw()).expect("one label per pixel")
}

/// The largest component; of equal ones the first in column-major order (MATLAB's `bwconncomp`).
/// `None` for an empty mask.
///
/// With `hard`, only components that hold a hard foreground seed count, where there is any such
/// seed (`gsc-1.2`'s post-processing).
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
    let (mut areas, mut seeded, mut order) =
        (vec![0usize; count + 1], vec![false; count + 1], Vec::new());
    for ((y, x), &label) in labels
        .t()
        .indexed_iter()
        .map(|((x, y), label)| ((y, x), label))
    {
        let label = label as usize;
        if label > 0 && areas[label] == 0 {
            order.push(label);
        }
        areas[label] += 1;
        seeded[label] |= hard.is_some_and(|hard| hard[[y, x]] == Seed::Foreground);
    }
    let any = seeded[1..].iter().any(|&s| s);
    let counts = |&label: &usize| !any || seeded[label];
    // The first of the greatest: `max_by_key` would give the last.
    let best = order
        .into_iter()
        .filter(counts)
        .rev()
        .max_by_key(|&label| areas[label])?;
    Some(labels.mapv(|label| label as usize == best))
}

/// The tight box of a mask in the pixels of its frame; `None` for an empty mask.
#[must_use]
pub fn bounding_box(mask: &Array2<bool>) -> Option<BBox> {
    let mut set = mask
        .indexed_iter()
        .filter(|(_, set)| **set)
        .map(|((y, x), _)| (x, y));
    let (x, y) = set.next()?;
    let ends = set.fold([x, y, x, y], |[x0, y0, x1, y1], (x, y)| {
        [x0.min(x), y0.min(y), x1.max(x), y1.max(y)]
    });
    let [x0, y0, x1, y1] = ends.map(|n| n as f64);
    Some(BBox::from_inclusive(x0, y0, x1, y1))
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
            Some(BBox::whole(3, 3))
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
