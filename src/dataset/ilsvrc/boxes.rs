//! The class, size and boxes of each photo: from XML, from Kaggle's table, or from wsolevaluation's
//! lists. The first of these that was found counts.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use super::photo_name::{name_of, photo_number};
use super::search::IlsvrcFiles;
use crate::classes::ClassList;
use crate::dataset::annotation::{self, Annotation};
use crate::dataset::decode::read_sizes;
use crate::dataset::error::DatasetError;
use crate::dataset::validator::BoxValidator;
use crate::dataset::{kaggle, text, wsol};
use crate::geometry::{BBox, Size};

/// What is true of a photo.
#[derive(Debug)]
pub(super) struct PhotoTruth {
    pub(super) class: usize,
    /// `None` where it is not stated and the photo cannot be read.
    pub(super) size: Option<Size>,
    pub(super) boxes: Vec<BBox>,
}

/// The truth of photos by number, and where it was read.
pub(super) struct IlsvrcTruth {
    pub(super) photos: BTreeMap<usize, PhotoTruth>,
    /// The numbers of all photos that have boxes, selected or not.
    pub(super) annotated: BTreeSet<usize>,
    /// What was read: `XML`, for example.
    pub(super) kind: &'static str,
    /// The files that were read.
    pub(super) files: Vec<PathBuf>,
}

/// Reads the truth of all photos that have boxes, or of those in `selection`. `None` if there are no
/// boxes.
///
/// # Errors
/// [`DatasetError`] if the file of the boxes cannot be read.
pub(super) fn read(
    files: &IlsvrcFiles,
    classes: &ClassList,
    selection: Option<&HashSet<usize>>,
    validator: &mut BoxValidator,
) -> Result<Option<IlsvrcTruth>, DatasetError> {
    let is_selected = |number: &usize| selection.is_none_or(|numbers| numbers.contains(number));
    if !files.annotations.is_empty() {
        return Ok(Some(IlsvrcTruth {
            photos: from_xml(&files.annotations, is_selected, classes, validator),
            annotated: files.annotations.keys().copied().collect(),
            kind: "XML",
            files: files.annotations.values().cloned().collect(),
        }));
    }
    let (mut photos, kind, file) = if let Some(table) = files.solutions.first() {
        let photos = from_kaggle(files, table, classes, validator)?;
        (photos, "Kaggle's table", table.clone())
    } else if let Some(folder) = files.wsol.iter().find(|folder| is_validation_set(folder)) {
        let photos = from_wsol(folder, classes, validator)?;
        (
            photos,
            "wsolevaluation's lists",
            folder.join("localization.txt"),
        )
    } else {
        return Ok(None);
    };
    let annotated = photos.keys().copied().collect();
    photos.retain(|number, _| is_selected(number));
    Ok(Some(IlsvrcTruth {
        photos,
        annotated,
        kind,
        files: vec![file],
    }))
}

/// Whether the photos of a folder of wsolevaluation's lists are those of the validation set.
fn is_validation_set(folder: &Path) -> bool {
    let ids = text::parse_lines(&folder.join(wsol::IDS_FILE), |line| Ok(photo_number(line)));
    ids.is_ok_and(|ids| ids.first().is_some_and(|(_, number)| *number > 0))
}

fn from_xml(
    annotations: &BTreeMap<usize, PathBuf>,
    is_selected: impl Fn(&usize) -> bool,
    classes: &ClassList,
    validator: &mut BoxValidator,
) -> BTreeMap<usize, PhotoTruth> {
    let selected = annotations.iter().filter(|(number, _)| is_selected(number));
    let (numbers, paths): (Vec<usize>, Vec<PathBuf>) = selected
        .map(|(number, path)| (*number, path.clone()))
        .unzip();
    let mut found = BTreeMap::new();
    for ((number, path), annotation) in numbers
        .into_iter()
        .zip(&paths)
        .zip(annotation::read_all(&paths))
    {
        let truth = annotation.and_then(|a| annotated(&a, number, path, classes, validator));
        match truth {
            Ok(truth) => drop(found.insert(number, truth)),
            Err(fault) => validator.faults.add(fault),
        }
    }
    found
}

/// The truth in an annotation, whose boxes are 0-based and inclusive.
fn annotated(
    annotation: &Annotation,
    number: usize,
    path: &Path,
    classes: &ClassList,
    validator: &mut BoxValidator,
) -> Result<PhotoTruth, String> {
    let xml = path.display();
    let filename = annotation.filename.trim_end_matches(".JPEG");
    if !filename.is_empty() && filename != name_of(number) {
        return Err(format!("{xml}: it is the annotation of {filename}"));
    }
    let size = annotation
        .size
        .ok_or_else(|| format!("{xml}: <size> is missing or 0"))?;
    let (mut class, mut boxes) = (None, Vec::new());
    for object in &annotation.objects {
        let (wnid, place) = (&object.name, &object.place);
        let found = classes
            .class(wnid)
            .ok_or_else(|| format!("{xml}:{place}: unknown class {wnid}"))?;
        if *class.get_or_insert(found) != found {
            return Err(format!("{xml}:{place}: a second class, {wnid}"));
        }
        let [x0, y0, x1, y1] = object.corners;
        let bbox = BBox::from_inclusive(x0, y0, x1, y1);
        let place = || format!("{xml}:{place}");
        boxes.extend(validator.check(bbox, Some(size), place));
    }
    Ok(PhotoTruth {
        class: class.ok_or_else(|| format!("{xml}: no <object>"))?,
        size: Some(size),
        boxes,
    })
}

/// The truth in Kaggle's table, which does not state sizes: they are those of the photos.
fn from_kaggle(
    files: &IlsvrcFiles,
    table: &Path,
    classes: &ClassList,
    validator: &mut BoxValidator,
) -> Result<BTreeMap<usize, PhotoTruth>, DatasetError> {
    let solutions = kaggle::read_solutions(table, classes, validator)?;
    let path_of = |id: &str| files.photos.get(&photo_number(id)).cloned();
    let paths: Vec<PathBuf> = solutions
        .iter()
        .map(|solution| path_of(&solution.id).unwrap_or_default())
        .collect();
    let mut found = BTreeMap::new();
    for (solution, size) in solutions.into_iter().zip(read_sizes(&paths)) {
        let number = photo_number(&solution.id);
        if number == 0 {
            let (place, id) = (&solution.place, &solution.id);
            let fault = format!("{place}: {id} is not a photo of the validation set");
            validator.faults.add(fault);
            continue;
        }
        let mut boxes = Vec::new();
        for bbox in solution.boxes {
            boxes.extend(validator.check(bbox, size, || solution.place.clone()));
        }
        let class = solution.class;
        found.insert(number, PhotoTruth { class, size, boxes });
    }
    Ok(found)
}

fn from_wsol(
    folder: &Path,
    classes: &ClassList,
    validator: &mut BoxValidator,
) -> Result<BTreeMap<usize, PhotoTruth>, DatasetError> {
    let lists = wsol::read(
        folder,
        folder,
        folder,
        Some(classes.clone()),
        validator.lenient,
    )?;
    let mut found = BTreeMap::new();
    for photo in lists.photos {
        let Some(class) = photo.class else { continue };
        let mut boxes = Vec::new();
        for bbox in photo.boxes {
            let place = || format!("{}: {}", folder.display(), photo.id);
            boxes.extend(validator.check(bbox, photo.size, place));
        }
        let number = photo_number(&photo.id);
        let size = photo.size;
        found.insert(number, PhotoTruth { class, size, boxes });
    }
    Ok(found)
}
