//! Why a box for the true class is wrong.

use super::IOU_THRESHOLD;
use crate::geometry::BBox;

/// What a box for the true class is, compared with the true box of the best IoU.
///
/// With B the box, T the true box and I what they share, a miss (IoU < 1/2) is a matter of
///
/// * place, where I < 2/3 min(B, T): the smaller is not inside the larger;
/// * size, otherwise: the areas differ then, since with I = m B = m T the IoU is m / (2 − m), 1/2
///   or more for m ≥ 2/3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// IoU ≥ 1/2.
    Right,
    /// Most of T is in a larger B.
    TooBig,
    /// Most of B is in a larger T, whose centre it holds.
    TooSmall,
    /// Most of B is in a larger T, beside its centre.
    Part,
    /// Elsewhere.
    Off,
    /// The photo failed.
    NoBox,
}

impl Cause {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 6] = [
        Self::Right,
        Self::TooBig,
        Self::TooSmall,
        Self::Part,
        Self::Off,
        Self::NoBox,
    ];

    /// Its name, and what it means.
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

    /// The cause of a box, given all true boxes; `None` where there are none.
    ///
    /// ```
    /// use localise::{geometry::BBox, score::Cause};
    /// let truth = [BBox::new(0., 0., 10., 10.)];
    /// assert_eq!(Cause::of(&BBox::new(0., 0., 20., 20.), &truth), Some(Cause::TooBig));
    /// assert_eq!(Cause::of(&BBox::new(6., 6., 10., 10.), &truth), Some(Cause::Part));
    /// ```
    #[must_use]
    pub fn of(bbox: &BBox, truth: &[BBox]) -> Option<Self> {
        let best = truth
            .iter()
            .max_by(|a, b| bbox.iou(a).total_cmp(&bbox.iou(b)))?;
        let (x, y) = (
            f64::midpoint(best.x_min, best.x_max),
            f64::midpoint(best.y_min, best.y_max),
        );
        let (area, of_truth, shared) = (bbox.area(), best.area(), bbox.intersection(best));
        Some(match () {
            () if bbox.iou(best) >= IOU_THRESHOLD => Self::Right,
            () if shared < 2.0 / 3.0 * area.min(of_truth) || shared == 0.0 => Self::Off,
            () if area > of_truth => Self::TooBig,
            () if bbox.holds(x, y) => Self::TooSmall,
            () => Self::Part,
        })
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
            // As large, moved by less than half: an IoU of 0.43, and no matter of size.
            ([4., 0., 14., 10.], Cause::Off),
            ([50., 50., 60., 60.], Cause::Off),
            // The nearest object counts.
            ([99., 0., 106., 6.], Cause::TooBig),
            ([5., 5., 5., 5.], Cause::Off),
        ];
        for ([x_min, y_min, x_max, y_max], expected) in cases {
            let bbox = BBox {
                x_min,
                y_min,
                x_max,
                y_max,
            };
            assert_eq!(Cause::of(&bbox, &truth), Some(expected), "{bbox:?}");
        }
        assert_eq!(Cause::of(&truth[0], &[]), None);
    }

    proptest! {
        /// The text above: boxes of one area are right or off.
        #[test]
        fn a_matter_of_size_has_two_sizes(x in -12.0..12.0, y in -12.0..12.0, side in 1.0..9.0) {
            let truth = BBox::new(0., 0., side, side);
            let moved = BBox::new(x, y, x + side, y + side);
            let cause = Cause::of(&moved, &[truth]);
            prop_assert!(matches!(cause, Some(Cause::Right | Cause::Off)), "{cause:?}");
        }
    }
}
