//! The metadata of wsolevaluation (Choe et al. 2020) as a dataset: its four lists ([`wsol_lists`]),
//! and the rest that a dataset needs.
//!
//! Two more lists are optional: `blacklist.txt` (the numbers of ILSVRC's val photos that are left
//! out of localisation) and `ascii_order_to_synset_order.txt` (the ILSVRC ID of each class in the
//! order of sorted WordNet ids).

use std::path::{Path, PathBuf};

use super::error::DatasetError;
use super::photo::Photo;
use super::profile::Profile;
use super::truth::Dataset;
use super::validator::BoxValidator;
use super::{ilsvrc, wsol_lists};
use crate::classes::ClassList;
use crate::storage;

/// The ILSVRC ID of each class, in the order of sorted WordNet ids.
const LABEL_ORDER: &str = "ascii_order_to_synset_order.txt";

/// Reads the lists in `folder`; photos are in `images`, masks in `masks`. `classes` names the
/// labels. Without it, they are ImageNet's if the photos are ILSVRC's, and mere numbers otherwise.
pub(super) fn read(
    folder: &Path,
    images: &Path,
    masks: &Path,
    classes: Option<ClassList>,
    lenient: bool,
) -> Result<Dataset, DatasetError> {
    let mut validator = BoxValidator::new(lenient);
    let mut photos = wsol_lists::read(folder, |id| images.join(id), masks, &mut validator)?;
    let classes = class_list(&photos, classes)?;
    wsol_lists::check_complete(&photos, classes.len(), folder, &mut validator);

    let blacklist = apply_blacklist(folder, &mut photos)?;
    let label_order = wsol_lists::existing(folder, LABEL_ORDER);
    let ilsvrc_ids = match &label_order {
        Some(path) => Some(ilsvrc::read_label_order(path, classes.len())?),
        None => None,
    };
    let (mut notes, edges) = validator.finish()?;
    let is_ilsvrc = has_ilsvrc_photos(&photos);
    if is_ilsvrc && blacklist.is_none() {
        notes.push(ilsvrc::NO_BLACKLIST.into());
    }
    let profile = if is_ilsvrc {
        Profile::Devkit
    } else {
        Profile::Boxes
    };
    let mut files = Vec::new();
    files.extend(blacklist.map(|path| ("blacklist", path)));
    files.extend(label_order.map(|path| ("label order", path)));
    Ok(Dataset {
        profile,
        classes,
        ilsvrc_ids,
        photos,
        notes,
        edges,
        files,
        ..Dataset::default()
    })
}

fn has_ilsvrc_photos(photos: &[Photo]) -> bool {
    photos
        .iter()
        .any(|photo| ilsvrc::photo_number(&photo.id) > 0)
}

/// Marks the blacklisted photos, and returns the path of the blacklist, if there is one.
fn apply_blacklist(folder: &Path, photos: &mut [Photo]) -> Result<Option<PathBuf>, DatasetError> {
    let Some(path) = wsol_lists::existing(folder, "blacklist.txt") else {
        return Ok(None);
    };
    let numbers = ilsvrc::read_blacklist(&path, ilsvrc::PHOTOS)?;
    for photo in photos {
        photo.blacklisted = numbers.contains(&ilsvrc::photo_number(&photo.id));
    }
    Ok(Some(path))
}

/// The given classes, or ImageNet's for ILSVRC's photos, or else numbers.
fn class_list(photos: &[Photo], given: Option<ClassList>) -> Result<ClassList, DatasetError> {
    if let Some(list) = given {
        return Ok(list);
    }
    if has_ilsvrc_photos(photos) {
        return Ok(ClassList::read(ClassList::IMAGENET)?);
    }
    let largest = photos.iter().filter_map(|photo| photo.class).max();
    Ok(ClassList::numbered(largest.map_or(0, |label| label + 1)))
}

/// The folder of masks for the lists in `folder`, which is `metadata/SET/SPLIT` in a checkout: the
/// first of the data folder and the checkout's `masks/SET` and `dataset/SET` that contains `test`
/// or `val`, or else the data folder.
pub(super) fn find_masks(folder: &Path, data: &Path) -> PathBuf {
    let set = folder
        .parent()
        .and_then(Path::file_name)
        .unwrap_or_default();
    let checkout = folder.ancestors().nth(3).unwrap_or(Path::new(""));
    let candidates = [
        data.to_owned(),
        checkout.join("masks").join(set),
        checkout.join("dataset").join(set),
    ];
    candidates
        .into_iter()
        .find(|place| {
            ["test", "val"]
                .iter()
                .any(|split| storage::is_dir(&place.join(split)))
        })
        .unwrap_or(data.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::wsol_lists::IDS_FILE;
    use super::*;
    use crate::dataset::Mask;
    use crate::geometry::{BBox, Size};

    const LISTS: [(&str, &str); 4] = [
        (
            IDS_FILE,
            "val/ILSVRC2012_val_00000001.JPEG\r\nval/ILSVRC2012_val_00000002.JPEG",
        ),
        (
            "class_labels.txt",
            "val/ILSVRC2012_val_00000002.JPEG,970\nval/ILSVRC2012_val_00000001.JPEG,65",
        ),
        (
            "image_sizes.txt",
            "val/ILSVRC2012_val_00000001.JPEG,500,375\nval/ILSVRC2012_val_00000002.JPEG,500,375",
        ),
        (
            "localization.txt",
            "val/ILSVRC2012_val_00000001.JPEG,111,108,441,193\n\
             val/ILSVRC2012_val_00000002.JPEG,45,49,499,162\n\
             val/ILSVRC2012_val_00000002.JPEG,2,69,437,207",
        ),
    ];

    fn folder(change: &[(&str, &str)]) -> TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in LISTS.iter().chain(change) {
            fs::write(folder.path().join(name), text).expect("a file");
        }
        folder
    }

    fn read_lists(change: &[(&str, &str)]) -> Result<Dataset, DatasetError> {
        let folder = folder(change);
        read(folder.path(), folder.path(), folder.path(), None, false)
    }

    /// No newline at the end, carriage returns, labels in another order than the photos, two boxes
    /// of one photo.
    #[test]
    fn odd_lists_are_read() {
        let order: Vec<_> = (1..=1000).rev().map(|n: usize| n.to_string()).collect();
        let dataset = read_lists(&[("blacklist.txt", "2\n36"), (LABEL_ORDER, &order.join("\n"))])
            .unwrap_or_else(|e| panic!("{e}"));
        let [first, second] = &dataset.photos[..] else {
            panic!("two photos")
        };
        assert_eq!(
            (first.class, first.size, first.blacklisted),
            (Some(65), Some(Size::new(500, 375)), false)
        );
        assert_eq!(first.boxes, [BBox::new(111., 108., 442., 194.)]);
        assert_eq!((second.boxes.len(), second.blacklisted), (2, true));
        assert_eq!(
            (dataset.profile, dataset.ilsvrc_ids.expect("an order")[0]),
            (Profile::Devkit, 1000)
        );
        assert_eq!(dataset.classes.key(65), "n01751748");
    }

    #[test]
    fn masks_are_joined() {
        let lists = [
            (IDS_FILE, "test/a.jpg\ntest/b.jpg\n"),
            ("class_labels.txt", "test/a.jpg,7\ntest/b.jpg,99\n"),
            ("image_sizes.txt", "test/a.jpg,4,4\ntest/b.jpg,4,4\n"),
            (
                "localization.txt",
                "test/a.jpg,m0.png,i.png\ntest/a.jpg,m1.png,\ntest/b.jpg,n0.png,j.png\n",
            ),
        ];
        let dataset = read_lists(&lists).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(
            (dataset.classes.len(), dataset.profile),
            (100, Profile::Boxes)
        );
        let Some(Mask::Joined { objects, ignore }) = &dataset.photos[0].mask else {
            panic!("a mask")
        };
        let name = |path: &Path| path.file_name().expect("a name").to_owned();
        assert_eq!(
            objects.iter().map(|p| name(p)).collect::<Vec<_>>(),
            ["m0.png", "m1.png"]
        );
        assert_eq!(ignore.as_ref().map(|p| name(p)), Some("i.png".into()));
    }

    /// The first photo of the lists.
    const ID: &str = "val/ILSVRC2012_val_00000001.JPEG";

    /// Checks that lists are refused if one of them has this text: the name of the list, its text,
    /// and a part of the message.
    fn assert_refused(cases: &[(&str, String, &str)]) {
        for (name, text, expected) in cases {
            let error = read_lists(&[(name, text)]).expect_err(expected).to_string();
            assert!(error.contains(expected), "{expected}:\n{error}");
        }
    }

    #[test]
    fn faults_of_lists_name_their_place() {
        assert_refused(&[
            (
                IDS_FILE,
                format!("{ID}\n{ID}\nval/ILSVRC2012_val_00000002.JPEG"),
                "image_ids.txt:2: duplicate id",
            ),
            (
                "class_labels.txt",
                format!("{ID},65"),
                "00000002.JPEG has no class",
            ),
            (
                "class_labels.txt",
                format!("{ID},65\nval/ILSVRC2012_val_00000002.JPEG,1000"),
                "a label outside",
            ),
            (
                "class_labels.txt",
                format!("{ID},-1"),
                "class_labels.txt:1: '-1' is not a label",
            ),
            (
                "image_sizes.txt",
                format!("{ID},500"),
                "image_sizes.txt:1: expected 3 fields, found 2",
            ),
            (
                "image_sizes.txt",
                format!("{ID},500,0"),
                "image_sizes.txt:1: '0' is not a width or height in pixels",
            ),
            (
                "blacklist.txt",
                "50001".into(),
                "photo 50001 does not exist",
            ),
            (LABEL_ORDER, "1\n2".into(), "each of 1 to 1000 once"),
        ]);
    }

    #[test]
    fn faults_of_boxes_and_masks_name_their_place() {
        assert_refused(&[
            (
                "localization.txt",
                format!("{ID},1,2,3"),
                "localization.txt:1: 4 fields are neither a box (5) nor a mask (3)",
            ),
            (
                "localization.txt",
                format!("{ID},1,2,nan,4"),
                "localization.txt:1: 'nan' is not a number",
            ),
            (
                "localization.txt",
                format!("{ID},9,2,3,4"),
                "localization.txt:1: box (9, 2, 4, 5) is inverted (x_min >= x_max)",
            ),
            (
                "localization.txt",
                format!("{ID},1,2,3,4"),
                "00000002.JPEG has neither a box nor a mask",
            ),
            (
                "localization.txt",
                "other,1,2,3,4".into(),
                "other is not in image_ids.txt",
            ),
        ]);
    }
}
