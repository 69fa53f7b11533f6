//! Pascal VOC: annotations that are **1-based** and inclusive (TorchRay subtracts 1 from all four
//! corners).
//!
//! `ImageSets/Main/SPLIT.txt` names the photos, `Annotations/NAME.xml` has their objects and
//! `JPEGImages/NAME.jpg` the pixels. A photo appears once for each class that has an object not
//! marked `difficult`. A class all of whose objects in a photo are difficult is left out there, as
//! in VOC's and TorchRay's evaluators.

use std::collections::BTreeMap;
use std::path::Path;

use super::annotation::{self, Annotation};
use super::error::DatasetError;
use super::photo::Photo;
use super::profile::Profile;
use super::text;
use super::truth::Dataset;
use super::validator::BoxValidator;
use crate::classes::ClassList;
use crate::geometry::BBox;

pub(super) fn read(root: &Path, split: &str, lenient: bool) -> Result<Dataset, DatasetError> {
    let classes = ClassList::read("voc")?;
    let list = root.join("ImageSets/Main").join(split);
    let names = text::read_lines(&list.with_added_extension("txt"))?;
    let folder = root.join("Annotations");
    let annotations = annotation::read_all(&folder, names.iter().map(String::as_str).collect());
    let mut validator = BoxValidator::new(lenient);
    let mut photos = Vec::new();
    let mut all_difficult = 0;
    for (name, annotation) in names.iter().zip(annotations) {
        let annotation = match annotation {
            Ok(annotation) => annotation,
            Err(fault) => {
                validator.faults.add(fault);
                continue;
            }
        };
        let xml = folder.join(name).with_added_extension("xml");
        let by_class = boxes_by_class(&annotation, &classes, &mut validator, &xml);
        let distractors = by_class.len() > 1;
        for (class, VocBoxes { boxes, difficult }) in by_class {
            if boxes.is_empty() {
                all_difficult += 1;
                continue;
            }
            let file = root.join("JPEGImages").join(name);
            photos.push(Photo {
                id: format!("{name}/{}", classes.key(class)),
                path: file.with_added_extension("jpg"),
                class: Some(class),
                size: Some(annotation.size),
                boxes,
                difficult,
                distractors,
                ..Photo::default()
            });
        }
    }
    let (mut notes, edges) = validator.finish()?;
    if all_difficult > 0 {
        notes.push(format!(
            "{all_difficult} classes were left out of photos in which all their objects are \
             difficult"
        ));
    }
    Ok(Dataset {
        profile: Profile::Voc,
        classes,
        photos,
        notes,
        edges,
        ..Dataset::default()
    })
}

/// A class's boxes in a photo.
#[derive(Default)]
struct VocBoxes {
    boxes: Vec<BBox>,
    difficult: Vec<BBox>,
}

/// The boxes of each class that has any, in the order of classes. `xml` is the annotation's file.
fn boxes_by_class(
    annotation: &Annotation,
    classes: &ClassList,
    validator: &mut BoxValidator,
    xml: &Path,
) -> BTreeMap<usize, VocBoxes> {
    let mut by_class: BTreeMap<usize, VocBoxes> = BTreeMap::new();
    for object in &annotation.objects {
        let place = || format!("{}:{}", xml.display(), object.place);
        let Some(class) = classes.class(&object.name) else {
            let fault = format!("{}: unknown class {}", place(), object.name);
            validator.faults.add(fault);
            continue;
        };
        let [x0, y0, x1, y1] = object.corners;
        let bbox = BBox::new(x0 - 1.0, y0 - 1.0, x1, y1);
        let Some(bbox) = validator.check(bbox, Some(annotation.size), place) else {
            continue;
        };
        let of_class = by_class.entry(class).or_default();
        if object.difficult {
            of_class.difficult.push(bbox);
        } else {
            of_class.boxes.push(bbox);
        }
    }
    by_class
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::dataset::annotation::tests::xml;
    use crate::geometry::Size;

    fn read_annotation(annotation: &str) -> Result<Dataset, DatasetError> {
        let folder = tempfile::tempdir().expect("a folder");
        let [sets, annotations] =
            ["ImageSets/Main", "Annotations"].map(|name| folder.path().join(name));
        for path in [&sets, &annotations] {
            fs::create_dir_all(path).expect("a folder");
        }
        fs::write(sets.join("test.txt"), "000001\r\n\r\n").expect("a file");
        fs::write(annotations.join("000001.xml"), annotation).expect("a file");
        read(folder.path(), "test", false)
    }

    /// In VOC, the box of the whole photo is (1, 1, 500, 375). Of the two classes, one has a
    /// difficult object, and the other nothing else.
    #[test]
    fn odd_annotations_are_read_and_boxes_begin_at_zero() {
        let whole = [1., 1., 500., 375.];
        let objects = [
            ("person", whole),
            ("dog", [48., 240., 195., 371.]),
            ("dog", [8., 12., 352., 498. / 2.]),
        ];
        let text = xml("000001.jpg", &objects);
        let text = text.replace(
            "<name>person</name><pose>Unspecified",
            "<name> person </name><pose>Left",
        );
        let last = text.rfind("<difficult>0").expect("three");
        let text = [&text[..last], "<difficult>1", &text[last + 12..]].concat();
        let dataset = read_annotation(&text).unwrap_or_else(|e| panic!("{e}"));
        let ids: Vec<_> = dataset
            .photos
            .iter()
            .map(|p| (p.id.as_str(), p.distractors))
            .collect();
        assert_eq!(ids, [("000001/dog", true), ("000001/person", true)]);
        assert_eq!(dataset.photos[1].boxes, [BBox::whole(Size::new(500, 375))]);
        assert_eq!(dataset.photos[0].boxes, [BBox::new(47., 239., 195., 371.)]);
        assert_eq!(
            dataset.photos[0].difficult,
            [BBox::new(7., 11., 352., 249.)]
        );

        let difficult = xml("000001", &[("cat", whole)]).replace("<difficult>0", "<difficult>1");
        let only_difficult = read_annotation(&difficult).unwrap_or_else(|e| panic!("{e}"));
        assert!(
            only_difficult.photos.is_empty()
                && only_difficult.notes[0].starts_with("1 classes were left out")
        );
    }

    #[test]
    fn faults_name_their_place() {
        let error = read_annotation(&xml("000001", &[("unicorn", [1., 1., 2., 2.])]))
            .expect_err("a class")
            .to_string();
        assert!(
            error.contains("000001.xml:3:") && error.contains("unknown class unicorn"),
            "{error}"
        );
        assert!(
            read_annotation("<annotation>")
                .expect_err("cut short")
                .to_string()
                .contains("000001.xml:1:")
        );
    }
}
