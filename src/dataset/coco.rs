//! COCO instances: one JSON of photos, categories, boxes and segmentations.
//!
//! Boxes are `x, y, width, height` with continuous edges from the top-left corner on, which is the
//! inner convention. A photo stands once for each category that has an object in it, called
//! `IMAGE_ID/CATEGORY_ID`; a crowd (`iscrowd`) is no object, and its pixels are left out of masks.
//! Category ids have gaps: classes are in their order.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::faults::Gate;
use super::run_lengths::Runs;
use super::{Dataset, DatasetError, Mask, Photo, Profile};
use crate::classes::ClassList;
use crate::geometry::{BBox, Size};

#[derive(Deserialize)]
struct CocoFile {
    images: Vec<Image>,
    annotations: Vec<CocoAnnotation>,
    categories: Vec<Category>,
}

#[derive(Deserialize)]
struct Image {
    id: u64,
    width: u32,
    height: u32,
    file_name: String,
}

#[derive(Deserialize)]
struct CocoAnnotation {
    image_id: u64,
    category_id: u64,
    bbox: [f64; 4],
    segmentation: Option<Segmentation>,
    #[serde(default)]
    iscrowd: u8,
}

#[derive(Deserialize)]
struct Category {
    id: u64,
    name: String,
}

/// An object's pixels as the file has them.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(untagged)]
pub enum Segmentation {
    /// Polygons x₀, y₀, x₁, y₁, ... which are joined; pixels of the photo, continuous.
    Polygons(Vec<Vec<f64>>),
    /// Lengths of runs.
    Counts {
        /// In pixels, down one column after the other; background and object by turns, background
        /// first.
        counts: Vec<u32>,
    },
    /// Lengths of runs, compressed.
    Text {
        /// In COCO's letters.
        counts: String,
    },
}

impl Segmentation {
    /// The runs of a photo of `size`.
    pub(super) fn runs(&self, size: Size) -> Result<Vec<Runs>, String> {
        match self {
            // A polygon of two points encloses nothing.
            Self::Polygons(polygons) => polygons
                .iter()
                .filter(|points| points.len() > 4)
                .map(|points| Runs::polygon(points, size))
                .collect(),
            Self::Counts { counts } => Ok(vec![Runs::from_counts(counts, size)?]),
            Self::Text { counts } => Ok(vec![Runs::from_text(counts, size)?]),
        }
    }
}

/// A category's objects in a photo.
#[derive(Default)]
struct Objects {
    boxes: Vec<BBox>,
    /// One a box, where it has one.
    masks: Vec<Option<Segmentation>>,
    crowds: Vec<Segmentation>,
}

impl Objects {
    /// Adds an annotation of `image`.
    fn add(
        &mut self,
        annotation: CocoAnnotation,
        image: &Image,
        gate: &mut Gate,
        place: impl FnOnce() -> String,
    ) {
        // Data without segmentations often have empty ones.
        let segmentation = annotation
            .segmentation
            .filter(|found| *found != Segmentation::Polygons(vec![]));
        let [x, y, w, h] = annotation.bbox;
        if annotation.iscrowd == 1 {
            self.crowds.extend(segmentation);
        } else if let Some(bbox) = gate.pass(
            BBox::new(x, y, x + w, y + h),
            Some(Size::new(image.width, image.height)),
            place,
        ) {
            self.boxes.push(bbox);
            self.masks.push(segmentation);
        }
    }

    /// The photo of these objects, which lies in the folder `images`.
    fn photo(self, image: &Image, images: &Path) -> Photo {
        let size = Size::new(image.width, image.height);
        // A mask stands for all objects, or for none.
        let masks: Option<Vec<Segmentation>> = self.masks.into_iter().collect();
        Photo {
            path: images.join(&image.file_name),
            size: Some(size),
            boxes: self.boxes,
            mask: masks.map(|objects| Mask::Coco {
                size,
                objects,
                ignore: self.crowds,
            }),
            ..Photo::default()
        }
    }
}

/// Reads the annotations in `file`; photos lie in `images`.
pub(super) fn read(file: &Path, images: &Path, lenient: bool) -> Result<Dataset, DatasetError> {
    let bytes = std::fs::read(file).map_err(|e| DatasetError::at(file, e))?;
    let mut instances: CocoFile = serde_json::from_slice(&bytes).map_err(|e| DatasetError::at(file, e))?;
    instances.categories.sort_by_key(|category| category.id);
    let categories = instances
        .categories
        .iter()
        .map(|category| (category.id.to_string(), category.name.clone()));
    let classes = ClassList::new("coco", categories).map_err(|e| DatasetError::at(file, e))?;
    let by_id: BTreeMap<u64, &Image> = instances
        .images
        .iter()
        .map(|image| (image.id, image))
        .collect();
    let mut gate = Gate::new(lenient);
    if by_id.len() < instances.images.len() {
        gate.faults
            .add(format!("{}: an image id stands twice", file.display()));
    }
    let mut found: BTreeMap<(u64, u64), Objects> = BTreeMap::new();
    for (i, annotation) in instances.annotations.into_iter().enumerate() {
        let CocoAnnotation {
            image_id,
            category_id,
            ..
        } = annotation;
        let place = || format!("{}: annotation {i} (image {image_id})", file.display());
        match (
            by_id.get(&image_id),
            classes.class(&category_id.to_string()),
        ) {
            (Some(image), Some(_)) => {
                found
                    .entry((image_id, category_id))
                    .or_default()
                    .add(annotation, image, &mut gate, place);
            }
            _ => gate.faults.add(format!(
                "{}: there is no such image, or no category {category_id}",
                place()
            )),
        }
    }
    let mut categories_in: BTreeMap<u64, usize> = BTreeMap::new();
    found
        .keys()
        .for_each(|(image, _)| *categories_in.entry(*image).or_default() += 1);
    let photos = found
        .into_iter()
        .filter(|(_, objects)| !objects.boxes.is_empty());
    let photos = photos.map(|((image_id, category_id), objects)| Photo {
        id: format!("{image_id}/{category_id}"),
        class: classes.class(&category_id.to_string()),
        distractors: categories_in[&image_id] > 1,
        ..objects.photo(by_id[&image_id], images)
    });
    let photos = photos.collect();
    let (notes, edges) = gate.close()?;
    Ok(Dataset {
        profile: Profile::Coco,
        classes,
        photos,
        notes,
        edges,
        ..Dataset::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Result<Dataset, DatasetError> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("instances.json");
        std::fs::write(&file, text).expect("a file");
        read(&file, Path::new("val2017"), false)
    }

    const GOOD: &str = r#"{"info": {}, "licenses": [], "images": [
        {"id": 139, "width": 4, "height": 3, "file_name": "000000000139.jpg", "license": 2},
        {"id": 9, "width": 4, "height": 3, "file_name": "000000000009.jpg"}],
      "categories": [{"id": 90, "name": "toothbrush"}, {"id": 1, "name": "person", "supercategory": "person"}],
      "annotations": [
        {"id": 1, "image_id": 139, "category_id": 1, "bbox": [0.5, 1, 2.25, 2], "iscrowd": 0, "area": 3,
         "segmentation": [[0, 0, 2, 0, 2, 3, 0, 3]]},
        {"id": 2, "image_id": 139, "category_id": 1, "bbox": [0, 0, 4, 3], "iscrowd": 1,
         "segmentation": {"size": [3, 4], "counts": [6, 3, 3]}},
        {"id": 3, "image_id": 139, "category_id": 90, "bbox": [3, 0, 1, 1], "iscrowd": 0, "segmentation": []},
        {"id": 4, "image_id": 9, "category_id": 90, "bbox": [3, 0, 1, 1], "iscrowd": 1}]}"#;

    /// Ids in no order and with gaps, a crowd, an object without a mask, a photo with nothing but a
    /// crowd.
    #[test]
    fn odd_instances_are_read() {
        let dataset = with(GOOD).unwrap_or_else(|e| panic!("{e}"));
        let [person, brush] = &dataset.photos[..] else {
            panic!("two: {:?}", dataset.photos)
        };
        assert_eq!(
            (person.id.as_str(), person.class, person.distractors),
            ("139/1", Some(0), true)
        );
        assert_eq!(
            (brush.id.as_str(), brush.class, brush.mask.is_none()),
            ("139/90", Some(1), true)
        );
        assert_eq!(person.boxes, [BBox::new(0.5, 1.0, 2.75, 3.0)]);
        assert_eq!(dataset.classes.title(1), "toothbrush");
        let mask = person
            .mask
            .as_ref()
            .expect("a mask")
            .read([4, 3])
            .expect("it is painted");
        assert_eq!(mask.object.row(1).to_vec(), [true, true, false, false]);
        assert_eq!(mask.ignore.row(1).to_vec(), [false, false, true, false]);
    }

    #[test]
    fn faults_are_named() {
        for (from, to, expected) in [
            (
                "\"image_id\": 9",
                "\"image_id\": 8",
                "annotation 3 (image 8): there is no such image",
            ),
            (
                "\"category_id\": 90, \"bbox\": [3, 0, 1",
                "\"category_id\": 89, \"bbox\": [3, 0, 1",
                "no category 89",
            ),
            (
                "2.25",
                "-2.25",
                "annotation 0 (image 139): box (0.5, 1, -1.75, 3) is inside out",
            ),
            ("\"id\": 9,", "\"id\": 139,", "an image id stands twice"),
            ("\"id\": 90,", "\"id\": 1,", "as class 0 is"),
            ("2.25", "\"x\"", "line 6 column"),
        ] {
            let error = with(&GOOD.replacen(from, to, 1))
                .expect_err(expected)
                .to_string();
            assert!(error.contains(expected), "{expected}:\n{error}");
        }
        let dataset =
            with(&GOOD.replace("[6, 3, 3]", "[6, 3, 4]")).unwrap_or_else(|e| panic!("{e}"));
        assert!(
            dataset.photos[0]
                .mask
                .as_ref()
                .expect("a mask")
                .read([4, 3])
                .is_err()
        );
    }
}
