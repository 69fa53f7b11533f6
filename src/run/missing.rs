//! Photos that are not there, found before any work begins.

use std::collections::HashSet;
use std::path::Path;

use rayon::prelude::*;

use super::outage;
use crate::dataset::{Dataset, Photo};
use crate::listing::first_few;
use crate::path_text;
use crate::remedy::{Refused, Remedy};
use crate::storage;

/// The places of photos that are not there. They are warned of, and each counts as wrong.
///
/// # Errors
/// [`Refused`] if none is there, with what was looked for and what is there instead.
pub(super) fn find(dataset: &Dataset) -> Result<HashSet<usize>, Refused> {
    let is_missing = |photo: &Photo| !storage::is_file(&photo.path);
    let photos = dataset.photos.par_iter().enumerate();
    let missing: Vec<usize> = photos
        .filter_map(|(place, photo)| is_missing(photo).then_some(place))
        .collect();
    let (count, all, total) = (missing.len(), dataset.photos.len(), dataset.total_photos);
    let of_total = if all < total {
        format!(" of {total}")
    } else {
        String::new()
    };
    let first = || missing.iter().map(|&place| &dataset.photos[place]);
    if count == all {
        let looked_for = first_few(first().map(|photo| path_text::encode(&photo.path)));
        let message = format!(
            "{}: none of its {all}{of_total} photos is there; looked for {looked_for}; {}",
            dataset.name,
            found_instead(&outage::root(&dataset.photos))
        );
        return Err(Refused::new(message, Remedy::DataDirOrImages));
    }
    if count > 0 {
        let names = first_few(first().map(|photo| photo.id.clone()));
        tracing::warn!(
            "{}: {count} of {all}{of_total} photos are missing, and count as wrong unless only the others \
             are chosen: {names}",
            dataset.name
        );
    }
    Ok(missing.into_iter().collect())
}

/// What is in the folder of the photos, or that this folder is not there either.
fn found_instead(folder: &Path) -> String {
    let shown = path_text::encode(folder);
    match storage::children(folder) {
        Err(error) => format!("{shown}: {error}"),
        Ok(found) if found.is_empty() => format!("{shown} is empty"),
        Ok(found) => {
            let names = found
                .iter()
                .map(|path| path_text::encode(path.file_name().unwrap_or_default()));
            format!("{shown} has {}", first_few(names))
        }
    }
}
