//! The photos of ILSVRC's validation set: their names, their numbers, and the numbers of those that
//! are left out of localisation.

use std::collections::HashSet;
use std::path::Path;

use crate::dataset::error::DatasetError;
use crate::dataset::text;

/// The number of photos in the validation set.
pub(in crate::dataset) const PHOTOS: usize = 50_000;

/// The note if there is no blacklist.
pub(in crate::dataset) const NO_BLACKLIST: &str =
    "there is no blacklist: every photo counts in localisation, unlike in the devkit";

/// The start of all names.
const START: &str = "ILSVRC2012_val_";

/// The extensions of photos and annotations, in lower case.
const EXTENSIONS: [&str; 5] = ["jpeg", "jpg", "png", "webp", "xml"];

/// The name of a photo of the validation set as the devkit and Kaggle write it:
/// `ILSVRC2012_val_00000001`, where wsolevaluation has `val/ILSVRC2012_val_00000001.JPEG`. `None`
/// for any other name.
pub(crate) fn photo_name(id: &str) -> Option<&str> {
    let name = id.strip_prefix("val/").unwrap_or(id);
    let name = name.strip_suffix(".JPEG").unwrap_or(name);
    let digits = name.strip_prefix(START)?;
    is_digits(digits, 8).then_some(name)
}

/// The number of a photo of the validation set, from 1 on, which is the one in its name. 0 for any
/// other name.
pub(in crate::dataset) fn photo_number(id: &str) -> usize {
    photo_name(id)
        .and_then(|name| name.rsplit('_').next()?.parse().ok())
        .unwrap_or(0)
}

/// The same for a path in any layout, such as `val/n01440764/ILSVRC2012_val_00000293.JPEG`. `None`
/// for the path of any other photo.
pub(in crate::dataset) fn number_in_path(path: &str) -> Option<usize> {
    let name = Path::new(path).file_name()?.to_str()?;
    let number = number_in_file_name(name).unwrap_or_else(|| photo_number(name));
    (number > 0).then_some(number)
}

/// The devkit's name of a photo.
pub(in crate::dataset) fn name_of(number: usize) -> String {
    format!("{START}{number:08}")
}

/// The number in the name of a photo's or an annotation's file: 36 for
/// `ILSVRC2012_val_00000036.JPEG`, and for Hugging Face's `ILSVRC2012_val_00000036_n02107312.JPEG`.
pub(super) fn number_in_file_name(name: &str) -> Option<usize> {
    let (stem, extension) = name.rsplit_once('.')?;
    let digits = stem.strip_prefix(START)?;
    let digits = match digits.split_once('_') {
        Some((digits, wnid)) if is_wnid(wnid) => digits,
        Some(_) => return None,
        None => digits,
    };
    let is_known = EXTENSIONS.contains(&&*extension.to_lowercase());
    let number = digits.parse().ok()?;
    (is_known && is_digits(digits, 8) && (1..=PHOTOS).contains(&number)).then_some(number)
}

/// The class that a photo's path states: the WordNet id in its name, or else that of its folder.
pub(super) fn stated_wnid(path: &Path) -> Option<&str> {
    let in_name = path.file_stem()?.to_str()?.rsplit('_').next();
    let folder = path.parent().and_then(Path::file_stem);
    let of_folder = folder.and_then(|name| name.to_str());
    [in_name, of_folder]
        .into_iter()
        .flatten()
        .find(|word| is_wnid(word))
}

/// Whether this is a WordNet id, such as `n01751748`.
pub(super) fn is_wnid(word: &str) -> bool {
    word.strip_prefix('n')
        .is_some_and(|digits| is_digits(digits, 8))
}

fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The numbers, from 1 on, of the photos left out of localisation.
pub(in crate::dataset) fn read_blacklist(
    path: &Path,
    photos: usize,
) -> Result<HashSet<usize>, DatasetError> {
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

    #[test]
    fn files_are_known_by_their_names() {
        for (name, expected) in [
            ("ILSVRC2012_val_00000036.JPEG", Some(36)),
            ("ILSVRC2012_val_00050000.jpg", Some(50_000)),
            ("ILSVRC2012_val_00000036.xml", Some(36)),
            ("ILSVRC2012_val_00000036_n02107312.JPEG", Some(36)),
            ("ILSVRC2012_val_00000036_mask.png", None),
            ("ILSVRC2012_val_00000000.JPEG", None),
            ("ILSVRC2012_val_00050001.JPEG", None),
            ("ILSVRC2012_val_36.JPEG", None),
            ("ILSVRC2012_val_00000036.txt", None),
            ("ILSVRC2012_test_00000036.JPEG", None),
            ("ILSVRC2012_val_00000036", None),
        ] {
            assert_eq!(number_in_file_name(name), expected, "{name}");
        }
    }

    #[test]
    fn a_photo_is_known_by_a_path_in_any_layout() {
        for (path, expected) in [
            ("ILSVRC2012_val_00000293", Some(293)),
            ("val/n01440764/ILSVRC2012_val_00000293.JPEG", Some(293)),
            ("./n01440764/ILSVRC2012_val_00000293", Some(293)),
            ("/a/ILSVRC2012_val_00000293_n01440764.JPEG", Some(293)),
            ("val/n01440764/n01440764_293.JPEG", None),
            ("..", None),
        ] {
            assert_eq!(number_in_path(path), expected, "{path}");
        }
    }

    #[test]
    fn the_class_is_in_the_name_or_in_the_folder() {
        for (path, expected) in [
            (
                "val/n01440764/ILSVRC2012_val_00000293.JPEG",
                Some("n01440764"),
            ),
            (
                "n01440764.tar/ILSVRC2012_val_00000293.JPEG",
                Some("n01440764"),
            ),
            (
                "val/ILSVRC2012_val_00000293_n01440764.JPEG",
                Some("n01440764"),
            ),
            ("val/ILSVRC2012_val_00000293.JPEG", None),
        ] {
            assert_eq!(stated_wnid(Path::new(path)), expected, "{path}");
        }
    }
}
