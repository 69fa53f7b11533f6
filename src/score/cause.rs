//! Why a box for the true class is wrong.

use super::constants::IOU_THRESHOLD;
use crate::geometry::BBox;

/// How a box for the true class relates to the true box with which its IoU is best.
///
/// With B the box, T the true box and I their intersection, a miss (IoU < 1/2) has one of two
/// reasons:
///
/// * place, if I < 2/3 min(B, T): the smaller box is not inside the larger one;
/// * size, otherwise. The areas differ then: with I = m B = m T the IoU is m / (2 − m), which is at
///   least 1/2 for m ≥ 2/3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The box is correct: IoU ≥ 1/2.
    Right,
    /// Most of T is in a larger B.
    TooBig,
    /// Most of B is in a larger T, and B contains the centre of T.
    TooSmall,
    /// Most of B is in a larger T, and B does not contain the centre of T.
    Part,
    /// The box is in another place.
    Off,
    /// The photo failed, so there is no box.
    NoBox,
}

impl Cause {
    /// All causes, in the order of reports.
    pub const ALL: [Self; 6] = [
        Self::Right,
        Self::TooBig,
        Self::TooSmall,
        Self::Part,
        Self::Off,
        Self::NoBox,
    ];

    /// The name, and what it means.
    #[must_use]
    pub const fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::Right => ("right", "IoU of at least 0.5 with a true box"),
            Self::TooBig => ("too big", "holds most of an object and much around it"),
            Self::TooSmall => ("too small", "inside an object, around its centre"),
            Self::Part => ("part", "inside an object, beside its centre"),
            Self::Off => ("off", "mostly beside every object"),
            Self::NoBox => ("no box", "the photo failed"),
        }
    }

    /// The cause of a box, given all true boxes of its photo; `None` if there are none.
    ///
    /// ```
    /// use localise::{geometry::BBox, score::Cause};
    /// let truth = [BBox::new(0., 0., 10., 10.)];
    /// let cause = |bbox: BBox| Cause::from_boxes(&bbox, &truth);
    /// assert_eq!(cause(BBox::new(0., 0., 20., 20.)), Some(Cause::TooBig));
    /// assert_eq!(cause(BBox::new(6., 6., 10., 10.)), Some(Cause::Part));
    /// ```
    #[must_use]
    pub fn from_boxes(bbox: &BBox, truth: &[BBox]) -> Option<Self> {
        let best = truth
            .iter()
            .max_by(|a, b| bbox.iou(a).total_cmp(&bbox.iou(b)))?;
        let (area, true_area) = (bbox.area(), best.area());
        let intersection = bbox.intersection(best);
        let centre_x = f64::midpoint(best.x_min, best.x_max);
        let centre_y = f64::midpoint(best.y_min, best.y_max);
        let cause = if bbox.iou(best) >= IOU_THRESHOLD {
            Self::Right
        } else if intersection < 2.0 / 3.0 * area.min(true_area) || intersection == 0.0 {
            Self::Off
        } else if area > true_area {
            Self::TooBig
        } else if bbox.contains(centre_x, centre_y) {
            Self::TooSmall
        } else {
            Self::Part
        };
        Some(cause)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn causes_by_hand() {
        let truth = [BBox::new(0., 0., 10., 10.), BBox::new(100., 0., 104., 4.)];
        let cases = [
            ([0., 0., 10., 5.], Cause::Right),
            ([0., 0., 10., 4.9], Cause::Part),
            ([2., 2., 8., 8.], Cause::TooSmall),
            ([0., 0., 4., 4.], Cause::Part),
            ([0., 0., 20., 20.], Cause::TooBig),
            // Of the same size and moved by less than half: the IoU is 0.43, and size is not the
            // reason.
            ([4., 0., 14., 10.], Cause::Off),
            ([50., 50., 60., 60.], Cause::Off),
            // The nearest object counts.
            ([99., 0., 106., 6.], Cause::TooBig),
            ([5., 5., 5., 5.], Cause::Off),
        ];
        for ([x_min, y_min, x_max, y_max], expected) in cases {
            let bbox = BBox::new(x_min, y_min, x_max, y_max);
            assert_eq!(Cause::from_boxes(&bbox, &truth), Some(expected), "{bbox:?}");
        }
        assert_eq!(Cause::from_boxes(&truth[0], &[]), None);
    }

    proptest! {
        /// As derived above: a box with the area of the true box is either correct or off.
        #[test]
        fn boxes_of_equal_area_differ_in_place(
            x in -12.0..12.0, y in -12.0..12.0, side in 1.0..9.0
        ) {
            let truth = BBox::new(0., 0., side, side);
            let moved = BBox::new(x, y, x + side, y + side);
            let cause = Cause::from_boxes(&moved, &[truth]);
            prop_assert!(matches!(cause, Some(Cause::Right | Cause::Off)), "{cause:?}");
        }
    }
}
