//! COCO instances: one JSON of photos, categories, boxes and segmentations.
//!
//! Boxes are `x, y, width, height` with continuous edges, measured from the top-left corner, which
//! is the convention of this program. A photo appears once for each category that has an object in
//! it, under the name `IMAGE_ID/CATEGORY_ID`. A crowd (`iscrowd`) is not an object, and its pixels
//! are left out of masks. Category ids have gaps; classes are in the order of the ids.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::error::DatasetError;
use super::mask::Mask;
use super::photo::Photo;
use super::profile::Profile;
use super::segmentation::Segmentation;
use super::truth::Dataset;
use super::validator::BoxValidator;
use crate::classes::ClassList;
use crate::geometry::{BBox, Size};

#[derive(Deserialize)]
struct CocoFile {
    images: Vec<CocoImage>,
    annotations: Vec<CocoAnnotation>,
    categories: Vec<CocoCategory>,
}

#[derive(Deserialize)]
struct CocoImage {
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
struct CocoCategory {
    id: u64,
    name: String,
}

/// A category's objects in a photo.
#[derive(Default)]
struct CocoObjects {
    boxes: Vec<BBox>,
    /// One per box; `None` for a box without a segmentation.
    masks: Vec<Option<Segmentation>>,
    crowds: Vec<Segmentation>,
}

impl CocoObjects {
    /// Adds an annotation of a photo of `size`.
    fn add(
        &mut self,
        annotation: CocoAnnotation,
        size: Size,
        validator: &mut BoxValidator,
        place: impl FnOnce() -> String,
    ) {
        // Data without segmentations often have empty ones.
        let segmentation = annotation
            .segmentation
            .filter(|found| *found != Segmentation::Polygons(vec![]));
        if annotation.iscrowd == 1 {
            self.crowds.extend(segmentation);
            return;
        }
        let [x, y, width, height] = annotation.bbox;
        let bbox = BBox::new(x, y, x + width, y + height);
        if let Some(bbox) = validator.check(bbox, Some(size), place) {
            self.boxes.push(bbox);
            self.masks.push(segmentation);
        }
    }

    /// The photo of these objects, whose file is in the folder `images`.
    fn into_photo(self, image: &CocoImage, images: &Path) -> Photo {
        let size = Size::new(image.width, image.height);
        // A mask is that of all objects, so one object without a segmentation leaves no mask.
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

/// Objects by image id and category id.
type CocoObjectsById = BTreeMap<(u64, u64), CocoObjects>;

/// Reads the annotations in `file`; photos are in `images`.
pub(super) fn read(file: &Path, images: &Path, lenient: bool) -> Result<Dataset, DatasetError> {
    let bytes = std::fs::read(file).map_err(|e| DatasetError::at(file, e))?;
    let mut instances: CocoFile =
        serde_json::from_slice(&bytes).map_err(|e| DatasetError::at(file, e))?;
    instances.categories.sort_by_key(|category| category.id);
    let categories = instances.categories.iter();
    let categories = categories.map(|category| (category.id.to_string(), category.name.clone()));
    let classes = ClassList::new("coco", categories).map_err(|e| DatasetError::at(file, e))?;
    let image_by_id: BTreeMap<u64, &CocoImage> = instances
        .images
        .iter()
        .map(|image| (image.id, image))
        .collect();

    let mut validator = BoxValidator::new(lenient);
    if image_by_id.len() < instances.images.len() {
        let fault = format!("{}: an image id occurs twice", file.display());
        validator.faults.add(fault);
    }
    let mut objects_by_id = CocoObjectsById::new();
    for (i, annotation) in instances.annotations.into_iter().enumerate() {
        let (image_id, category_id) = (annotation.image_id, annotation.category_id);
        let place = || format!("{}: annotation {i} (image {image_id})", file.display());
        let is_category = classes.class(&category_id.to_string()).is_some();
        let Some(image) = image_by_id.get(&image_id).filter(|_| is_category) else {
            validator.faults.add(format!(
                "{}: there is no such image, or no category {category_id}",
                place()
            ));
            continue;
        };
        let size = Size::new(image.width, image.height);
        let objects = objects_by_id.entry((image_id, category_id)).or_default();
        objects.add(annotation, size, &mut validator, place);
    }
    let photos = photos(objects_by_id, &image_by_id, &classes, images);
    let (notes, edges) = validator.finish()?;
    Ok(Dataset {
        profile: Profile::Coco,
        classes,
        photos,
        notes,
        edges,
        ..Dataset::default()
    })
}

/// A photo for each image and category with a box.
fn photos(
    objects_by_id: CocoObjectsById,
    image_by_id: &BTreeMap<u64, &CocoImage>,
    classes: &ClassList,
    images: &Path,
) -> Vec<Photo> {
    let mut categories_in: BTreeMap<u64, usize> = BTreeMap::new();
    for (image_id, _) in objects_by_id.keys() {
        *categories_in.entry(*image_id).or_default() += 1;
    }
    let mut photos = Vec::new();
    for ((image_id, category_id), objects) in objects_by_id {
        if objects.boxes.is_empty() {
            continue;
        }
        photos.push(Photo {
            id: format!("{image_id}/{category_id}"),
            class: classes.class(&category_id.to_string()),
            distractors: categories_in[&image_id] > 1,
            ..objects.into_photo(image_by_id[&image_id], images)
        });
    }
    photos
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Dataset, DatasetError> {
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

    /// Ids that are unsorted and have gaps, a crowd, an object without a mask, a photo with nothing
    /// but a crowd.
    #[test]
    fn odd_instances_are_read() {
        let dataset = read_text(GOOD).unwrap_or_else(|e| panic!("{e}"));
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
            .read(Size::new(4, 3))
            .expect("it is painted");
        assert_eq!(mask.object.row(1).to_vec(), [true, true, false, false]);
        assert_eq!(mask.ignore.row(1).to_vec(), [false, false, true, false]);
    }

    #[test]
    fn faults_name_their_place() {
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
                "annotation 0 (image 139): box (0.5, 1, -1.75, 3) is inverted (x_min >= x_max)",
            ),
            ("\"id\": 9,", "\"id\": 139,", "an image id occurs twice"),
            (
                "\"id\": 90,",
                "\"id\": 1,",
                "class 1 has the key 1, and so has class 0",
            ),
            ("2.25", "\"x\"", "line 6 column"),
        ] {
            let error = read_text(&GOOD.replacen(from, to, 1))
                .expect_err(expected)
                .to_string();
            assert!(error.contains(expected), "{expected}:\n{error}");
        }
        let dataset =
            read_text(&GOOD.replace("[6, 3, 3]", "[6, 3, 4]")).unwrap_or_else(|e| panic!("{e}"));
        assert!(
            dataset.photos[0]
                .mask
                .as_ref()
                .expect("a mask")
                .read(Size::new(4, 3))
                .is_err()
        );
    }
}
