//! Joins photos, boxes and lists.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::boxes::{self, IlsvrcTruth};
use super::lists::IlsvrcLists;
use super::photo_name::{name_of, number_in_path, photo_number, stated_wnid};
use super::places;
use super::search::IlsvrcFiles;
use crate::classes::ClassList;
use crate::dataset::error::DatasetError;
use crate::dataset::photo::Photo;
use crate::dataset::photo_list::PhotoList;
use crate::dataset::photo_search::{by_extension, first_paths};
use crate::dataset::profile::Profile;
use crate::dataset::suspicion::Suspicion;
use crate::dataset::truth::Dataset;
use crate::dataset::validator::BoxValidator;
use crate::listing::first_few;

/// Reads the truth of all photos that have boxes, or of those in `selection`, from what lies below
/// `root`.
///
/// # Errors
/// [`DatasetError`] if no boxes were found, or with the faults of boxes and lists.
pub(in crate::dataset) fn read(
    root: &Path,
    classes: ClassList,
    selection: Option<&PhotoList>,
    lenient: bool,
) -> Result<Dataset, DatasetError> {
    let files = IlsvrcFiles::new(root)?;
    let mut lists = IlsvrcLists::new(&files, &classes)?;
    let mut validator = BoxValidator::new(lenient);
    let selected: Option<HashSet<usize>> = selection.map(|list| {
        let names = list.names.iter();
        names.filter_map(|(_, name)| number_in_path(name)).collect()
    });
    let truth = boxes::read(&files, &classes, selected.as_ref(), &mut validator)?;
    let truth = truth.ok_or_else(|| no_boxes(root, &files))?;
    let sources = sources(root, &files, &lists, &truth);
    let mut suspicions = incomplete(&files, &truth);
    let unread = unread(root, &truth);
    let mut photos = Vec::new();
    for (number, found) in truth.photos {
        let name = name_of(number);
        if let Err(fault) = lists.check(number, found.class, &classes) {
            validator.faults.add(fault);
        }
        let expected = || root.join(&name).with_added_extension("JPEG");
        photos.push(Photo {
            path: files.photos.get(&number).cloned().unwrap_or_else(expected),
            id: name,
            size: found.size,
            class: Some(found.class),
            boxes: found.boxes,
            blacklisted: lists.blacklisted.contains(&number),
            ..Photo::default()
        });
    }
    suspicions.extend(other_classes(&photos, &classes));
    suspicions.extend(lists.suspicion);
    let (mut notes, edges) = validator.finish()?;
    notes.extend(lists.notes);
    notes.extend(repeated(root, &files));
    notes.extend(unread);
    notes.extend(compressed(root, &files));
    Ok(Dataset {
        profile: Profile::Devkit,
        total_photos: photos.len(),
        classes,
        ilsvrc_ids: lists.order.complete(),
        photos,
        notes,
        suspicions,
        edges,
        sources,
        files: lists.files,
        ..Dataset::default()
    })
}

/// The error of a folder without boxes, which says what is there instead.
fn no_boxes(root: &Path, files: &IlsvrcFiles) -> DatasetError {
    let others: Vec<&PathBuf> = files.others.iter().collect();
    let instead = match (files.photos.len(), &*by_extension(&others)) {
        (0, "") => "it is empty".to_owned(),
        (0, others) => format!("there are {others}"),
        (photos, "") => format!("there are {photos} photos"),
        (photos, others) => format!("there are {photos} photos, {others}"),
    };
    let fault = format!(
        "{}: no boxes of ILSVRC's validation set; looked at all depths for \
         ILSVRC2012_bbox_val_v3.tgz or its ILSVRC2012_val_00000001.xml, LOC_val_solution.csv, and \
         wsolevaluation's localization.txt; {instead}",
        root.display()
    );
    DatasetError::new(fault)
        .or_advice("data/README.md says what to fetch; is the folder one level too low?")
}

/// What was found where, for people.
fn sources(
    root: &Path,
    files: &IlsvrcFiles,
    lists: &IlsvrcLists,
    truth: &IlsvrcTruth,
) -> Vec<(&'static str, String)> {
    let photos = match files.photos.len() {
        0 => "none".to_owned(),
        _ => places::counted(root, files.photos.values()),
    };
    let boxes = places::counted(root, truth.files.iter());
    let boxes = format!("{} photos; {}: {boxes}", truth.photos.len(), truth.kind);
    let mut sources = vec![("photos", photos), ("boxes", boxes)];
    for what in ["ground truth", "blacklist", "label order"] {
        let found = lists.files.iter().find(|(name, _)| *name == what);
        let place = match found {
            Some((_, path)) => places::below(root, path),
            None if lists.is_whole() => "shipped with this program".into(),
            None => "none".into(),
        };
        sources.push((what, place));
    }
    sources
}

/// Photos without boxes, and boxes of only a part of the validation set.
fn incomplete(files: &IlsvrcFiles, truth: &IlsvrcTruth) -> Vec<Suspicion> {
    let without: Vec<usize> = files
        .photos
        .keys()
        .filter(|number| !truth.annotated.contains(number))
        .copied()
        .collect();
    let count = without.len();
    let what = format!(
        "{count} photos have no boxes and are left out: {}",
        first_few(without.into_iter().map(name_of))
    );
    let advice = format!(
        "are the boxes complete? they are those of {} photos",
        truth.annotated.len()
    );
    (count > 0)
        .then(|| Suspicion::new(what, advice))
        .into_iter()
        .collect()
}

/// Photos that are named after, or are in the folder of, another class than theirs.
fn other_classes(photos: &[Photo], classes: &ClassList) -> Option<Suspicion> {
    let differs = |photo: &&Photo| {
        let own = photo.class.map(|class| classes.key(class));
        stated_wnid(&photo.path).is_some_and(|stated| Some(stated) != own)
    };
    let numbers: Vec<usize> = photos
        .iter()
        .filter(differs)
        .map(|photo| photo_number(&photo.id))
        .collect();
    let what = format!(
        "{} photos have another class in their name or folder than their boxes say: {}",
        numbers.len(),
        first_few(numbers.iter().copied().map(name_of))
    );
    let advice = "were the photos renamed, or sorted by another list?";
    (!numbers.is_empty()).then(|| Suspicion::new(what, advice))
}

/// The note on files that lie in two places.
fn repeated(root: &Path, files: &IlsvrcFiles) -> Option<String> {
    let (count, first) = (files.repeated.len(), first_paths(&files.repeated, root));
    (count > 0)
        .then(|| format!("{count} files are in a second place, which does not count: {first}"))
}

/// The note on boxes that do not count because others do.
fn unread(root: &Path, truth: &IlsvrcTruth) -> Option<String> {
    let (kind, first) = (truth.kind, first_paths(&truth.unread, root));
    (!truth.unread.is_empty()).then(|| {
        format!("the boxes of {kind} count; these have boxes too and are not read: {first}")
    })
}

/// The note on archives that are not searched because they cannot be read at random.
fn compressed(root: &Path, files: &IlsvrcFiles) -> Option<String> {
    let (count, first) = (files.too_large.len(), first_paths(&files.too_large, root));
    (count > 0).then(|| {
        format!(
            "{count} archives are compressed as a whole and are not searched; unpack them with \
             gunzip, and their tars are: {first}"
        )
    })
}
