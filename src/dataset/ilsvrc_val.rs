//! The photos of ILSVRC's validation set: their two names, their numbers, and the numbers of those
//! that are left out.

use std::collections::HashSet;
use std::path::Path;

use super::error::DatasetError;
use super::text;

/// The number of photos in the validation set.
pub(super) const PHOTOS: usize = 50_000;

/// The note if there is no blacklist.
pub(super) const NO_BLACKLIST: &str =
    "there is no blacklist: every photo counts in localisation, unlike in the devkit";

/// The name of a photo of the validation set as the devkit and Kaggle write it:
/// `ILSVRC2012_val_00000001`, where wsolevaluation has `val/ILSVRC2012_val_00000001.JPEG`. `None`
/// for any other name.
pub(crate) fn photo_name(id: &str) -> Option<&str> {
    let name = id.strip_prefix("val/").unwrap_or(id);
    let name = name.strip_suffix(".JPEG").unwrap_or(name);
    let digits = name.strip_prefix("ILSVRC2012_val_")?;
    (digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit())).then_some(name)
}

/// The number of a photo of the validation set, from 1 on, which is the one in its name. 0 for any
/// other name.
pub(super) fn photo_number(id: &str) -> usize {
    photo_name(id)
        .and_then(|name| name.rsplit('_').next()?.parse().ok())
        .unwrap_or(0)
}

/// The numbers, from 1 on, of the photos left out of localisation.
pub(super) fn read_blacklist(path: &Path, photos: usize) -> Result<HashSet<usize>, DatasetError> {
    let numbers = text::read_numbers(path)?;
    if let Some(outside) = numbers.iter().find(|&&n| n == 0 || n > photos) {
        return Err(DatasetError::at(
            path,
            format!("photo {outside} does not exist: there are {photos} photos"),
        ));
    }
    Ok(numbers.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_photo_has_two_names() {
        assert_eq!(
            photo_name("val/ILSVRC2012_val_00000036.JPEG"),
            Some("ILSVRC2012_val_00000036")
        );
        assert_eq!(
            (
                photo_number("ILSVRC2012_val_00000036"),
                photo_number("n02119789/a.JPEG"),
                photo_number("ILSVRC2012_val_3")
            ),
            (36, 0, 0)
        );
    }
}
