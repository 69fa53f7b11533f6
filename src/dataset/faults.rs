//! Faults of a dataset's files: all are collected, each with its place, so that a user can mend
//! them in one go.

use std::path::Path;

use crate::geometry::{BBox, Size};
use crate::remedy::Remedy;

/// Why a dataset cannot be used: the faults found, up to twenty, each with file and line.
#[derive(Debug, thiserror::Error)]
#[error("{}", .faults.join("\n"))]
pub struct DatasetError {
    /// The faults, each a text in one or several lines.
    pub faults: Vec<String>,
    /// What the caller can change, where that helps.
    pub remedy: Option<Remedy>,
}

impl DatasetError {
    pub(crate) fn new(fault: impl Into<String>) -> Self {
        Self {
            faults: vec![fault.into()],
            remedy: None,
        }
    }

    /// The error of a file or folder as a whole.
    pub(crate) fn at(path: &Path, fault: impl std::fmt::Display) -> Self {
        Self::new(format!("{}: {fault}", path.display()))
    }

    /// The same error with `help` at its end, unless it has advice of its own.
    pub(crate) fn or_help(mut self, help: &str) -> Self {
        if self.remedy.is_none() && !self.faults.iter().any(|fault| fault.contains("help: ")) {
            self.faults.push(format!("help: {help}"));
        }
        self
    }

    /// The same error with a remedy, unless it has advice of its own.
    pub(crate) fn or_remedy(mut self, remedy: Remedy) -> Self {
        if !self.faults.iter().any(|fault| fault.contains("help: ")) {
            self.remedy.get_or_insert(remedy);
        }
        self
    }
}

/// How many faults are listed.
const FAULTS_LISTED: usize = 20;

/// Collects the faults of a file.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    listed: Vec<String>,
    more: usize,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: impl Into<String>) {
        if self.listed.len() < FAULTS_LISTED {
            self.listed.push(fault.into());
        } else {
            self.more += 1;
        }
    }

    /// The faults as an error that ends in `help`.
    pub(crate) fn into_result_with(self, help: &str) -> Result<(), DatasetError> {
        self.into_result().map_err(|mut error| {
            error.faults.push(format!("help: {help}"));
            error
        })
    }

    pub(crate) fn into_result(mut self) -> Result<(), DatasetError> {
        if self.more > 0 {
            self.listed.push(format!("... and {} more", self.more));
        }
        if self.listed.is_empty() {
            Ok(())
        } else {
            Err(DatasetError {
                faults: self.listed,
                remedy: None,
            })
        }
    }
}

/// Where the boxes of a dataset lie in their photos, before anything is cut off: what tells a wrong
/// box base.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BoxEdges {
    /// Boxes that are in their photo, at least partly, and whose photo's size is known.
    pub boxes: usize,
    /// Boxes that begin at the first column or row.
    pub at_start: usize,
    /// Boxes that begin at the second.
    pub at_second: usize,
    /// Boxes that begin one pixel before the first.
    pub before_start: usize,
    /// Boxes that end one pixel before the last column or row.
    pub before_end: usize,
    /// Boxes that end at the last column or row.
    pub at_end: usize,
    /// Boxes that end one pixel behind it.
    pub behind_end: usize,
    /// Boxes that leave the photo by more than a pixel.
    pub far_outside: usize,
    /// Boxes that were left out: inside out, not of numbers, or wholly outside.
    pub left_out: usize,
}

/// The gate through which every true box of every reader goes: it checks the box, cuts it off at
/// its photo's edge, and keeps count.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// A box that cannot be is left out, with a note, in place of a fault.
    pub(super) lenient: bool,
    pub(super) faults: Faults,
    pub(super) edges: BoxEdges,
    cut_off: usize,
    /// Whether a fault is a box's.
    refused: bool,
}

impl Gate {
    pub(super) fn new(lenient: bool) -> Self {
        Self {
            lenient,
            ..Self::default()
        }
    }

    /// The box, cut off at the edges of a photo of `size` where that is known; `None`, and a fault,
    /// where the box is inside out, not of numbers, or wholly outside.
    pub(super) fn pass(
        &mut self,
        bbox: BBox,
        size: Option<Size>,
        place: impl FnOnce() -> String,
    ) -> Option<BBox> {
        match checked(bbox, size) {
            Ok((inside, cut)) => {
                if let Some(size) = size {
                    self.edges.count(bbox, size);
                }
                self.cut_off += usize::from(cut);
                Some(inside)
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

    /// What was mended on the way, for the user to know; an error where anything could not be.
    pub(super) fn close(self) -> Result<(Vec<String>, BoxEdges), DatasetError> {
        let refused = self.refused;
        self.faults.into_result().map_err(|error| {
            if refused { error.or_remedy(Remedy::LenientBoxes) } else { error }
        })?;
        let mut notes = Vec::new();
        if self.cut_off > 0 {
            notes.push(format!(
                "{} boxes were cut off at their photo's edge",
                self.cut_off
            ));
        }
        if self.edges.left_out > 0 {
            notes.push(format!(
                "{} boxes were left out: inside out, or outside their photo",
                self.edges.left_out
            ));
        }
        Ok((notes, self.edges))
    }
}

impl BoxEdges {
    fn count(&mut self, bbox: BBox, Size { width, height }: Size) {
        let sides = [
            (bbox.x_min, bbox.x_max, f64::from(width)),
            (bbox.y_min, bbox.y_max, f64::from(height)),
        ];
        let any =
            |is: &dyn Fn((f64, f64, f64)) -> bool| usize::from(sides.iter().any(|&side| is(side)));
        self.boxes += 1;
        self.at_start += any(&|(min, _, _)| min == 0.0);
        self.at_second += any(&|(min, _, _)| min == 1.0);
        self.before_start += any(&|(min, _, _)| min == -1.0);
        self.before_end += any(&|(_, max, end)| max == end - 1.0);
        self.at_end += any(&|(_, max, end)| max == end);
        self.behind_end += any(&|(_, max, end)| max == end + 1.0);
        self.far_outside += any(&|(min, max, end)| min < -1.0 || max > end + 1.0);
    }
}

/// A box as annotated, cut off at the photo's edges, and whether anything had to be cut off.
fn checked(bbox: BBox, size: Option<Size>) -> Result<(BBox, bool), String> {
    let BBox {
        x_min,
        y_min,
        x_max,
        y_max,
    } = bbox;
    let shown = format!("box ({x_min}, {y_min}, {x_max}, {y_max})");
    if ![x_min, y_min, x_max, y_max].iter().all(|v| v.is_finite()) {
        return Err(format!("{shown} is not of numbers"));
    }
    if x_min >= x_max || y_min >= y_max {
        return Err(format!("{shown} is inside out"));
    }
    let Some(size) = size else {
        return Ok((bbox, false));
    };
    let (w, h) = (f64::from(size.width), f64::from(size.height));
    let cut = BBox::new(
        x_min.clamp(0.0, w),
        y_min.clamp(0.0, h),
        x_max.clamp(0.0, w),
        y_max.clamp(0.0, h),
    );
    if cut.area() == 0.0 {
        return Err(format!(
            "{shown} lies outside the photo of {size}"
        ));
    }
    Ok((cut, cut != bbox))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gate_checks_cuts_and_counts() {
        let mut gate = Gate::new(true);
        let size = Some([10, 8]);
        let mut pass = |x0, y0, x1, y1| gate.pass(BBox::new(x0, y0, x1, y1), size, String::new);
        assert_eq!(pass(0., 1., 10., 5.), Some(BBox::new(0., 1., 10., 5.)));
        assert_eq!(pass(-1., 1., 11., 5.), Some(BBox::new(0., 1., 10., 5.)));
        assert_eq!(pass(2., 1., 30., 5.), Some(BBox::new(2., 1., 10., 5.)));
        assert_eq!(
            (
                pass(5., 5., 5., 6.),
                pass(20., 0., 25., 5.),
                pass(0., f64::NAN, 1., 1.)
            ),
            (None, None, None)
        );
        let (notes, edges) = gate.close().unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(notes.len(), 2);
        let expected = BoxEdges {
            boxes: 3,
            at_start: 1,
            at_second: 3,
            before_start: 1,
            before_end: 0,
            at_end: 1,
            behind_end: 1,
            far_outside: 1,
            left_out: 3,
        };
        assert_eq!(edges, expected);
    }

    #[test]
    fn a_strict_gate_names_the_place() {
        let mut gate = Gate::new(false);
        assert_eq!(
            gate.pass(BBox::new(3., 0., 1., 1.), None, || "file:7".into()),
            None
        );
        assert_eq!(
            gate.close().expect_err("a fault").to_string(),
            "file:7: box (3, 0, 1, 1) is inside out\nhelp: --lenient-boxes leaves out boxes that cannot be"
        );
    }
}
