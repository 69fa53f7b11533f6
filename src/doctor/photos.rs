//! Photos: whether they exist, can be read, and have the size that the annotations state.

use rayon::prelude::*;

use super::report::{DoctorReport, Finding};
use super::sample::spread;
use crate::dataset::{self, Dataset, Jpeg, Photo};
use crate::geometry::Size;
use crate::listing::first_few;
use crate::remedy::Remedy;
use crate::storage;

#[derive(Clone, Copy, PartialEq)]
enum PhotoFault {
    Missing,
    Unreadable,
    /// The annotation swaps width and height.
    Swapped,
    OtherSize,
}

impl PhotoFault {
    const ALL: [Self; 4] = [
        Self::Missing,
        Self::Unreadable,
        Self::Swapped,
        Self::OtherSize,
    ];

    fn description(self) -> &'static str {
        match self {
            Self::Missing => "are missing",
            Self::Unreadable => "cannot be read",
            Self::Swapped => "have width and height swapped in their annotations",
            Self::OtherSize => "are of another size than their annotations say",
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::Missing => "a score does not need the photos; a run counts each as wrong",
            Self::Unreadable => "fetch them again; a run counts each as wrong",
            Self::Swapped => {
                "swap them where the annotations state the size, or undo a rotation of the photos"
            }
            Self::OtherSize => {
                "use the photos that were annotated, because their boxes are in pixels"
            }
        }
    }

    fn remedies(self) -> Vec<Remedy> {
        let advice = Remedy::Advice(self.advice().into());
        match self {
            Self::Missing => vec![advice, Remedy::DataDirOrImages],
            _ => vec![advice],
        }
    }
}

/// A fault, and what is known of its cause, which may be nothing.
type PhotoDiagnosis = (PhotoFault, String);

/// Checks the header of every photo, and decodes `decoded` of those without a fault.
pub(super) fn check(report: &mut DoctorReport, dataset: &Dataset, decoded: usize) {
    let photos = &dataset.photos;
    let mut diagnoses: Vec<Option<PhotoDiagnosis>> = photos.par_iter().map(check_header).collect();
    let chosen: Vec<usize> = spread(photos.len(), decoded)
        .filter(|&i| diagnoses[i].is_none())
        .collect();
    let errors: Vec<_> = chosen
        .par_iter()
        .map(|&i| (i, dataset::read(&photos[i].path, Jpeg::Strict).err()))
        .collect();
    for (i, error) in errors {
        diagnoses[i] = error.map(|error| (PhotoFault::Unreadable, error.to_string()));
    }
    let is_missing =
        |diagnosis: &&Option<PhotoDiagnosis>| matches!(diagnosis, Some((PhotoFault::Missing, _)));
    let (all, read) = (photos.len(), chosen.len());
    let fact = match diagnoses.iter().filter(is_missing).count() {
        0 => format!("{all} looked at, {read} decoded"),
        missing => {
            let present = all - missing;
            format!("{present} of {all} are there and were looked at, {read} decoded")
        }
    };
    report.add_fact("photos", fact);
    for fault in PhotoFault::ALL {
        report.findings.extend(finding(fault, photos, &diagnoses));
    }
}

/// The finding that names the photos with this fault, if there are any.
fn finding(
    fault: PhotoFault,
    photos: &[Photo],
    diagnoses: &[Option<PhotoDiagnosis>],
) -> Option<Finding> {
    let mut names = Vec::new();
    let mut first_cause = None;
    for (photo, diagnosis) in photos.iter().zip(diagnoses) {
        if let Some((found, cause)) = diagnosis
            && *found == fault
        {
            names.push(photo.id.as_str());
            first_cause.get_or_insert(cause);
        }
    }
    let cause = match first_cause?.as_str() {
        "" => String::new(),
        cause => format!(" ({cause})"),
    };
    let (count, what, shown) = (names.len(), fault.description(), first_few(names));
    let what = format!("{count} photos {what}: {shown}{cause}");
    Some(Finding::new(what, fault.remedies()))
}

/// What a photo's header shows.
fn check_header(photo: &Photo) -> Option<PhotoDiagnosis> {
    if !storage::is_file(&photo.path) {
        return Some((PhotoFault::Missing, String::new()));
    }
    let found = match dataset::read_photo_size(&photo.path) {
        Ok(found) => found,
        Err(e) => return Some((PhotoFault::Unreadable, e.to_string())),
    };
    let annotated = photo.size.filter(|size| *size != found)?;
    let fault = if annotated == Size::new(found.height, found.width) {
        PhotoFault::Swapped
    } else {
        PhotoFault::OtherSize
    };
    let cause = format!("the photo is {found}, its annotation says {annotated}");
    Some((fault, cause))
}
