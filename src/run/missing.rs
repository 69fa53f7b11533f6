//! Photos that are not there, found before any work begins.

use std::path::Path;

use rayon::prelude::*;

use super::outage;
use crate::dataset::{Dataset, Photo};
use crate::listing::first_few;
use crate::path_text;
use crate::remedy::{Refused, Remedy};
use crate::storage;

/// Warns of photos that are not there. Each counts as wrong.
///
/// # Errors
/// [`Refused`] if none is there, with what was looked for and what is there instead.
pub(super) fn check(dataset: &Dataset) -> Result<(), Refused> {
    let missing: Vec<&Photo> = dataset
        .photos
        .par_iter()
        .filter(|photo| !storage::is_file(&photo.path))
        .collect();
    let (count, all) = (missing.len(), dataset.photos.len());
    if count == all {
        let looked_for = first_few(missing.iter().map(|photo| path_text::encode(&photo.path)));
        let message = format!(
            "{}: none of its {all} photos is there; looked for {looked_for}; {}",
            dataset.name,
            found_instead(&outage::root(&dataset.photos))
        );
        return Err(Refused::new(message, Remedy::DataDir));
    }
    if count > 0 {
        let names = first_few(missing.iter().map(|photo| photo.id.clone()));
        tracing::warn!(
            "{}: {count} of {all} photos are missing, and count as wrong: {names}",
            dataset.name
        );
    }
    Ok(())
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
