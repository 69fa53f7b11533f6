//! Folders with one file for each photo.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::dataset::{Dataset, DatasetError, Faults, Photo};
use crate::remedy::Remedy;

/// The file of a photo in a folder: `FOLDER/ID.EXTENSION`.
pub(super) fn photo_file(folder: &Path, id: &str, extension: &str) -> PathBuf {
    folder.join(id).with_added_extension(extension)
}

/// Evaluates the file of each photo, in parallel. The results are in the dataset's order.
///
/// # Errors
/// [`DatasetError`] with the faults of all photos, up to the number that is listed.
pub(super) fn evaluate_photos<T: Send>(
    dataset: &Dataset,
    evaluate: impl Fn(&Photo) -> Result<T, String> + Send + Sync,
) -> Result<Vec<T>, DatasetError> {
    let results: Vec<Result<T, String>> = dataset.photos.par_iter().map(evaluate).collect();
    let mut faults = Faults::default();
    let mut values = Vec::new();
    for (photo, result) in dataset.photos.iter().zip(results) {
        match result {
            Ok(value) => values.push(value),
            Err(fault) => faults.add(format!("{}: {fault}", photo.id)),
        }
    }
    faults
        .into_result()
        .map_err(|error| error.or_remedy(Remedy::SelectPhotos))?;
    Ok(values)
}
