//! The class, size and boxes of each photo: from XML, from Kaggle's table, or from wsolevaluation's
//! lists. The first of these that was found counts.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use super::photo_name::{name_of, photo_number};
use super::search::{IlsvrcFiles, WSOL_BOXES};
use crate::classes::ClassList;
use crate::dataset::annotation::{self, Annotation};
use crate::dataset::decode::read_sizes;
use crate::dataset::error::DatasetError;
use crate::dataset::validator::BoxValidator;
use crate::dataset::{kaggle, text, wsol_lists};
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
    /// Tables and lists that have boxes too, and do not count.
    pub(super) unread: Vec<PathBuf>,
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
    let folders = files.wsol.iter().filter(|folder| is_validation_set(folder));
    let lists: Vec<PathBuf> = folders.map(|folder| folder.join(WSOL_BOXES)).collect();
    let mut tables: Vec<PathBuf> = [&files.solutions[..], &lists].concat();
    if !files.annotations.is_empty() {
        return Ok(Some(IlsvrcTruth {
            photos: from_xml(&files.annotations, is_selected, classes, validator),
            annotated: files.annotations.keys().copied().collect(),
            kind: "XML",
            files: files.annotations.values().cloned().collect(),
            unread: tables,
        }));
    }
    if tables.is_empty() {
        return Ok(None);
    }
    let unread = tables.split_off(1);
    let table = &tables[0];
    let (mut photos, kind) = if files.solutions.is_empty() {
        let folder = table.parent().unwrap_or(Path::new(""));
        let photos = from_wsol(files, folder, classes, validator)?;
        (photos, "wsolevaluation's lists")
    } else {
        let photos = from_kaggle(files, table, classes, validator)?;
        (photos, "Kaggle's table")
    };
    let annotated = photos.keys().copied().collect();
    photos.retain(|number, _| is_selected(number));
    Ok(Some(IlsvrcTruth {
        photos,
        annotated,
        kind,
        files: tables,
        unread,
    }))
}

/// Whether the photos of a folder of wsolevaluation's lists are those of the validation set.
fn is_validation_set(folder: &Path) -> bool {
    let ids = text::parse_lines(&folder.join(wsol_lists::IDS_FILE), |line| {
        Ok(photo_number(line))
    });
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
        let (place, class) = (&solution.place, solution.class);
        let mut boxes = Vec::new();
        for bbox in solution.boxes {
            boxes.extend(validator.check(bbox, size, || place.clone()));
        }
        let truth = PhotoTruth { class, size, boxes };
        if let Err(fault) = insert(&mut found, &solution.id, truth) {
            validator.faults.add(format!("{place}: {fault}"));
        }
    }
    Ok(found)
}

/// The truth in wsolevaluation's lists. Sizes that they do not state are those of the photos.
fn from_wsol(
    files: &IlsvrcFiles,
    folder: &Path,
    classes: &ClassList,
    validator: &mut BoxValidator,
) -> Result<BTreeMap<usize, PhotoTruth>, DatasetError> {
    let path_of = |id: &str| files.photos.get(&photo_number(id)).cloned();
    let path_of = |id: &str| path_of(id).unwrap_or_default();
    let photos = wsol_lists::read(folder, path_of, folder, validator)?;
    wsol_lists::check_complete(&photos, classes.len(), folder, validator);
    let mut found = BTreeMap::new();
    for photo in photos {
        // A photo without class is a fault already.
        let Some(class) = photo.class else { continue };
        let (size, boxes) = (photo.size, photo.boxes);
        let truth = PhotoTruth { class, size, boxes };
        if let Err(fault) = insert(&mut found, &photo.id, truth) {
            validator
                .faults
                .add(format!("{}: {fault}", folder.display()));
        }
    }
    Ok(found)
}

/// Adds the truth of the photo with this name.
fn insert(
    found: &mut BTreeMap<usize, PhotoTruth>,
    name: &str,
    truth: PhotoTruth,
) -> Result<(), String> {
    match photo_number(name) {
        0 => Err(format!("{name} is not a photo of the validation set")),
        number if found.insert(number, truth).is_some() => {
            Err(format!("{name}: a second line of this photo"))
        }
        _ => Ok(()),
    }
}
