//! COCO instances: one JSON of photos, categories, boxes and segmentations.
//!
//! Boxes are `x, y, width, height` with continuous edges, measured from the top-left corner, which
//! is the convention of this program. A photo appears once for each category that has an object in
//! it, under the name `IMAGE_ID/CATEGORY_ID`. A crowd (`iscrowd`) is not an object, and its pixels
//! are left out of masks. Category ids have gaps; classes are in the order of the ids.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::coco_image::CocoImage;
use super::coco_json::{CocoId, CocoLists, quote_non_finite};
use super::coco_reader::{CocoObjects, CocoObjectsById, CocoReader};
use super::encoding;
use super::error::DatasetError;
use super::mask::Mask;
use super::photo::Photo;
use super::profile::Profile;
use super::segmentation::Segmentation;
use super::truth::Dataset;
use super::validator::BoxValidator;
use crate::classes::ClassList;
use crate::storage;

/// Reads the annotations in `file`; photos are in the first of `folders` that has them.
pub(super) fn read(
    file: &Path,
    folders: &[PathBuf],
    lenient: bool,
) -> Result<Dataset, DatasetError> {
    let failed = |e: String| DatasetError::at(file, e);
    let bytes = storage::read(file).map_err(|e| failed(e.to_string()))?;
    let text = encoding::decode(&bytes).map_err(failed)?;
    let text = quote_non_finite(&text);
    let lists: CocoLists<'_> = serde_json::from_str(&text).map_err(|e| {
        let advice = "a COCO file is {images: [...], annotations: [...], categories: [...]}";
        failed(e.to_string()).or_advice(advice)
    })?;

    let mut reader = CocoReader {
        file,
        validator: BoxValidator::new(lenient),
        notes: Vec::new(),
    };
    let categories = reader.categories(&lists.categories);
    let keys = categories
        .iter()
        .map(|(id, name)| (id.to_string(), name.clone()));
    let classes = ClassList::new("coco", keys).map_err(failed)?;
    let images = reader.images(&lists.images, folders);
    // Annotations of an entry that cannot be read would be faults too.
    std::mem::take(&mut reader.validator.faults).into_result()?;
    let objects = reader.objects(&lists.annotations, &images, &categories);
    let photos = photos(objects, &images, &classes);
    let CocoReader {
        validator,
        mut notes,
        ..
    } = reader;
    let (of_boxes, edges) = validator.finish()?;
    notes.extend(of_boxes);
    Ok(Dataset {
        profile: Profile::Coco,
        classes,
        photos,
        notes,
        edges,
        ..Dataset::default()
    })
}

/// The photo of a category's objects.
fn photo(objects: CocoObjects, image: &CocoImage) -> Photo {
    // A mask is that of all objects, so one object without a segmentation leaves no mask.
    let masks: Option<Vec<Segmentation>> = objects.masks.into_iter().collect();
    Photo {
        path: image.path.clone(),
        size: Some(image.size),
        boxes: objects.boxes,
        mask: masks.map(|found| Mask::Coco {
            size: image.size,
            objects: found,
            ignore: objects.crowds,
        }),
        ..Photo::default()
    }
}

/// A photo for each image and category with a box.
fn photos(
    objects_by_id: CocoObjectsById,
    images: &BTreeMap<CocoId, CocoImage>,
    classes: &ClassList,
) -> Vec<Photo> {
    let mut categories_in: HashMap<CocoId, usize> = HashMap::new();
    for (image_id, _) in objects_by_id.keys() {
        *categories_in.entry(image_id.clone()).or_default() += 1;
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
            ..photo(objects, &images[&image_id])
        });
    }
    photos
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{BBox, Size};

    fn read_text(text: &str) -> Result<Dataset, DatasetError> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("instances.json");
        std::fs::write(&file, text).expect("a file");
        read(&file, &["val2017".into()], false)
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

    /// What in `GOOD` becomes what, and the fault that is then named.
    const FAULTS: [(&str, &str, &str); 18] = [
        (
            "\"image_id\": 9",
            "\"image_id\": 8",
            "annotation 4 (image 8): there is no such image",
        ),
        (
            "\"category_id\": 90, \"bbox\": [3, 0, 1",
            "\"category_id\": 89, \"bbox\": [3, 0, 1",
            "no category 89",
        ),
        (
            "2.25",
            "-2.25",
            "annotation 1 (image 139): box (0.5, 1, -1.75, 3) is inverted (x_min >= x_max)",
        ),
        (
            "\"id\": 9,",
            "\"id\": 139,",
            "instances.json: image 139 occurs twice, with different content",
        ),
        (
            "\"id\": 90,",
            "\"id\": 1,",
            "instances.json: category 1 occurs twice, with different content",
        ),
        (
            "2.25",
            "\"x\"",
            "annotation 1: bbox is [0.5,1,\"x\",2]; expected",
        ),
        ("2.25", "x", "line 6 column"),
        (
            "[6, 3, 3]",
            "[6, 3, 4]",
            "annotation 2: segmentation: the runs have 13 pixels",
        ),
        ("\"images\"", "\"imags\"", "missing field `images`"),
        ("\"info\": {}", "\"images\": []", "duplicate field `images`"),
        (
            "\"id\": 9,",
            "\"id\": 9.5,",
            "image at index 1: id is 9.5; expected",
        ),
        ("\"id\": 9,", "", "image at index 1: id is missing"),
        (
            "\"width\": 4",
            "\"width\": 4.5",
            "image 139: width is 4.5; expected",
        ),
        (
            "\"width\": 4",
            "\"width\": -4",
            "image 139: width is -4; expected",
        ),
        (
            "\"width\": 4",
            "\"width\": 0",
            "image 139: it has no width and height, and neither has val2017/000000000139.jpg",
        ),
        (
            "\"file_name\": \"000000000009.jpg\"",
            "\"path\": \"9.jpg\"",
            "image 9: file_name is missing",
        ),
        ("\"image_id\": 9,", "", "annotation 4: image_id is missing"),
        (
            "\"category_id\": 1,",
            "\"category_id\": true,",
            "annotation 1: category_id is true",
        ),
    ];

    #[test]
    fn faults_name_their_place() {
        for (from, to, expected) in FAULTS {
            let error = read_text(&GOOD.replacen(from, to, 1))
                .expect_err(expected)
                .to_string();
            assert!(error.contains(expected), "{expected}:\n{error}");
        }
    }

    /// What labelling tools and scripts write in place of COCO's own form.
    #[test]
    fn files_of_other_tools_are_the_same_dataset() {
        let expected = read_text(GOOD).unwrap_or_else(|e| panic!("{e}"));
        for (from, to) in [
            ("{\"info\"", "\u{feff}{\"info\""),
            ("\"iscrowd\": 0, ", ""),
            ("\"iscrowd\": 0", "\"iscrowd\": false"),
            ("\"iscrowd\": 1", "\"iscrowd\": \"1\""),
            ("\"iscrowd\": 1", "\"iscrowd\": true"),
            ("\"width\": 4", "\"width\": 4.0"),
            ("\"height\": 3", "\"height\": \"3\""),
            ("\"image_id\": 139", "\"image_id\": \"139\""),
            ("\"image_id\": 139", "\"image_id\": 139.0"),
            ("\"category_id\": 1,", "\"category_id\": \"1\","),
            ("\"id\": 90", "\"id\": \"90\""),
            ("[6, 3, 3]", "[6.0, 3.0, 3.0]"),
            ("\"area\": 3", "\"area\": NaN"),
            ("\"area\": 3", "\"area\": -Infinity, \"score\": Infinity"),
            ("\"area\": 3,", ""),
            ("\"segmentation\": []", "\"segmentation\": null"),
            (", \"segmentation\": []", ""),
            ("[[0, 0, 2, 0, 2, 3, 0, 3]]", "[0, 0, 2, 0, 2, 3, 0, 3]"),
            ("\"bbox\": [0, 0, 4, 3]", "\"bbox\": []"),
            ("\"id\": 1, \"image_id\"", "\"id\": \"a-1\", \"image_id\""),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let dataset =
                read_text(&GOOD.replace(from, to)).unwrap_or_else(|e| panic!("{to}: {e}"));
            assert_eq!(dataset.photos, expected.photos, "{to}");
            assert_eq!(dataset.notes, [""; 0], "{to}");
        }
    }

    /// Text ids, category ids from 0, repeated entries, images without annotations.
    #[test]
    fn what_is_unusual_is_noted() {
        let image = r#"{"id": 9, "width": 4, "height": 3, "file_name": "000000000009.jpg"}"#;
        let brush = r#"{"id": 90, "name": "toothbrush"}"#;
        let object =
            r#"{"id": 4, "image_id": 9, "category_id": 90, "bbox": [3, 0, 1, 1], "iscrowd": 1}"#;
        for (from, to, expected) in [
            (
                image,
                format!("{image}, {image}"),
                "1 entries of image are repeated, and count once",
            ),
            (
                brush,
                format!("{brush}, {brush}"),
                "1 entries of category are repeated",
            ),
            (
                object,
                format!("{object}, {object}"),
                "1 annotations are repeated, and count once",
            ),
            (
                object,
                object.replace("\"id\": 4", "\"id\": 3"),
                "1 annotations have the id of another",
            ),
            (
                image,
                format!("{image}, {}", image.replace("\"id\": 9", "\"id\": 10")),
                "1 images have no annotation, and are left out",
            ),
            (
                image,
                format!("{image}, {}", image.replace("\"id\": 9", "\"id\": 10")),
                "1 images have the file of another image",
            ),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let dataset = read_text(&GOOD.replace(from, &to)).unwrap_or_else(|e| panic!("{e}"));
            let found = dataset.notes.iter().any(|note| note.starts_with(expected));
            assert!(
                found && dataset.photos.len() == 2,
                "{expected}: {:?}",
                dataset.notes
            );
        }
        let text = GOOD
            .replace("\"id\": 139", "\"id\": \"b/a\"")
            .replace("\"image_id\": 139", "\"image_id\": \"b/a\"")
            .replace("\"id\": 1, \"name\"", "\"id\": 0, \"name\"")
            .replace("\"category_id\": 1,", "\"category_id\": 0,");
        let dataset = read_text(&text).unwrap_or_else(|e| panic!("{e}"));
        let ids: Vec<_> = dataset
            .photos
            .iter()
            .map(|p| (&p.id[..], p.class))
            .collect();
        assert_eq!(ids, [("b/a/0", Some(0)), ("b/a/90", Some(1))]);
    }

    #[test]
    fn sizes_that_are_missing_are_read_from_the_photos() {
        let folder = tempfile::tempdir().expect("a folder");
        let photo = folder.path().join("000000000139.jpg");
        image::RgbImage::new(4, 3).save(photo).expect("a photo");
        let file = folder.path().join("instances.json");
        let expected = read_text(GOOD).unwrap_or_else(|e| panic!("{e}"));
        let sized = "\"id\": 139, \"width\": 4, \"height\": 3";
        for to in [
            "\"id\": 139",
            "\"id\": 139, \"width\": null, \"height\": null",
            "\"id\": 139, \"width\": 0, \"height\": 0.0",
            "\"id\": 139, \"height\": 3",
        ] {
            std::fs::write(&file, GOOD.replace(sized, to)).expect("a file");
            let found = read(&file, &[folder.path().into()], false);
            let found = found.unwrap_or_else(|e| panic!("{to}: {e}"));
            let sizes =
                |dataset: &Dataset| -> Vec<_> { dataset.photos.iter().map(|p| p.size).collect() };
            assert_eq!(sizes(&found), sizes(&expected), "{to}");
            assert_eq!(
                found.notes,
                ["1 images have no size; it was read from their photos"]
            );
        }
    }

    /// Two paths of another machine that end in the same name.
    #[test]
    fn one_photo_for_two_paths_is_a_fault() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("1.jpg"), "").expect("a file");
        let file = folder.path().join("instances.json");
        let text = GOOD
            .replace("000000000139.jpg", "train/1.jpg")
            .replace("000000000009.jpg", "val/1.jpg");
        std::fs::write(&file, text).expect("a file");
        let error = read(&file, &[folder.path().into()], false)
            .expect_err("one photo")
            .to_string();
        assert!(
            error.contains("image 139: its photo ") && error.contains("that of image 9"),
            "{error}"
        );
    }

    #[test]
    fn a_lenient_reader_leaves_out_annotations_without_a_box() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("instances.json");
        std::fs::write(&file, GOOD.replace("\"bbox\": [0.5, 1, 2.25, 2], ", "")).expect("a file");
        let strict = read(&file, &["val2017".into()], false).expect_err("a fault");
        assert!(
            strict.to_string().contains("annotation 1: bbox is missing"),
            "{strict}"
        );
        assert_eq!(strict.remedy, Some(crate::remedy::Remedy::LenientBoxes));
        let lenient = read(&file, &["val2017".into()], true).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((lenient.photos.len(), lenient.edges.left_out), (1, 1));
    }
}
