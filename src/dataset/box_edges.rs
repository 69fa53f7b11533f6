//! Where boxes touch the edges of their photos, which shows whether they were read with the wrong
//! base.

use super::suspicion::Suspicion;
use crate::geometry::{BBox, Size};

/// How many boxes touch which edge of their photo, before they are clipped. This shows whether a
/// file's boxes were read with the wrong base.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BoxEdges {
    /// Boxes whose photo's size is known. Of true boxes, those that are at least partly inside it.
    pub boxes: usize,
    /// Boxes that begin at the first column or row.
    pub at_start: usize,
    /// Boxes that begin at the second column or row.
    pub at_second: usize,
    /// Boxes that begin one pixel before the first column or row.
    pub before_start: usize,
    /// Boxes that end one pixel before the end of the last column or row.
    pub before_end: usize,
    /// Boxes that end with the last column or row.
    pub at_end: usize,
    /// Boxes that end one pixel after the last column or row.
    pub past_end: usize,
    /// Boxes that reach more than one pixel out of the photo.
    pub far_outside: usize,
    /// Boxes that were left out: inverted, not finite, or wholly outside their photo.
    pub left_out: usize,
}

/// With this many boxes, it is not by chance that none of them touches an edge.
const MANY: usize = 100;

impl BoxEdges {
    pub(super) fn count(&mut self, bbox: BBox, size: Size) {
        let sides = [
            (bbox.x_min, bbox.x_max, f64::from(size.width)),
            (bbox.y_min, bbox.y_max, f64::from(size.height)),
        ];
        let any =
            |is: &dyn Fn((f64, f64, f64)) -> bool| usize::from(sides.iter().any(|&side| is(side)));
        self.boxes += 1;
        self.at_start += any(&|(min, _, _)| min == 0.0);
        self.at_second += any(&|(min, _, _)| min == 1.0);
        self.before_start += any(&|(min, _, _)| min == -1.0);
        self.before_end += any(&|(_, max, end)| max == end - 1.0);
        self.at_end += any(&|(_, max, end)| max == end);
        self.past_end += any(&|(_, max, end)| max == end + 1.0);
        self.far_outside += any(&|(min, max, end)| min < -1.0 || max > end + 1.0);
    }

    /// A suspicion if more than a share of the boxes reach far out of their photos. One photo whose
    /// size is swapped leaves a few boxes outside; a file in another unit leaves many.
    pub(super) fn outside(&self, tolerated_share: f64) -> Option<Suspicion> {
        let Self {
            boxes, far_outside, ..
        } = *self;
        if far_outside as f64 <= tolerated_share * boxes as f64 {
            return None;
        }
        Some(Suspicion::new(
            format!("{far_outside} of {boxes} boxes reach more than one pixel out of their photo"),
            "are they x, y, width, height instead of corners, or in the pixels of another size? \
             are width and height swapped?",
        ))
    }

    /// A suspicion if the boxes were read with the wrong base or the wrong kind of maxima. Boxes
    /// that reach further out than by one pixel have another cause.
    pub(super) fn wrong_base(&self) -> Option<Suspicion> {
        let Self {
            boxes,
            at_start,
            at_second,
            before_start,
            before_end,
            at_end,
            past_end,
            far_outside,
            ..
        } = *self;
        if before_start > far_outside {
            let what = format!(
                "{before_start} of {boxes} boxes begin one pixel before the photo: they are \
                 0-based, and are read as 1-based"
            );
            let advice = "add 1 to all four corners, or put the annotations into a 0-based layout";
            return Some(Suspicion::new(what, advice));
        }
        if at_start == 0 && (past_end > far_outside || boxes >= MANY && at_second > 0) {
            let what = format!(
                "none of {boxes} boxes begins at the first pixel, {at_second} begin at the second \
                 and {past_end} end one after the last: they are 1-based, and are read as 0-based"
            );
            let advice = "subtract 1 from all four corners; or only from the maxima, if just \
                          these are one too large";
            return Some(Suspicion::new(what, advice));
        }
        if past_end > far_outside {
            let what = format!(
                "{past_end} of {boxes} boxes end one pixel after the photo: their maxima are \
                 exclusive, and are read as inclusive"
            );
            return Some(Suspicion::new(what, "subtract 1 from the maxima"));
        }
        if boxes >= MANY && at_end == 0 && at_start > 0 && before_end > 0 {
            let what = format!(
                "none of {boxes} boxes ends at the last pixel, and {before_end} end at the one \
                 before: their maxima are inclusive, and are read as exclusive"
            );
            return Some(Suspicion::new(what, "add 1 to the maxima"));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong_base(edges: BoxEdges) -> Option<String> {
        edges.wrong_base().map(|suspicion| suspicion.what)
    }

    /// Edges of boxes that are read as they were written.
    fn ordinary() -> BoxEdges {
        BoxEdges {
            boxes: 200,
            at_start: 20,
            at_second: 3,
            at_end: 15,
            ..BoxEdges::default()
        }
    }

    #[test]
    fn ordinary_or_few_boxes_are_not_suspicious() {
        assert_eq!(wrong_base(ordinary()), None);
        assert_eq!(ordinary().outside(0.0), None);
        // That seven boxes do not touch the edge may be chance.
        let few = BoxEdges {
            boxes: 7,
            at_second: 1,
            ..BoxEdges::default()
        };
        assert_eq!(wrong_base(few), None);
    }

    #[test]
    fn the_edges_show_a_wrong_base() {
        let good = ordinary();
        let one_based = BoxEdges {
            at_start: 0,
            at_second: 20,
            ..good
        };
        let past_end = BoxEdges {
            past_end: 15,
            ..good
        };
        let before_start = BoxEdges {
            before_start: 20,
            ..good
        };
        let before_end = BoxEdges {
            before_end: 20,
            at_end: 0,
            ..good
        };
        for (edges, expected) in [
            (one_based, "1-based, and are read as 0-based"),
            (
                BoxEdges {
                    past_end: 15,
                    ..one_based
                },
                "1-based, and are read as 0-based",
            ),
            (past_end, "exclusive, and are read as inclusive"),
            (before_start, "0-based, and are read as 1-based"),
            (before_end, "inclusive, and are read as exclusive"),
        ] {
            let found = wrong_base(edges).expect(expected);
            assert!(found.contains(expected), "{found}");
        }
        // Boxes in another unit reach out by any number of pixels.
        let elsewhere = BoxEdges {
            past_end: 2,
            far_outside: 150,
            ..good
        };
        assert_eq!(wrong_base(elsewhere), None);
        let outside = elsewhere.outside(0.3).expect("150 of 200").what;
        assert_eq!(
            outside,
            "150 of 200 boxes reach more than one pixel out of their photo"
        );
    }
}
