//! Photos: are they there, can they be read, are they of the size that the annotations say.

use rayon::prelude::*;

use super::{Report, first, spread};
use crate::dataset::{self, Dataset, Jpeg, Photo};

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Missing,
    Unreadable,
    /// The annotation's size is the photo's turned round.
    Swapped,
    OtherSize,
}

/// What is wrong with photos, and what to do.
const KINDS: [(Kind, &str, &str); 4] = [
    (
        Kind::Missing,
        "are missing",
        "does --data-dir name the folder of the photos? A score needs none; a run counts each as wrong",
    ),
    (
        Kind::Unreadable,
        "cannot be read",
        "fetch them anew; a run counts each as wrong",
    ),
    (
        Kind::Swapped,
        "have width and height swapped in their annotations",
        "swap them where the annotations state the size, or undo a rotation of the photos",
    ),
    (
        Kind::OtherSize,
        "are of another size than their annotations say",
        "bring the photos that were annotated: their boxes are in pixels",
    ),
];

pub(super) fn check(report: &mut Report, dataset: &Dataset, decoded: usize) {
    let mut faults: Vec<Option<(Kind, String)>> =
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
        faults[i] = fault.map(|why| (Kind::Unreadable, why.to_string()));
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
fn by_header(photo: &Photo) -> Option<(Kind, String)> {
    if !photo.path.is_file() {
        return Some((Kind::Missing, String::new()));
    }
    let [width, height] = match dataset::photo_size(&photo.path) {
        Ok(size) => size,
        Err(e) => return Some((Kind::Unreadable, e.to_string())),
    };
    let size = photo.size.filter(|size| *size != [width, height])?;
    let kind = if size == [height, width] {
        Kind::Swapped
    } else {
        Kind::OtherSize
    };
    Some((
        kind,
        format!(
            "the photo is {width} x {height}, its annotation says {} x {}",
            size[0], size[1]
        ),
    ))
}
