//! Photos: are they there, can they be read, are they of the size that the annotations say.

use rayon::prelude::*;

use super::{Report, first, spread};
use crate::dataset::{self, Dataset};

/// What is wrong with a photo.
enum Fault {
    Missing,
    Unreadable(String),
    /// The annotation's size is the photo's turned round.
    Swapped(String),
    OtherSize(String),
}

pub(super) fn check(report: &mut Report, dataset: &Dataset, decoded: usize) {
    let look = |photo: &dataset::Photo| {
        if !photo.path.is_file() {
            return Some(Fault::Missing);
        }
        let [width, height] = match dataset::photo_size(&photo.path) {
            Ok(size) => size,
            Err(e) => return Some(Fault::Unreadable(e.to_string())),
        };
        let shown = |[w, h]: [u32; 2]| format!("the photo is {width} x {height}, its annotation says {w} x {h}");
        match photo.size {
            Some(size) if size == [width, height] => None,
            Some(size) if size == [height, width] => Some(Fault::Swapped(shown(size))),
            Some(size) => Some(Fault::OtherSize(shown(size))),
            None => None,
        }
    };
    let mut faults: Vec<Option<Fault>> = dataset.photos.par_iter().map(look).collect();
    let chosen: Vec<usize> = spread(dataset.photos.len(), decoded).filter(|&i| faults[i].is_none()).collect();
    let unreadable: Vec<_> = chosen.par_iter().map(|&i| (i, dataset::read(&dataset.photos[i].path).err())).collect();
    for (i, fault) in unreadable {
        faults[i] = fault.map(Fault::Unreadable);
    }
    report.fact("photos", format!("{} looked at, {} decoded", dataset.photos.len(), chosen.len()));

    let found = |is: fn(&Fault) -> Option<&str>| -> Vec<(&str, &str)> {
        let pairs = dataset.photos.iter().zip(&faults);
        pairs.filter_map(|(photo, fault)| Some((photo.id.as_str(), is(fault.as_ref()?)?))).collect()
    };
    let kinds: [(&str, &str, Vec<(&str, &str)>); 4] = [
        (
            "photos are missing",
            "does --data-dir name the folder of the photos? A score needs none; a run counts each as wrong",
            found(|fault| matches!(fault, Fault::Missing).then_some("")),
        ),
        (
            "photos cannot be read",
            "fetch them anew; a run counts each as wrong",
            found(|fault| if let Fault::Unreadable(why) = fault { Some(why.as_str()) } else { None }),
        ),
        (
            "photos have width and height swapped in their annotations",
            "swap them where the annotations state the size, or undo a rotation of the photos",
            found(|fault| if let Fault::Swapped(why) = fault { Some(why.as_str()) } else { None }),
        ),
        (
            "photos are of another size than their annotations say",
            "bring the photos that were annotated: their boxes are in pixels",
            found(|fault| if let Fault::OtherSize(why) = fault { Some(why.as_str()) } else { None }),
        ),
    ];
    for (what, help, names) in kinds {
        let Some((_, why)) = names.first() else { continue };
        let shown = first(&names.iter().map(|(id, _)| *id).collect::<Vec<_>>());
        let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
        report.finding(format!("{} {what}: {shown}{why}", names.len()), help);
    }
}
