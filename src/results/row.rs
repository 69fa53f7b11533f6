//! A row of `boxes.csv`: what a run says of one photo and one class.

use serde::{Deserialize, Serialize};

use crate::geometry::BBox;
use crate::score::{Guess, Label};
use crate::segment::Flag;

/// Whether the pipeline could be run on a photo.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RowStatus {
    /// It could.
    Ok,
    /// It could not; `message` says why.
    Error,
}

/// A row of `boxes.csv`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Row {
    /// The photo.
    pub image_id: String,
    /// The class that the box is for, in the classifier's order.
    pub class_index: Option<usize>,
    /// The rank of the class by probability, from 1.
    pub rank: Option<usize>,
    /// The probability of the class, in 0..=1, with six digits.
    pub probability: Option<String>,
    /// Whether it is the photo's true class.
    pub true_class: Option<bool>,
    /// The box: pixels of the photo, 0-based, max exclusive.
    pub x_min: Option<f64>,
    /// See `x_min`.
    pub y_min: Option<f64>,
    /// See `x_min`.
    pub x_max: Option<f64>,
    /// See `x_min`.
    pub y_max: Option<f64>,
    /// The best IoU with a true box, for the true class, with six digits; empty where the photo has
    /// no true box.
    pub iou: Option<String>,
    /// The degenerate case to which the box is the defined answer, if any.
    pub flag: Option<Flag>,
    /// Whether the pipeline could be run on the photo.
    pub status: RowStatus,
    /// Why it could not.
    pub message: Option<String>,
}

impl Row {
    /// The row of a photo that failed.
    pub(crate) fn failed(id: &str, class: Option<usize>, message: &str) -> Self {
        Self {
            image_id: id.into(),
            class_index: class,
            rank: None,
            probability: None,
            true_class: class.map(|_| true),
            x_min: None,
            y_min: None,
            x_max: None,
            y_max: None,
            iou: None,
            flag: None,
            status: RowStatus::Error,
            message: Some(message.into()),
        }
    }

    pub(crate) fn with_box(mut self, bbox: BBox) -> Self {
        let BBox {
            x_min,
            y_min,
            x_max,
            y_max,
        } = bbox;
        [self.x_min, self.y_min, self.x_max, self.y_max] =
            [Some(x_min), Some(y_min), Some(x_max), Some(y_max)];
        self
    }

    /// The row as a guess; `None` for the row of a photo that failed.
    pub(crate) fn guess(&self) -> Option<Guess> {
        let [x_min, y_min, x_max, y_max] = [self.x_min?, self.y_min?, self.x_max?, self.y_max?];
        Some(Guess {
            label: Label::Class(self.class_index?),
            rank: self.rank.and_then(|rank| rank.checked_sub(1)),
            bbox: Some(BBox::new(x_min, y_min, x_max, y_max)),
            confidence: self.probability.as_ref().and_then(|text| text.parse().ok()),
        })
    }
}
