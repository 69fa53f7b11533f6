//! What lies below a data folder: the photos, annotations and lists of ILSVRC's validation set, each
//! recognised by its own name.
//!
//! Folders and archives of the training and test sets, which can be a hundred times as large, are
//! not searched.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};

use super::photo_name::number_in_file_name;
use crate::dataset::error::DatasetError;
use crate::dataset::folder_files::FolderFiles;
use crate::storage;

/// Kaggle's table of classes and boxes.
const SOLUTION: &str = "LOC_val_solution.csv";
/// The list of boxes of wsolevaluation, beside its other lists.
pub(super) const WSOL_BOXES: &str = "localization.txt";

/// Annotations and lists are smaller than this; photos in an archive that is compressed as a whole
/// are not worth a search.
const MAX_COMPRESSED_BYTES: u64 = 64 << 20;

/// The files of the validation set, by what they are.
#[derive(Debug, Default)]
pub(super) struct IlsvrcFiles {
    /// The photos by number.
    pub(super) photos: BTreeMap<usize, PathBuf>,
    /// The XML of photos by number.
    pub(super) annotations: BTreeMap<usize, PathBuf>,
    pub(super) solutions: Vec<PathBuf>,
    /// The folders of wsolevaluation's lists.
    pub(super) wsol: Vec<PathBuf>,
    pub(super) ground_truths: Vec<PathBuf>,
    pub(super) blacklists: Vec<PathBuf>,
    pub(super) label_orders: Vec<PathBuf>,
    /// Photos and annotations that lie in a second place too; that place does not count.
    pub(super) repeated: Vec<PathBuf>,
    /// Archives that are compressed as a whole, and too large to unpack them in memory.
    pub(super) too_large: Vec<PathBuf>,
    /// The other files.
    pub(super) others: Vec<PathBuf>,
}

impl IlsvrcFiles {
    /// Searches `root` and the folders and archives below it.
    ///
    /// # Errors
    /// [`DatasetError`] with the folder or archive that cannot be read.
    pub(super) fn new(root: &Path) -> Result<Self, DatasetError> {
        let FolderFiles {
            mut files,
            compressed,
            ..
        } = FolderFiles::without(root, is_of_another_set)?;
        let mut found = Self::default();
        for archive in compressed {
            let metadata = archive.metadata();
            if metadata.is_ok_and(|metadata| metadata.len() > MAX_COMPRESSED_BYTES) {
                found.too_large.push(archive);
                continue;
            }
            let members = storage::members(&archive);
            let members = members.map_err(|error| DatasetError::at(&archive, error))?;
            files.extend(members.iter().map(|member| archive.join(member)));
        }
        // Where a photo lies in a folder and in an archive, that of the folder counts.
        files.sort_by_cached_key(|path| storage::archive_of(path).is_some());
        for path in files {
            found.add(path);
        }
        Ok(found)
    }

    fn add(&mut self, path: PathBuf) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let list = match &*name {
            SOLUTION => &mut self.solutions,
            WSOL_BOXES => {
                let folder = path.parent().unwrap_or(Path::new("")).to_owned();
                self.wsol.push(folder);
                return;
            }
            "map_clsloc.txt" => &mut self.label_orders,
            "blacklist.txt" => &mut self.blacklists,
            _ if is_list(&name, "blacklist.txt") => &mut self.blacklists,
            _ if is_list(&name, "ground_truth.txt") => &mut self.ground_truths,
            _ => match number_in_file_name(&name) {
                Some(number) => {
                    let is_xml = name.ends_with(".xml");
                    return self.add_numbered(number, is_xml, path);
                }
                None => &mut self.others,
            },
        };
        list.push(path);
    }

    fn add_numbered(&mut self, number: usize, is_xml: bool, path: PathBuf) {
        let files = if is_xml {
            &mut self.annotations
        } else {
            &mut self.photos
        };
        match files.entry(number) {
            Entry::Vacant(place) => drop(place.insert(path)),
            Entry::Occupied(_) => self.repeated.push(path),
        }
    }
}

/// Whether a file is this list of the validation set, in an edition of the development kit: the
/// tasks of detection have lists of such names too.
fn is_list(name: &str, kind: &str) -> bool {
    let edition = name.strip_prefix("ILSVRC20").and_then(|rest| rest.get(2..));
    edition.is_some_and(|rest| {
        let rest = rest.strip_prefix("_clsloc").unwrap_or(rest);
        rest.strip_prefix("_validation_") == Some(kind)
    })
}

/// Whether a folder or archive contains photos or annotations of the training or test set.
fn is_of_another_set(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.to_lowercase();
    let sets = ["train", "ilsvrc2012_img_train", "ilsvrc2012_bbox_train"];
    let archives = ["train_images", "test_images", "ilsvrc2012_img_test"];
    sets.contains(&&*name)
        || sets[1..]
            .iter()
            .chain(&archives)
            .any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_those_of_classification_and_localisation() {
        for (name, kind, expected) in [
            (
                "ILSVRC2012_validation_ground_truth.txt",
                "ground_truth.txt",
                true,
            ),
            (
                "ILSVRC2014_clsloc_validation_ground_truth.txt",
                "ground_truth.txt",
                true,
            ),
            (
                "ILSVRC2015_clsloc_validation_blacklist.txt",
                "blacklist.txt",
                true,
            ),
            (
                "ILSVRC2014_det_validation_blacklist.txt",
                "blacklist.txt",
                false,
            ),
            (
                "ILSVRC2015_vid_validation_ground_truth.txt",
                "ground_truth.txt",
                false,
            ),
            (
                "ILSVRC2012_validation_ground_truth.txt",
                "blacklist.txt",
                false,
            ),
        ] {
            assert_eq!(is_list(name, kind), expected, "{name}");
        }
    }

    #[test]
    fn other_sets_are_not_searched() {
        for (name, expected) in [
            ("imagenet/train", true),
            ("ILSVRC/Data/CLS-LOC/train", true),
            ("ILSVRC2012_img_train.tar", true),
            ("ILSVRC2012_img_train_t3.tar", true),
            ("ILSVRC2012_bbox_train_v2.tar.gz", true),
            ("train_images_0.tar.gz", true),
            ("test_images.tar.gz", true),
            ("ILSVRC2012_img_test_v10102019.tar", true),
            ("val", false),
            ("metadata/ILSVRC/test", false),
            ("training", false),
            ("ILSVRC2012_img_val.tar", false),
        ] {
            assert_eq!(is_of_another_set(Path::new(name)), expected, "{name}");
        }
    }
}
