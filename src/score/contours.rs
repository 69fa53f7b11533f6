//! The boxes that wsolevaluation takes from a score map at one threshold: those of OpenCV's
//! contours.
//!
//! `findContours(RETR_TREE)` gives a contour for every 8-connected piece of the object, and one for
//! every hole: a 4-connected piece of background that does not reach the picture's edge, whose
//! contour runs on the object's pixels round it. Its order is from the lowest piece to the highest,
//! by their first pixels row by row.

use ndarray::{Array2, ArrayView2};

use crate::geometry::BBox;

/// The contours of the pixels above a cut-off.
#[derive(Clone, Debug, PartialEq)]
pub struct Contours {
    /// The boxes of all contours, those of holes last. One pixel in the corner where nothing is
    /// above the cut-off.
    pub boxes: Vec<BBox>,
    /// How many contours there are.
    pub count: usize,
    /// The box of the piece with the largest contour area: that of the polygon through the centres
    /// of its outer pixels. Among equals the first in OpenCV's order counts.
    pub largest: BBox,
}

/// A piece of the object, or of the background.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// Inclusive: left, top, right, bottom.
    bounds: [usize; 4],
    /// Its first pixel row by row: column, row.
    first: [usize; 2],
}

/// The contours of `levels > cutoff`.
///
/// ```
/// use localise::{geometry::BBox, score::contours};
/// use ndarray::array;
/// // A triangle of three pixels has an area, a chain of five has none. MapBoxScores end one pixel late, but for the edge.
/// let map = array![[9, 0, 0, 0, 0], [9, 9, 0, 9, 0], [0, 0, 0, 9, 0], [9, 9, 9, 0, 0]];
/// let found = contours(map.view(), 5);
/// assert_eq!((found.count, found.largest), (2, BBox::from_inclusive(0., 0., 2., 2.)));
/// ```
#[must_use]
pub fn contours(levels: ArrayView2<'_, u8>, cutoff: u8) -> Contours {
    let (height, width) = levels.dim();
    let object = levels.map(|&level| level > cutoff);
    let (mut pieces, holes) = pieces(&object);
    if pieces.is_empty() {
        let nothing = BBox::from_inclusive(0.0, 0.0, 0.0, 0.0);
        return Contours {
            boxes: vec![nothing],
            count: 0,
            largest: nothing,
        };
    }
    pieces.sort_by_key(|piece| std::cmp::Reverse([piece.first[1], piece.first[0]]));
    // x, y, x + w, y + h taken as inclusive: one pixel too many, as wsolevaluation has it.
    let bbox = |&[left, top, right, bottom]: &[usize; 4]| {
        let [right, bottom] = [(right + 1).min(width - 1), (bottom + 1).min(height - 1)];
        BBox::from_inclusive(left as f64, top as f64, right as f64, bottom as f64)
    };
    let mut best = (pieces[0], -1);
    for piece in &pieces {
        // No polygon is larger than its box, and most are cheaper to leave out than to follow.
        let [left, top, right, bottom] = piece.bounds.map(|n| n as i64);
        if 2 * (right - left) * (bottom - top) > best.1 {
            let area = doubled_area(&object, piece.first);
            if area > best.1 {
                best = (*piece, area);
            }
        }
    }
    // A hole's contour lies on the object's pixels: one further out on each side.
    let around =
        |[left, top, right, bottom]: [usize; 4]| [left - 1, top - 1, right + 1, bottom + 1];
    let holes = holes.iter().map(|hole| bbox(&around(hole.bounds)));
    let boxes: Vec<_> = pieces
        .iter()
        .map(|piece| bbox(&piece.bounds))
        .chain(holes)
        .collect();
    Contours {
        count: boxes.len(),
        boxes,
        largest: bbox(&best.0.bounds),
    }
}

/// The 8-connected pieces of the object, and the 4-connected pieces of the rest that do not reach
/// the edge.
///
/// Each row is a chain of runs; runs that touch one in the row above are joined (union-find).
fn pieces(object: &Array2<bool>) -> (Vec<Piece>, Vec<Piece>) {
    let (height, width) = object.dim();
    let mut forest = DisjointSets::default();
    let mut above: Vec<PixelRun> = Vec::new();
    for (y, row) in object.outer_iter().enumerate() {
        let mut runs = Vec::with_capacity(above.len() + 2);
        let (mut end, mut from) = (0, 0);
        while end < width {
            let (start, is_object) = (end, row[end]);
            while end < width && row[end] == is_object {
                end += 1;
            }
            let run = PixelRun {
                start,
                end,
                tree: forest.plant(Piece {
                    bounds: [start, y, end - 1, y],
                    first: [start, y],
                }),
                is_object,
            };
            // Diagonal neighbours touch in the object, but not in the background.
            let reach = usize::from(is_object);
            while from < above.len() && above[from].end + reach <= start {
                from += 1;
            }
            let touching = above[from..]
                .iter()
                .take_while(|other| other.start < end + reach);
            touching
                .filter(|other| other.is_object == is_object)
                .for_each(|other| forest.join(other.tree, run.tree));
            runs.push(run);
        }
        above = runs;
    }
    let (objects, rest) = forest.pieces(object);
    let inner = |piece: &Piece| {
        let [left, top, right, bottom] = piece.bounds;
        left > 0 && top > 0 && right < width - 1 && bottom < height - 1
    };
    (objects, rest.into_iter().filter(inner).collect())
}

/// Neighbouring pixels of one row and one kind.
struct PixelRun {
    start: usize,
    /// Outside.
    end: usize,
    is_object: bool,
    /// Its place in the forest.
    tree: usize,
}

/// Union-find: each run is a tree of its own until it is joined to another.
#[derive(Default)]
struct DisjointSets {
    parents: Vec<usize>,
    pieces: Vec<Piece>,
}

impl DisjointSets {
    fn plant(&mut self, piece: Piece) -> usize {
        self.parents.push(self.parents.len());
        self.pieces.push(piece);
        self.parents.len() - 1
    }

    fn root(&mut self, mut tree: usize) -> usize {
        while self.parents[tree] != tree {
            self.parents[tree] = self.parents[self.parents[tree]];
            tree = self.parents[tree];
        }
        tree
    }

    /// Joins two pieces; the one that was planted first, whose first pixel comes first, stands for
    /// both.
    fn join(&mut self, a: usize, b: usize) {
        let [a, b] = [self.root(a), self.root(b)];
        let (kept, gone) = (a.min(b), a.max(b));
        if kept == gone {
            return;
        }
        self.parents[gone] = kept;
        let gone = self.pieces[gone].bounds;
        let bounds = &mut self.pieces[kept].bounds;
        for side in [0, 1] {
            bounds[side] = bounds[side].min(gone[side]);
            bounds[side + 2] = bounds[side + 2].max(gone[side + 2]);
        }
    }

    /// The pieces of the object and of the background.
    fn pieces(&self, object: &Array2<bool>) -> (Vec<Piece>, Vec<Piece>) {
        let roots = (0..self.parents.len())
            .filter(|&tree| self.parents[tree] == tree)
            .map(|tree| self.pieces[tree]);
        roots.partition(|piece| object[[piece.first[1], piece.first[0]]])
    }
}

/// The eight neighbours in order round a pixel, from the left one on: x, y.
const AROUND: [[i64; 2]; 8] = [
    [-1, 0],
    [-1, -1],
    [0, -1],
    [1, -1],
    [1, 0],
    [1, 1],
    [0, 1],
    [-1, 1],
];

/// Twice the area of the outer contour of the piece that has `first` as its first pixel.
///
/// The contour is followed from pixel to pixel (Suzuki and Abe 1985): from each, the neighbours are
/// looked at in order from the one that was left last. Σ xᵢ yᵢ₊₁ − xᵢ₊₁ yᵢ is twice the area.
fn doubled_area(object: &Array2<bool>, first: [usize; 2]) -> i64 {
    let (height, width) = object.dim();
    let at = |[x, y]: [i64; 2]| {
        let inside = 0 <= x && x < width as i64 && 0 <= y && y < height as i64;
        inside && object[[y as usize, x as usize]]
    };
    let start = first.map(|n| n as i64);
    let next = |[x, y]: [i64; 2], from: usize| {
        let turns = (1..=8).map(|turn| (from + turn) % 8);
        turns
            .map(|d| ([x + AROUND[d][0], y + AROUND[d][1]], d))
            .find(|&(place, _)| at(place))
    };
    // To the left of the first pixel of a piece there is background.
    let Some((second, mut direction)) = next(start, 0) else {
        return 0;
    };
    let (mut here, mut there, mut area) = (start, second, 0);
    loop {
        area += here[0] * there[1] - there[0] * here[1];
        // The next search begins behind the pixel that was come from.
        let (onward, d) = next(there, (direction + 4) % 8).expect("the way back is open");
        if there == start && onward == second {
            return area.abs();
        }
        (here, there, direction) = (there, onward, d);
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
            .find(|(_, is)| **is)
            .map(|((y, x), _)| [x, y])
            .expect("an object");
        doubled_area(&object, first) as f64 / 2.0
    }

    #[test]
    fn areas_are_of_polygons_through_centres() {
        assert_eq!(area(&array![[1]]), 0.0);
        assert_eq!(area(&array![[1, 1, 1, 1]]), 0.0);
        assert_eq!(area(&array![[1, 1], [1, 1]]), 1.0);
        assert_eq!(area(&array![[1, 0], [1, 1]]), 0.5);
        assert_eq!(area(&array![[0, 1, 0], [1, 0, 1], [0, 1, 0]]), 2.0);
        assert_eq!(area(&array![[1, 1, 1], [1, 0, 1], [1, 1, 1]]), 4.0);
        // A block with a tail, which is walked twice.
        assert_eq!(area(&array![[0, 0, 1, 1], [1, 1, 1, 1]]), 1.5);
    }

    fn corners(found: &Contours) -> Vec<[f64; 4]> {
        found
            .boxes
            .iter()
            .map(|b| [b.x_min, b.y_min, b.x_max - 1.0, b.y_max - 1.0])
            .collect()
    }

    /// A 12 x 12 map, ones in rows and columns 1..=9, a hole in 4..=6: the hole's contour is a box
    /// of its own.
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
    fn diagonal_neighbours_touch_but_do_not_close_a_way_out() {
        let pieces = |picture: &Array2<u8>| contours(picture.view(), 0).count;
        assert_eq!(pieces(&array![[1, 0], [0, 1]]), 1);
        // The hole is cut off from the outside: background touches along sides alone.
        assert_eq!(pieces(&array![[0, 1, 0], [1, 0, 1], [0, 1, 0]]), 2);
        assert_eq!(pieces(&array![[0, 1, 0], [1, 0, 1], [0, 0, 0]]), 1);
        // A piece inside a hole.
        let nested = Array2::from_shape_fn((7, 7), |(y, x)| {
            let ring = x.min(y).min(6 - x).min(6 - y);
            u8::from(ring % 2 == 1)
        });
        assert_eq!(pieces(&nested), 3);
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
