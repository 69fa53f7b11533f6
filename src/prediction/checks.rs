//! What the guesses of a file show together: boxes that are not in pixels, labels that are not
//! classes.

use std::path::Path;

use super::labels::LabelCheck;
use crate::dataset::{Dataset, DatasetError, Faults, StatedBoxes, Suspicion};
use crate::geometry::BBox;
use crate::score::Label;

/// The share of predicted boxes that may reach out of their photos: detectors do not clip theirs.
const MAX_OUTSIDE: f64 = 0.3;

/// All guesses of a file, while it is read.
pub(super) struct Checks<'a> {
    dataset: &'a Dataset,
    labels: LabelCheck<'a>,
    boxes: StatedBoxes,
    inverted: usize,
    empty: usize,
}

impl<'a> Checks<'a> {
    pub(super) fn new(dataset: &'a Dataset) -> Self {
        Self {
            dataset,
            labels: LabelCheck::new(dataset),
            boxes: StatedBoxes::default(),
            inverted: 0,
            empty: 0,
        }
    }

    /// Adds a label of the photo at this index: as it is written, and as it was read.
    pub(super) fn add_label(&mut self, photo: usize, written: &str, read: Label) {
        self.labels.add(photo, written, read);
    }

    /// Adds a box of the photo at this index.
    ///
    /// # Errors
    /// A text if the box is inverted.
    pub(super) fn add_box(&mut self, photo: usize, bbox: BBox) -> Result<(), String> {
        self.boxes.add(bbox, self.dataset.photos[photo].size);
        let BBox {
            x_min,
            y_min,
            x_max,
            y_max,
        } = bbox;
        self.empty += usize::from(x_min == x_max || y_min == y_max);
        if x_min <= x_max && y_min <= y_max {
            return Ok(());
        }
        self.inverted += 1;
        let side = if x_min > x_max {
            "x_min > x_max"
        } else {
            "y_min > y_max"
        };
        Err(format!(
            "box ({x_min}, {y_min}, {x_max}, {y_max}) is inverted ({side})"
        ))
    }

    /// What is suspicious about the guesses of the file at `path`. `labels` says what its labels
    /// are read as.
    ///
    /// # Errors
    /// The faults of the file, if there are any, or that its boxes are normalised.
    pub(super) fn finish(
        self,
        path: &Path,
        faults: Faults,
        labels: &str,
    ) -> Result<Vec<Suspicion>, DatasetError> {
        self.boxes.ensure_pixels(path)?;
        let inversion = self.boxes.advice_on_inversion();
        faults.into_result().map_err(|error| match inversion {
            Some(advice) if self.inverted > 0 => error.or_advice(advice),
            _ => error,
        })?;
        Ok(self.suspicions(labels))
    }

    /// What is suspicious about the guesses. `labels` says what their labels are read as.
    pub(super) fn suspicions(&self, labels: &str) -> Vec<Suspicion> {
        let inversion = self.boxes.advice_on_inversion();
        let mut found = Vec::from_iter(self.boxes.suspicion());
        found.extend(self.boxes.suspicions_of_edges(MAX_OUTSIDE));
        found.extend(self.labels.suspicions(labels));
        if self.inverted > 0 {
            let what = format!("{} boxes are inverted, and never correct", self.inverted);
            found.push(Suspicion::new(what, inversion.unwrap_or(CORNERS)));
        }
        if self.empty > 0 {
            let what = format!("{} boxes are empty, and never correct", self.empty);
            found.push(Suspicion::new(what, CORNERS));
        }
        found
    }
}

const CORNERS: &str = "boxes are corners: x_min, y_min, x_max, y_max, in this order, not width and \
                       height";
