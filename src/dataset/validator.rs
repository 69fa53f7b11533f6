//! The check that every true box passes, whichever layout it comes from.

use super::box_edges::BoxEdges;
use super::error::{DatasetError, Faults};
use super::stated_boxes::StatedBoxes;
use crate::geometry::{BBox, Size};
use crate::remedy::Remedy;

/// Checks the true boxes of a dataset, clips each to its photo, and keeps count of what it did.
#[derive(Debug, Default)]
pub(super) struct BoxValidator {
    /// Whether an invalid box is left out, with a note, instead of being a fault.
    pub(super) lenient: bool,
    /// The faults of the dataset, those of its boxes among them.
    pub(super) faults: Faults,
    /// All boxes, which together show why some are invalid.
    stated: StatedBoxes,
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
        self.stated.add(bbox, size);
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
                self.reject(format!("{}: {fault}", place()));
                None
            }
        }
    }

    /// Counts an object without a valid box: it is a fault unless the validator is lenient.
    pub(super) fn reject(&mut self, fault: String) {
        if self.lenient {
            self.edges.left_out += 1;
        } else {
            self.refused = true;
            self.faults.add(fault);
        }
    }

    /// Notes for the user about boxes that were changed or left out, and what the edges looked
    /// like; an error if anything was a fault.
    pub(super) fn finish(self) -> Result<(Vec<String>, BoxEdges), DatasetError> {
        if let Err(error) = self.faults.into_result() {
            return Err(match self.stated.advice_on_inversion() {
                Some(advice) if self.refused => error.or_advice(advice),
                None if self.refused => error.or_remedy(Remedy::LenientBoxes),
                _ => error,
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
                "{count} boxes were left out: missing, inverted, not finite, or outside their photo"
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
                "3 boxes were left out: missing, inverted, not finite, or outside their photo",
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

    /// Where most boxes are inverted, it is no help to leave them out.
    #[test]
    fn many_inverted_boxes_are_answered_with_their_cause() {
        let size = Some(Size::new(600, 400));
        let cases = [
            ([384., 300., 0., 0.], "corners are swapped"),
            ([300., 100., 200., 150.], "x, y, width, height"),
            ([0.6, 0.5, 0.2, 0.3], "normalised"),
        ];
        for ([x_min, y_min, x_max, y_max], expected) in cases {
            let mut validator = BoxValidator::new(false);
            for line in 2..5 {
                let bbox = BBox::new(x_min, y_min, x_max, y_max);
                validator.check(bbox, size, || format!("file:{line}"));
            }
            let error = validator.finish().expect_err("inverted boxes");
            assert_eq!(error.faults.len(), 3, "{error}");
            let advised = |advice: &str| advice.contains(expected);
            assert!(
                matches!(&error.remedy, Some(Remedy::Advice(advice)) if advised(advice)),
                "{expected}: {:?}",
                error.remedy
            );
        }
    }
}
