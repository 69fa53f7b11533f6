//! Photos: are they there, can they be read, are they of the size that the annotations say.

use rayon::prelude::*;

use super::{DoctorReport, first, spread};
use crate::geometry::Size;
use crate::dataset::{self, Dataset, Jpeg, Photo};

#[derive(Clone, Copy, PartialEq)]
enum PhotoFault {
    Missing,
    Unreadable,
    /// The annotation's size is the photo's turned round.
    Swapped,
    OtherSize,
}

/// What is wrong with photos, and what to do.
const KINDS: [(PhotoFault, &str, &str); 4] = [
    (
        PhotoFault::Missing,
        "are missing",
        "does --data-dir name the folder of the photos? A score needs none; a run counts each as wrong",
    ),
    (
        PhotoFault::Unreadable,
        "cannot be read",
        "fetch them anew; a run counts each as wrong",
    ),
    (
        PhotoFault::Swapped,
        "have width and height swapped in their annotations",
        "swap them where the annotations state the size, or undo a rotation of the photos",
    ),
    (
        PhotoFault::OtherSize,
        "are of another size than their annotations say",
        "bring the photos that were annotated: their boxes are in pixels",
    ),
];

pub(super) fn check(report: &mut DoctorReport, dataset: &Dataset, decoded: usize) {
    let mut faults: Vec<Option<(PhotoFault, String)>> =
        dataset.photos.par_iter().map(by_header).collect();
    let chosen: Vec<usize> = spread(dataset.photos.len(), decoded)
        .filter(|&i| faults[i].is_none())
        .collect();
    let unreadable: Vec<_> = chosen
        .par_iter()
        .map(|&i| {
            (
                i,
                dataset::read(&dataset.photos[i].path, Jpeg::Strict).err(),
            )
        })
        .collect();
    for (i, fault) in unreadable {
        faults[i] = fault.map(|why| (PhotoFault::Unreadable, why.to_string()));
    }
    report.fact(
        "photos",
        format!(
            "{} looked at, {} decoded",
            dataset.photos.len(),
            chosen.len()
        ),
    );
    for (kind, what, help) in KINDS {
        let faulty = dataset
            .photos
            .iter()
            .zip(&faults)
            .filter_map(|(photo, fault)| Some((photo, fault.as_ref()?)));
        let of_kind: Vec<(&str, &str)> = faulty
            .filter(|(_, fault)| fault.0 == kind)
            .map(|(photo, (_, why))| (photo.id.as_str(), why.as_str()))
            .collect();
        let Some((_, why)) = of_kind.first() else {
            continue;
        };
        let names: Vec<&str> = of_kind.iter().map(|(id, _)| *id).collect();
        let why = if why.is_empty() {
            String::new()
        } else {
            format!(" ({why})")
        };
        report.finding(
            format!("{} photos {what}: {}{why}", names.len(), first(&names)),
            help,
        );
    }
}

/// What a look at a photo's header tells.
fn by_header(photo: &Photo) -> Option<(PhotoFault, String)> {
    if !photo.path.is_file() {
        return Some((PhotoFault::Missing, String::new()));
    }
    let found = match dataset::photo_size(&photo.path) {
        Ok(found) => found,
        Err(e) => return Some((PhotoFault::Unreadable, e.to_string())),
    };
    let annotated = photo.size.filter(|size| *size != found)?;
    let kind = if annotated == Size::new(found.height, found.width) {
        PhotoFault::Swapped
    } else {
        PhotoFault::OtherSize
    };
    Some((
        kind,
        format!(
            "the photo is {found}, its annotation says {annotated}"
        ),
    ))
}
