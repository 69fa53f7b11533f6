//! The check that every true box passes, whichever layout it comes from.

use super::error::{DatasetError, Faults};
use crate::geometry::{BBox, Size};
use crate::remedy::Remedy;

/// How many boxes touch which edge of their photo, before they are clipped. This shows whether a
/// file's boxes were read with the wrong base.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BoxEdges {
    /// Boxes that are at least partly inside their photo and whose photo's size is known.
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

impl BoxEdges {
    fn count(&mut self, bbox: BBox, size: Size) {
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
}

/// Checks the true boxes of a dataset, clips each to its photo, and keeps count of what it did.
#[derive(Debug, Default)]
pub(super) struct BoxValidator {
    /// Whether an invalid box is left out, with a note, instead of being a fault.
    pub(super) lenient: bool,
    /// The faults of the dataset, those of its boxes among them.
    pub(super) faults: Faults,
    edges: BoxEdges,
    clipped: usize,
    /// Whether one of the faults is an invalid box.
    refused: bool,
}

impl BoxValidator {
    pub(super) fn new(lenient: bool) -> Self {
        Self {
            lenient,
            ..Self::default()
        }
    }

    /// The box, clipped to a photo of `size` where that is known. `None` for an invalid box, which
    /// is a fault at `place` unless the validator is lenient.
    pub(super) fn check(
        &mut self,
        bbox: BBox,
        size: Option<Size>,
        place: impl FnOnce() -> String,
    ) -> Option<BBox> {
        match clip(bbox, size) {
            Ok(clipped) => {
                if let Some(size) = size {
                    self.edges.count(bbox, size);
                }
                self.clipped += usize::from(clipped != bbox);
                Some(clipped)
            }
            Err(_) if self.lenient => {
                self.edges.left_out += 1;
                None
            }
            Err(fault) => {
                self.refused = true;
                self.faults.add(format!("{}: {fault}", place()));
                None
            }
        }
    }

    /// Notes for the user about boxes that were changed or left out, and what the edges looked
    /// like; an error if anything was a fault.
    pub(super) fn finish(self) -> Result<(Vec<String>, BoxEdges), DatasetError> {
        if let Err(error) = self.faults.into_result() {
            return Err(if self.refused {
                error.or_remedy(Remedy::LenientBoxes)
            } else {
                error
            });
        }
        let mut notes = Vec::new();
        if self.clipped > 0 {
            let count = self.clipped;
            notes.push(format!("{count} boxes were cut off at their photo's edge"));
        }
        if self.edges.left_out > 0 {
            let count = self.edges.left_out;
            notes.push(format!(
                "{count} boxes were left out: inverted, not finite, or outside their photo"
            ));
        }
        Ok((notes, self.edges))
    }
}

/// The box, clipped to the photo where its size is known, or why it is invalid.
fn clip(bbox: BBox, size: Option<Size>) -> Result<BBox, String> {
    let BBox {
        x_min,
        y_min,
        x_max,
        y_max,
    } = bbox;
    let shown = format!("box ({x_min}, {y_min}, {x_max}, {y_max})");
    if ![x_min, y_min, x_max, y_max].iter().all(|v| v.is_finite()) {
        return Err(format!("{shown} has an edge that is not a finite number"));
    }
    if x_min >= x_max {
        return Err(format!("{shown} is inverted (x_min >= x_max)"));
    }
    if y_min >= y_max {
        return Err(format!("{shown} is inverted (y_min >= y_max)"));
    }
    let Some(size) = size else {
        return Ok(bbox);
    };
    let (width, height) = (f64::from(size.width), f64::from(size.height));
    let clipped = BBox::new(
        x_min.clamp(0.0, width),
        y_min.clamp(0.0, height),
        x_max.clamp(0.0, width),
        y_max.clamp(0.0, height),
    );
    if clipped.area() == 0.0 {
        return Err(format!("{shown} is outside the photo of {size}"));
    }
    Ok(clipped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_checked_clipped_and_counted() {
        let mut validator = BoxValidator::new(true);
        let size = Some(Size::new(10, 8));
        let mut check =
            |x0, y0, x1, y1| validator.check(BBox::new(x0, y0, x1, y1), size, String::new);
        assert_eq!(check(0., 1., 10., 5.), Some(BBox::new(0., 1., 10., 5.)));
        assert_eq!(check(-1., 1., 11., 5.), Some(BBox::new(0., 1., 10., 5.)));
        assert_eq!(check(2., 1., 30., 5.), Some(BBox::new(2., 1., 10., 5.)));
        assert_eq!(check(5., 5., 5., 6.), None);
        assert_eq!(check(20., 0., 25., 5.), None);
        assert_eq!(check(0., f64::NAN, 1., 1.), None);
        let (notes, edges) = validator.finish().unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(
            notes,
            [
                "2 boxes were cut off at their photo's edge",
                "3 boxes were left out: inverted, not finite, or outside their photo",
            ]
        );
        let expected = BoxEdges {
            boxes: 3,
            at_start: 1,
            at_second: 3,
            before_start: 1,
            before_end: 0,
            at_end: 1,
            past_end: 1,
            far_outside: 1,
            left_out: 3,
        };
        assert_eq!(edges, expected);
    }

    #[test]
    fn a_strict_validator_names_the_place_and_the_remedy() {
        let mut validator = BoxValidator::new(false);
        let inverted = BBox::new(3., 0., 1., 1.);
        assert_eq!(validator.check(inverted, None, || "file:7".into()), None);
        let error = validator.finish().expect_err("a fault");
        assert_eq!(
            error.to_string(),
            "file:7: box (3, 0, 1, 1) is inverted (x_min >= x_max)"
        );
        assert_eq!(error.remedy, Some(Remedy::LenientBoxes));
    }
}
