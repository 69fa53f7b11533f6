//! The photos of ILSVRC's validation set: their two names, their numbers, and the numbers of those
//! that are left out.

use std::collections::HashSet;
use std::path::Path;

use super::{DatasetError, text};

/// How many photos the validation set has.
pub(super) const PHOTOS: usize = 50_000;

/// What is said where there is none.
pub(super) const NO_BLACKLIST: &str =
    "no blacklist lies here: every photo counts in localisation, unlike in the devkit";

/// What the devkit and Kaggle call a photo of the validation set: `ILSVRC2012_val_00000001`, where
/// wsolevaluation has `val/ILSVRC2012_val_00000001.JPEG`. `None` for any other name.
pub(crate) fn bare(id: &str) -> Option<&str> {
    let name = id.strip_prefix("val/").unwrap_or(id);
    let name = name.strip_suffix(".JPEG").unwrap_or(name);
    let digits = name.strip_prefix("ILSVRC2012_val_")?;
    (digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit())).then_some(name)
}

/// The number of a photo of the validation set, from 1 on: that in its name. 0 for any other name.
pub(super) fn number(id: &str) -> usize {
    bare(id)
        .and_then(|name| name.rsplit('_').next()?.parse().ok())
        .unwrap_or(0)
}

/// The numbers, from 1 on, of the photos left out of localisation.
pub(super) fn blacklist(path: &Path, photos: usize) -> Result<HashSet<usize>, DatasetError> {
    let numbers = text::numbers(path)?;
    if let Some(outside) = numbers.iter().find(|&&n| n == 0 || n > photos) {
        return Err(DatasetError::at(
            path,
            format!("photo {outside}, but there are {photos}"),
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
            bare("val/ILSVRC2012_val_00000036.JPEG"),
            Some("ILSVRC2012_val_00000036")
        );
        assert_eq!(
            (
                number("ILSVRC2012_val_00000036"),
                number("n02119789/a.JPEG"),
                number("ILSVRC2012_val_3")
            ),
            (36, 0, 0)
        );
    }
}
