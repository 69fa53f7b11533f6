//! The boxes that wsolevaluation takes from a score map at one threshold: the bounding boxes of
//! OpenCV's contours.
//!
//! `findContours(RETR_TREE)` gives one contour for each 8-connected component of the object and one
//! for each hole. A hole is a 4-connected component of the background that does not touch the map's
//! edge, and its contour runs on the object's pixels around it. Of contours with the same area
//! OpenCV has the one first whose first pixel, row by row, is last. Nesting does not matter for the
//! largest: a component in a hole has a smaller contour than the component around it.
//!
//! `imageproc::contours` finds the same contours if the map gets a margin of one pixel, but it
//! follows every border at every threshold, where this file follows only those that may be the
//! largest.

use std::cmp::Reverse;

use ndarray::{Array2, ArrayView1, ArrayView2};

use crate::geometry::BBox;

/// The contours of the pixels above a cut-off.
#[derive(Clone, Debug, PartialEq)]
pub struct Contours {
    /// The boxes of all contours, those of holes last. If no pixel is above the cut-off, this is
    /// one box of one pixel in the corner.
    pub boxes: Vec<BBox>,
    /// The number of contours.
    pub count: usize,
    /// The box of the component whose contour has the largest area: the area of the polygon through
    /// the centres of its outer pixels. Of equals it is the first in OpenCV's order.
    pub largest: BBox,
}

/// The contours of `levels > cutoff`.
///
/// ```
/// use localise::{geometry::BBox, score::contours};
/// use ndarray::array;
/// // Three pixels in a corner have an area, and five in a chain have none. Boxes are one pixel too
/// // large, except at the map's edge.
/// let map = array![[9, 0, 0, 0, 0], [9, 9, 0, 9, 0], [0, 0, 0, 9, 0], [9, 9, 9, 0, 0]];
/// let found = contours(map.view(), 5);
/// assert_eq!((found.count, found.largest), (2, BBox::from_inclusive(0., 0., 2., 2.)));
/// ```
#[must_use]
pub fn contours(levels: ArrayView2<'_, u8>, cutoff: u8) -> Contours {
    let (height, width) = levels.dim();
    let object = levels.map(|&level| level > cutoff);
    let (mut components, background): (Vec<Component>, Vec<Component>) =
        components(&object).partition(|component| component.is_object);
    if components.is_empty() {
        let corner = BBox::from_inclusive(0.0, 0.0, 0.0, 0.0);
        return Contours {
            boxes: vec![corner],
            count: 0,
            largest: corner,
        };
    }
    components.sort_by_key(|component| Reverse(component.first));
    // wsolevaluation takes x, y, x + w, y + h as inclusive corners, which is one pixel too many.
    let bbox = |bounds: PixelBounds| {
        let right = (bounds.right + 1).min(width - 1);
        let bottom = (bounds.bottom + 1).min(height - 1);
        let [left, top, right, bottom] = [bounds.left, bounds.top, right, bottom].map(|n| n as f64);
        BBox::from_inclusive(left, top, right, bottom)
    };
    let holes = background
        .iter()
        .map(|component| component.bounds)
        .filter(|bounds| {
            let inside_x = bounds.left > 0 && bounds.right < width - 1;
            inside_x && bounds.top > 0 && bounds.bottom < height - 1
        })
        .map(PixelBounds::grown);
    let outer = components.iter().map(|component| component.bounds);
    let boxes: Vec<BBox> = outer.chain(holes).map(bbox).collect();
    Contours {
        count: boxes.len(),
        boxes,
        largest: bbox(largest(&components, &object).bounds),
    }
}

/// The first of the components whose outer contour has the largest area.
fn largest(components: &[Component], object: &Array2<bool>) -> Component {
    let (mut largest, mut max) = (components[0], -1);
    for component in components {
        // No polygon is larger than its box, so that most contours need not be followed.
        if component.bounds.doubled_area() > max {
            let area = doubled_contour_area(object, component.first);
            if area > max {
                (largest, max) = (*component, area);
            }
        }
    }
    largest
}

/// A connected component of the object or of the background.
#[derive(Clone, Copy, Debug)]
struct Component {
    is_object: bool,
    bounds: PixelBounds,
    /// Its first pixel, row by row: (row, column).
    first: (usize, usize),
}

/// The first and last columns and rows of some pixels.
#[derive(Clone, Copy, Debug)]
struct PixelBounds {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

impl PixelBounds {
    /// The bounds of two sets of pixels together.
    fn union(self, other: Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }

    /// The bounds of a hole's contour: one pixel further out on each side.
    fn grown(self) -> Self {
        Self {
            left: self.left - 1,
            top: self.top - 1,
            right: self.right + 1,
            bottom: self.bottom + 1,
        }
    }

    /// Twice the area of the rectangle through the centres of the corner pixels.
    fn doubled_area(self) -> i64 {
        2 * (self.right - self.left) as i64 * (self.bottom - self.top) as i64
    }
}

/// The 8-connected components of the object and the 4-connected components of the background.
///
/// Each row is a list of runs. A run that touches one of the same kind in the row above is joined
/// to it.
fn components(object: &Array2<bool>) -> impl Iterator<Item = Component> {
    let mut sets = DisjointSets::default();
    let mut above: Vec<PixelRun> = Vec::new();
    for (y, row) in object.outer_iter().enumerate() {
        let runs = row_runs(row, y, &mut sets);
        join_touching(&above, &runs, &mut sets);
        above = runs;
    }
    sets.into_components()
}

/// Neighbouring pixels of one row and one kind.
#[derive(Clone, Copy)]
struct PixelRun {
    start: usize,
    /// The column after the last one.
    end: usize,
    is_object: bool,
    /// The index of the run among the disjoint sets.
    set: usize,
}

/// The runs of row `y`, each of which becomes a set of its own.
fn row_runs(row: ArrayView1<'_, bool>, y: usize, sets: &mut DisjointSets) -> Vec<PixelRun> {
    let mut runs = Vec::new();
    let mut end = 0;
    while end < row.len() {
        let (start, is_object) = (end, row[end]);
        while end < row.len() && row[end] == is_object {
            end += 1;
        }
        let component = Component {
            is_object,
            bounds: PixelBounds {
                left: start,
                top: y,
                right: end - 1,
                bottom: y,
            },
            first: (y, start),
        };
        runs.push(PixelRun {
            start,
            end,
            is_object,
            set: sets.insert(component),
        });
    }
    runs
}

/// Joins the runs of a row with those of the row above that they touch.
fn join_touching(above: &[PixelRun], runs: &[PixelRun], sets: &mut DisjointSets) {
    let mut first = 0;
    for run in runs {
        // Diagonal neighbours are connected in the object, but not in the background.
        let reach = usize::from(run.is_object);
        while first < above.len() && above[first].end + reach <= run.start {
            first += 1;
        }
        for other in &above[first..] {
            if other.start >= run.end + reach {
                break;
            }
            if other.is_object == run.is_object {
                sets.join(other.set, run.set);
            }
        }
    }
}

/// Components by union-find: each run is a set of its own until it is joined to another.
#[derive(Default)]
struct DisjointSets {
    parents: Vec<usize>,
    /// The pixels of each set; valid for roots.
    components: Vec<Component>,
}

impl DisjointSets {
    /// Adds a set and returns its index.
    fn insert(&mut self, component: Component) -> usize {
        let set = self.parents.len();
        self.parents.push(set);
        self.components.push(component);
        set
    }

    fn root(&mut self, mut set: usize) -> usize {
        while self.parents[set] != set {
            self.parents[set] = self.parents[self.parents[set]];
            set = self.parents[set];
        }
        set
    }

    /// Joins two sets. The root is the set that was inserted first, because its first pixel is the
    /// first of both.
    fn join(&mut self, a: usize, b: usize) {
        let [a, b] = [self.root(a), self.root(b)];
        let (root, child) = (a.min(b), a.max(b));
        if root != child {
            self.parents[child] = root;
            let bounds = self.components[child].bounds;
            self.components[root].bounds = self.components[root].bounds.union(bounds);
        }
    }

    fn into_components(self) -> impl Iterator<Item = Component> {
        self.components
            .into_iter()
            .zip(self.parents)
            .enumerate()
            .filter_map(|(set, (component, parent))| (parent == set).then_some(component))
    }
}

/// A pixel: column, row. It may be outside the map.
type Pixel = [i64; 2];

/// The steps to the eight neighbours of a pixel, clockwise from the left one.
const NEIGHBOURS: [Pixel; 8] = [
    [-1, 0],
    [-1, -1],
    [0, -1],
    [1, -1],
    [1, 0],
    [1, 1],
    [0, 1],
    [-1, 1],
];

/// Twice the area of the outer contour of the component whose first pixel (row, column) is `first`.
///
/// The border is followed from pixel to pixel (Suzuki and Abe 1985): the neighbours of each pixel
/// are searched clockwise, beginning after the pixel that was visited before. Twice the area is the
/// magnitude of Σ xᵢ yᵢ₊₁ − xᵢ₊₁ yᵢ.
fn doubled_contour_area(object: &Array2<bool>, (row, column): (usize, usize)) -> i64 {
    let (height, width) = object.dim();
    let is_object = |[x, y]: Pixel| {
        let inside = 0 <= x && x < width as i64 && 0 <= y && y < height as i64;
        inside && object[[y as usize, x as usize]]
    };
    // The next pixel of the object after the neighbour in direction `after`, and its direction.
    let next = |[x, y]: Pixel, after: usize| {
        (1..=NEIGHBOURS.len())
            .map(|turn| (after + turn) % NEIGHBOURS.len())
            .map(|direction| {
                let [dx, dy] = NEIGHBOURS[direction];
                ([x + dx, y + dy], direction)
            })
            .find(|&(pixel, _)| is_object(pixel))
    };
    let start = [column as i64, row as i64];
    // The pixel to the left of the first pixel of a component is background.
    let Some((second, mut direction)) = next(start, 0) else {
        return 0;
    };
    let (mut previous, mut current, mut doubled_area) = (start, second, 0);
    loop {
        doubled_area += previous[0] * current[1] - current[0] * previous[1];
        let back = (direction + NEIGHBOURS.len() / 2) % NEIGHBOURS.len();
        let (following, onward) = next(current, back).expect("the previous pixel is a neighbour");
        if current == start && following == second {
            return doubled_area.abs();
        }
        (previous, current, direction) = (current, following, onward);
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn area(picture: &Array2<u8>) -> f64 {
        let object = picture.mapv(|v| v > 0);
        let first = object
            .indexed_iter()
            .find(|(_, is_object)| **is_object)
            .map(|(pixel, _)| pixel)
            .expect("an object");
        doubled_contour_area(&object, first) as f64 / 2.0
    }

    #[test]
    fn areas_are_of_polygons_through_centres() {
        assert_eq!(area(&array![[1]]), 0.0);
        assert_eq!(area(&array![[1, 1, 1, 1]]), 0.0);
        assert_eq!(area(&array![[1, 1], [1, 1]]), 1.0);
        assert_eq!(area(&array![[1, 0], [1, 1]]), 0.5);
        assert_eq!(area(&array![[0, 1, 0], [1, 0, 1], [0, 1, 0]]), 2.0);
        assert_eq!(area(&array![[1, 1, 1], [1, 0, 1], [1, 1, 1]]), 4.0);
        // A block with a tail, whose border passes the pixels of the tail twice.
        assert_eq!(area(&array![[0, 0, 1, 1], [1, 1, 1, 1]]), 1.5);
    }

    fn corners(found: &Contours) -> Vec<[f64; 4]> {
        found
            .boxes
            .iter()
            .map(|b| [b.x_min, b.y_min, b.x_max - 1.0, b.y_max - 1.0])
            .collect()
    }

    /// A 12 x 12 map with ones in rows and columns 1..=9 and a hole in 4..=6. The hole's contour is
    /// a box of its own.
    #[test]
    fn holes_are_contours() {
        let ring = Array2::from_shape_fn((12, 12), |(y, x)| {
            let inside = |from, to| (from..=to).contains(&x) && (from..=to).contains(&y);
            u8::from(inside(1, 9) && !inside(4, 6))
        });
        let found = contours(ring.view(), 0);
        assert_eq!(corners(&found), [[1., 1., 10., 10.], [3., 3., 8., 8.]]);
        assert_eq!((found.count, found.largest), (2, found.boxes[0]));
    }

    #[test]
    fn the_object_is_connected_along_diagonals_and_the_background_is_not() {
        let count = |picture: &Array2<u8>| contours(picture.view(), 0).count;
        assert_eq!(count(&array![[1, 0], [0, 1]]), 1);
        // The pixel in the middle touches the rest of the background only along diagonals.
        assert_eq!(count(&array![[0, 1, 0], [1, 0, 1], [0, 1, 0]]), 2);
        assert_eq!(count(&array![[0, 1, 0], [1, 0, 1], [0, 0, 0]]), 1);
        // A component inside a hole.
        let nested = Array2::from_shape_fn((7, 7), |(y, x)| {
            let ring = x.min(y).min(6 - x).min(6 - y);
            u8::from(ring % 2 == 1)
        });
        assert_eq!(count(&nested), 3);
    }

    #[test]
    fn the_lowest_of_equals_counts() {
        let found = contours(array![[1, 0, 1], [0, 0, 0], [1, 0, 0]].view(), 0);
        assert_eq!(corners(&found)[0], [0., 2., 1., 2.]);
        assert_eq!(found.largest, found.boxes[0]);
        let nothing = contours(Array2::zeros((3, 3)).view(), 0);
        assert_eq!(
            (nothing.count, corners(&nothing)),
            (0, vec![[0., 0., 0., 0.]])
        );
    }
}
