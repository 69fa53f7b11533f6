//! Pascal VOC: annotations that are **1-based** and inclusive (TorchRay subtracts 1 from all four
//! corners).
//!
//! `ImageSets/Main/SPLIT.txt` names the photos, `Annotations/NAME.xml` holds their objects,
//! `JPEGImages/NAME.jpg` the pixels. A photo stands once for each class that has an object not
//! marked `difficult`; classes all of whose objects in a photo are difficult are left out, as VOC's
//! and TorchRay's evaluators do.

use std::collections::BTreeMap;
use std::path::Path;

use super::annotation::{self, Annotation};
use super::faults::Gate;
use super::{Dataset, DatasetError, Photo, Profile, text};
use crate::classes::ClassList;
use crate::geometry::BBox;

pub(super) fn read(root: &Path, split: &str, lenient: bool) -> Result<Dataset, DatasetError> {
    let classes = ClassList::read("voc").map_err(DatasetError::new)?;
    let names = text::lines(
        &root
            .join("ImageSets/Main")
            .join(split)
            .with_added_extension("txt"),
    )?;
    let folder = root.join("Annotations");
    let annotations = annotation::read_all(&folder, names.iter().map(String::as_str).collect());
    let mut gate = Gate::new(lenient);
    let mut photos = Vec::new();
    let mut all_difficult = 0;
    for (name, annotation) in names.iter().zip(annotations) {
        let annotation = match annotation {
            Ok(annotation) => annotation,
            Err(fault) => {
                gate.faults.add(fault);
                continue;
            }
        };
        let by_class = by_class(
            &annotation,
            &classes,
            &mut gate,
            &folder.join(name).with_added_extension("xml"),
        );
        let distractors = by_class.len() > 1;
        for (class, VocBoxes { boxes, difficult }) in by_class {
            if boxes.is_empty() {
                all_difficult += 1;
                continue;
            }
            photos.push(Photo {
                id: format!("{name}/{}", classes.key(class)),
                path: root
                    .join("JPEGImages")
                    .join(name)
                    .with_added_extension("jpg"),
                class: Some(class),
                size: Some(annotation.size),
                boxes,
                difficult,
                distractors,
                ..Photo::default()
            });
        }
    }
    let (mut notes, edges) = gate.close()?;
    if all_difficult > 0 {
        notes.push(format!("{all_difficult} classes were left out of photos in which all their objects are difficult"));
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

/// The boxes of each class that has any, in the order of classes; `file` is where the annotation
/// stands.
fn by_class(
    annotation: &Annotation,
    classes: &ClassList,
    gate: &mut Gate,
    file: &Path,
) -> BTreeMap<usize, VocBoxes> {
    let mut found: BTreeMap<usize, VocBoxes> = BTreeMap::new();
    for object in &annotation.objects {
        let place = || format!("{}:{}", file.display(), object.place);
        let Some(class) = classes.class(&object.name) else {
            gate.faults
                .add(format!("{}: unknown class {}", place(), object.name));
            continue;
        };
        let [x0, y0, x1, y1] = object.corners;
        if let Some(bbox) = gate.pass(
            BBox::new(x0 - 1.0, y0 - 1.0, x1, y1),
            Some(annotation.size),
            place,
        ) {
            let of_class = found.entry(class).or_default();
            if object.difficult {
                of_class.difficult.push(bbox)
            } else {
                of_class.boxes.push(bbox)
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::annotation::tests::xml;
    use super::*;

    fn with(annotation: &str) -> Result<Dataset, DatasetError> {
        let folder = tempfile::tempdir().expect("a folder");
        let [sets, annotations] =
            ["ImageSets/Main", "Annotations"].map(|name| folder.path().join(name));
        [&sets, &annotations]
            .into_iter()
            .for_each(|path| fs::create_dir_all(path).expect("a folder"));
        fs::write(sets.join("test.txt"), "000001\r\n\r\n").expect("a file");
        fs::write(annotations.join("000001.xml"), annotation).expect("a file");
        read(folder.path(), "test", false)
    }

    /// A box of the whole photo is (1, 1, 500, 375) there. Two classes, one with a difficult
    /// object, one of nothing else.
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
        let dataset = with(&text).unwrap_or_else(|e| panic!("{e}"));
        let ids: Vec<_> = dataset
            .photos
            .iter()
            .map(|p| (p.id.as_str(), p.distractors))
            .collect();
        assert_eq!(ids, [("000001/dog", true), ("000001/person", true)]);
        assert_eq!(dataset.photos[1].boxes, [BBox::whole(500, 375)]);
        assert_eq!(dataset.photos[0].boxes, [BBox::new(47., 239., 195., 371.)]);
        assert_eq!(
            dataset.photos[0].difficult,
            [BBox::new(7., 11., 352., 249.)]
        );

        let difficult = xml("000001", &[("cat", whole)]).replace("<difficult>0", "<difficult>1");
        let dataset = with(&difficult).unwrap_or_else(|e| panic!("{e}"));
        assert!(
            dataset.photos.is_empty() && dataset.notes[0].starts_with("1 classes were left out")
        );
    }

    #[test]
    fn faults_are_named() {
        let error = with(&xml("000001", &[("unicorn", [1., 1., 2., 2.])]))
            .expect_err("a class")
            .to_string();
        assert!(
            error.contains("000001.xml:3:") && error.contains("unknown class unicorn"),
            "{error}"
        );
        assert!(
            with("<annotation>")
                .expect_err("cut short")
                .to_string()
                .contains("000001.xml:1:")
        );
    }
}
