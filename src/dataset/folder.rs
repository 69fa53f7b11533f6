//! A plain folder of photos without boxes: for running, not for scoring boxes.
//!
//! Photos may be in folders that are named after their class, by its key (a WordNet id) or its
//! index in the class list, as in `n02119789/a.jpg`. Other photos have no class. An archive
//! `n02119789.tar` is such a folder; its extension is not part of the photos' names. The name of a
//! photo is its path in the folder, in which odd characters are escaped (`src/path_text.rs`).

use std::path::{Path, PathBuf};

use super::decode::read_sizes;
use super::error::DatasetError;
use super::ilsvrc;
use super::photo::Photo;
use super::photo_search::PhotoSearch;
use super::profile::Profile;
use super::truth::Dataset;
use super::unread_annotations;
use crate::classes::ClassList;
use crate::path_text;
use crate::storage;

pub(super) fn read(root: &Path, classes: ClassList) -> Result<Dataset, DatasetError> {
    let PhotoSearch {
        photos: found,
        others,
        notes,
    } = PhotoSearch::new(root)?;
    let mut named: Vec<(PathBuf, PathBuf)> = Vec::with_capacity(found.len());
    for photos in found.chunk_by(|a, b| a.parent() == b.parent()) {
        let folder = photos[0].parent().unwrap_or(root);
        let folder = storage::as_unpacked(folder, root);
        let name = |path: &PathBuf| folder.join(path.file_name().unwrap_or_default());
        named.extend(photos.iter().map(|path| (name(path), path.clone())));
    }
    drop(found);
    // The order is that of the names, which archives may change.
    named.sort();
    let (names, paths): (Vec<_>, Vec<_>) = named.into_iter().unzip();
    let sizes = read_sizes(&paths);
    let of_ilsvrc = of_ilsvrc(&paths);
    let mut photos = Vec::with_capacity(paths.len());
    for ((name, path), size) in names.into_iter().zip(paths).zip(sizes) {
        photos.push(Photo {
            id: path_text::encode(&name),
            class: class_of_folder(&name, &classes),
            size,
            path,
            ..Photo::default()
        });
    }
    Ok(Dataset {
        profile: Profile::Boxes,
        classes,
        photos,
        notes: notes.into_iter().chain(of_ilsvrc).collect(),
        suspicions: unread_annotations::suspicion(root, &others)
            .into_iter()
            .collect(),
        ..Dataset::default()
    })
}

/// The note on photos of ILSVRC's validation set, whose boxes another dataset has.
fn of_ilsvrc(paths: &[PathBuf]) -> Option<String> {
    let name = |path: &PathBuf| path_text::encode(path.file_name().unwrap_or_default());
    let is_known = |path: &PathBuf| ilsvrc::number_in_path(&name(path)).is_some();
    (!paths.is_empty() && paths.iter().all(is_known)).then(|| {
        "these photos are of ILSVRC's validation set, and are read without boxes; the dataset \
         `ilsvrc-val` reads them with their boxes"
            .to_owned()
    })
}

/// The class after which the folder of a photo is named, if it is.
fn class_of_folder(photo: &Path, classes: &ClassList) -> Option<usize> {
    let folder = photo.parent()?.file_name()?.to_str()?;
    if let Some(class) = classes.class(folder) {
        return Some(class);
    }
    let index = folder.parse().ok()?;
    (index < classes.len()).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    /// Classes by key and by number, a photo of no class, other files, capital letters.
    #[test]
    fn odd_folders_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in [
            "n02119789/b.JPEG",
            "7/a.png",
            "lone.jpg",
            "n00000000/c.jpg",
            "n02119789/notes.txt",
        ] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            if name.ends_with("txt") {
                std::fs::write(path, "not a photo").expect("a file");
            } else {
                image::RgbImage::new(5, 4).save(path).expect("a photo");
            }
        }
        let list = ClassList::read(ClassList::IMAGENET).expect("the classes");
        let dataset = read(folder.path(), list).unwrap_or_else(|e| panic!("{e}"));
        let found: Vec<_> = dataset
            .photos
            .iter()
            .map(|p| (p.id.as_str(), p.class, p.size))
            .collect();
        let size = Some(Size::new(5, 4));
        let expected = [
            ("7/a.png", Some(7), size),
            ("lone.jpg", None, size),
            ("n00000000/c.jpg", None, size),
            ("n02119789/b.JPEG", Some(278), size),
        ];
        assert_eq!(found, expected);
        let note = "1 files that are not pictures were left out: 1 .txt";
        assert_eq!(dataset.notes, [note]);
    }
}
