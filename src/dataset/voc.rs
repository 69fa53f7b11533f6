//! Pascal VOC: annotations that are **1-based** and inclusive (TorchRay subtracts 1 from all four
//! corners). labelImg, CVAT and Roboflow write this form too.
//!
//! [`VocFiles`] says where annotations and photos are, [`voc_list`] which of them are read: those
//! of `ImageSets/Main/SPLIT.txt`, or all where there are no lists. A photo appears once for each
//! class that has an object not marked `difficult`. A class all of whose objects in a photo are
//! difficult is left out there, as in VOC's and TorchRay's evaluators.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::annotation::{self, Annotation};
use super::decode;
use super::error::DatasetError;
use super::photo::Photo;
use super::profile::Profile;
use super::truth::Dataset;
use super::validator::BoxValidator;
use super::voc_files::VocFiles;
use super::{voc_classes, voc_list};
use crate::classes::ClassList;
use crate::geometry::{BBox, Size};

/// What to read.
#[derive(Debug, Default)]
pub(super) struct VocOptions<'a> {
    /// The list of photos; by default a usual one.
    pub(super) split: Option<&'a str>,
    /// The folder of photos; by default a usual one.
    pub(super) photos: Option<PathBuf>,
    /// The classes. An object of any other class is a fault.
    pub(super) classes: Option<&'a ClassList>,
    /// The classes to prefer where none are given, if they include those of all objects.
    pub(super) model_classes: Option<&'a ClassList>,
    pub(super) lenient: bool,
}

pub(super) fn read(root: &Path, options: VocOptions<'_>) -> Result<Dataset, DatasetError> {
    let files = VocFiles::find(root, options.photos)?;
    let list = voc_list::find(root, options.split)?;
    let mut validator = BoxValidator::new(options.lenient);
    let (names, mut notes) = match &list {
        Some(list) => voc_list::read(list, &files.annotations)?,
        None => (files.annotations.keys().cloned().collect(), Vec::new()),
    };
    let entries = read_entries(&files, &names, &mut validator, &mut notes);
    if list.is_none() && files.photo_count() > entries.len() {
        let count = files.photo_count() - entries.len();
        notes.push(format!(
            "{count} photos have no annotation, and are left out"
        ));
    }
    let objects = entries.iter().flat_map(|entry| &entry.annotation.objects);
    let found: BTreeSet<&str> = objects.map(|object| object.name.as_str()).collect();
    let classes = match options.classes {
        Some(classes) => classes.clone(),
        None => {
            let chosen = voc_classes::choose(&found, options.model_classes);
            let (classes, more) = chosen.map_err(|error| error.context(root.display()))?;
            notes.extend(more);
            classes
        }
    };
    let (photos, all_difficult) = photos(&entries, &classes, &mut validator);
    let (of_boxes, edges) = validator.finish()?;
    notes.extend(of_boxes);
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

/// An annotation and its photo.
struct VocEntry {
    name: String,
    /// The annotation's file.
    xml: PathBuf,
    annotation: Annotation,
    photo: PathBuf,
    /// The photo's size by the annotation, or else by the photo.
    size: Size,
}

/// Reads the annotations of these names and finds their photos. Notes say what is unusual.
fn read_entries(
    files: &VocFiles,
    names: &[String],
    validator: &mut BoxValidator,
    notes: &mut Vec<String>,
) -> Vec<VocEntry> {
    let paths: Vec<PathBuf> = names
        .iter()
        .map(|name| files.annotations[name].clone())
        .collect();
    let mut entries: Vec<VocEntry> = Vec::new();
    let (mut without_size, mut without_object, mut of_another) = (0, 0, Vec::new());
    let mut entry_of_photo: HashMap<PathBuf, usize> = HashMap::new();
    for ((name, xml), annotation) in names.iter().zip(&paths).zip(annotation::read_all(&paths)) {
        let entry = annotation.and_then(|annotation| {
            without_size += usize::from(annotation.size.is_none());
            without_object += usize::from(annotation.objects.is_empty());
            entry(files, name, xml, annotation)
        });
        let entry = match entry {
            Ok(entry) => entry,
            Err(fault) => {
                validator.faults.add(fault);
                continue;
            }
        };
        if files.names_another(&entry.annotation.filename, &entry.photo) {
            of_another.push(format!(
                "{} names {}",
                xml.display(),
                entry.annotation.filename
            ));
        }
        if let Some(other) = entry_of_photo.insert(entry.photo.clone(), entries.len()) {
            let (xml, other) = (xml.display(), entries[other].xml.display());
            let photo = entry.photo.display();
            let fault = format!("{xml}: its photo {photo} is also that of {other}");
            validator.faults.add(fault);
        }
        entries.push(entry);
    }
    if without_size > 0 {
        notes.push(format!(
            "{without_size} annotations have no size; it was read from their photos"
        ));
    }
    if without_object > 0 {
        notes.push(format!(
            "{without_object} annotations have no object; their photos are left out"
        ));
    }
    if let Some(first) = of_another.first() {
        notes.push(format!(
            "{} annotations name another photo than the one that is called like them, which was \
             taken: {first}",
            of_another.len()
        ));
    }
    entries
}

fn entry(
    files: &VocFiles,
    name: &str,
    xml: &Path,
    annotation: Annotation,
) -> Result<VocEntry, String> {
    let at_xml = |fault: String| format!("{}: {fault}", xml.display());
    let photo = files.photo(name, &annotation.filename).map_err(at_xml)?;
    let size = match annotation.size {
        Some(size) => size,
        None => decode::read_size(&photo).map_err(|e| {
            let photo = photo.display();
            at_xml(format!(
                "it has no size, and neither has its photo {photo}: {e}"
            ))
        })?,
    };
    Ok(VocEntry {
        name: name.to_owned(),
        xml: xml.to_owned(),
        annotation,
        photo,
        size,
    })
}

/// A photo for each annotation and class with a box, and the number of classes left out because all
/// their objects in a photo are difficult.
fn photos(
    entries: &[VocEntry],
    classes: &ClassList,
    validator: &mut BoxValidator,
) -> (Vec<Photo>, usize) {
    let mut photos = Vec::new();
    let mut all_difficult = 0;
    for entry in entries {
        let by_class = boxes_by_class(entry, classes, validator);
        let distractors = by_class.len() > 1;
        for (class, VocBoxes { boxes, difficult }) in by_class {
            if boxes.is_empty() {
                all_difficult += 1;
                continue;
            }
            photos.push(Photo {
                id: format!("{}/{}", entry.name, classes.key(class)),
                path: entry.photo.clone(),
                class: Some(class),
                size: Some(entry.size),
                boxes,
                difficult,
                distractors,
                ..Photo::default()
            });
        }
    }
    (photos, all_difficult)
}

/// A class's boxes in a photo.
#[derive(Default)]
struct VocBoxes {
    boxes: Vec<BBox>,
    difficult: Vec<BBox>,
}

/// The boxes of each class that has any, in the order of classes.
fn boxes_by_class(
    entry: &VocEntry,
    classes: &ClassList,
    validator: &mut BoxValidator,
) -> BTreeMap<usize, VocBoxes> {
    let mut by_class: BTreeMap<usize, VocBoxes> = BTreeMap::new();
    for object in &entry.annotation.objects {
        let place = || format!("{}:{}", entry.xml.display(), object.place);
        let Some(class) = classes.class(&object.name) else {
            let fault = format!("{}: unknown class {}", place(), object.name);
            validator.faults.add(fault);
            continue;
        };
        let [x0, y0, x1, y1] = object.corners;
        let bbox = BBox::new(x0 - 1.0, y0 - 1.0, x1, y1);
        let Some(bbox) = validator.check(bbox, Some(entry.size), place) else {
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
        let classes = ClassList::read("voc")?;
        let options = VocOptions {
            classes: Some(&classes),
            ..VocOptions::default()
        };
        read(folder.path(), options)
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
