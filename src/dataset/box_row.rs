//! A row of the plain table of boxes.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::columns::{CLASS, Column, EDGES, SIZE};
use super::photo::Photo;
use super::truth::Dataset;
use crate::classes::ClassList;
use crate::geometry::{BBox, Size};
use crate::path_text;

/// The columns of the table.
pub(super) const BOX_COLUMNS: [Column; 12] = [
    Column::optional("image_id", &["image", "imagename", "photo"]),
    Column::optional(
        "file",
        &["filename", "filepath", "imagepath", "imagefile", "path"],
    ),
    SIZE[0],
    SIZE[1],
    Column::optional("wnid", &["synset", "wordnetid"]),
    CLASS,
    EDGES[0],
    EDGES[1],
    EDGES[2],
    EDGES[3],
    Column::optional("blacklisted", &[]),
    Column::optional("weight", &[]).of_numbers(),
];

/// A row of the table.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct BoxTableRow {
    #[serde(default)]
    pub(super) image_id: String,
    #[serde(default)]
    pub(super) file: String,
    pub(super) width: Option<u32>,
    pub(super) height: Option<u32>,
    #[serde(default)]
    pub(super) wnid: String,
    #[serde(default)]
    pub(super) class_index: String,
    x_min: Option<f64>,
    y_min: Option<f64>,
    x_max: Option<f64>,
    y_max: Option<f64>,
    #[serde(default)]
    pub(super) blacklisted: Option<bool>,
    #[serde(default)]
    pub(super) weight: Option<f64>,
}

impl BoxTableRow {
    /// The row of a photo, with one of its boxes if it has any.
    pub(super) fn new(dataset: &Dataset, photo: &Photo, bbox: Option<&BBox>) -> Self {
        let wnid = photo.class.map(|class| dataset.classes.key(class));
        Self {
            image_id: photo.id.clone(),
            file: path_text::encode(&photo.path),
            width: photo.size.map(|size| size.width),
            height: photo.size.map(|size| size.height),
            wnid: wnid.unwrap_or_default().to_owned(),
            class_index: photo.class.map_or("-1".into(), |class| class.to_string()),
            x_min: bbox.map(|b| b.x_min),
            y_min: bbox.map(|b| b.y_min),
            x_max: bbox.map(|b| b.x_max),
            y_max: bbox.map(|b| b.y_max),
            blacklisted: Some(photo.blacklisted),
            weight: dataset.weighted.then_some(photo.weight),
        }
    }

    pub(super) fn size(&self) -> Option<Size> {
        Some(Size::new(self.width?, self.height?))
    }

    /// The box as the file states it; a missing edge is NaN. `None` where all edges are missing.
    pub(super) fn bbox(&self) -> Option<BBox> {
        let edges = [self.x_min, self.y_min, self.x_max, self.y_max];
        if edges.iter().all(Option::is_none) {
            return None;
        }
        let [x_min, y_min, x_max, y_max] = edges.map(|edge| edge.unwrap_or(f64::NAN));
        Some(BBox::new(x_min, y_min, x_max, y_max))
    }

    /// The row with what other programs leave out: the photo's name or its file, and the class under
    /// `wnid` where `class_index` is not a number.
    pub(super) fn completed(mut self) -> Self {
        if self.image_id.is_empty() {
            let file = Path::new(&self.file).with_extension("");
            self.image_id = file.display().to_string();
        }
        if self.file.is_empty() {
            self.file.clone_from(&self.image_id);
        }
        if self.wnid.is_empty() && self.index().is_none() {
            self.wnid = std::mem::take(&mut self.class_index);
        }
        self
    }

    pub(super) fn names_class(&self) -> bool {
        !self.wnid.is_empty() || !self.class_index.is_empty()
    }

    /// `class_index`, where it is a number, as `3` or `3.0`.
    pub(super) fn index(&self) -> Option<i64> {
        let text = self.class_index.strip_suffix(".0");
        text.unwrap_or(&self.class_index).parse().ok()
    }

    /// The class, which must agree with the class list.
    pub(super) fn class(&self, classes: &ClassList) -> Result<Option<usize>, String> {
        let wnid = &self.wnid;
        let Some(index) = self.index() else {
            if !self.class_index.is_empty() {
                return Err(format!("class_index {} is not a number", self.class_index));
            }
            if wnid.is_empty() {
                return Ok(None);
            }
            let class = classes
                .class(wnid)
                .or_else(|| classes.class_with_name(wnid));
            let fault = || format!("class {wnid} is not in the list {}", classes.name);
            return class.map(Some).ok_or_else(fault);
        };
        if index == -1 {
            return Ok(None);
        }
        let class = usize::try_from(index).ok();
        let Some(class) = class.filter(|class| *class < classes.len()) else {
            let count = classes.len();
            return Err(format!("class_index {index} is not in -1..{count}"));
        };
        let key = classes.key(class);
        if wnid.is_empty() || key == wnid {
            Ok(Some(class))
        } else {
            Err(format!("class {index} is {key}, not {wnid}"))
        }
    }
}
