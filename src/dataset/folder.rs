//! A plain folder of photos without boxes: for running, not for scoring boxes.
//!
//! Photos may be in folders that are named after their class, by its key (a WordNet id) or its
//! index in the class list, as in `n02119789/a.jpg`. Other photos have no class. The name of a
//! photo is its path in the folder.

use std::path::{Path, PathBuf};

use super::decode::read_sizes;
use super::error::DatasetError;
use super::photo::Photo;
use super::profile::Profile;
use super::truth::Dataset;
use crate::classes::ClassList;

pub(super) fn read(root: &Path, classes: ClassList) -> Result<Dataset, DatasetError> {
    let mut paths = Vec::new();
    collect(root, &mut paths).map_err(|e| DatasetError::at(root, e))?;
    paths.sort();
    let sizes = read_sizes(&paths);
    let mut photos = Vec::new();
    for (path, size) in paths.into_iter().zip(sizes) {
        let name = path.strip_prefix(root).unwrap_or(&path);
        photos.push(Photo {
            id: name.display().to_string(),
            class: class_of_folder(name, &classes),
            size,
            path,
            ..Photo::default()
        });
    }
    Ok(Dataset {
        profile: Profile::Boxes,
        classes,
        photos,
        ..Dataset::default()
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

/// Whether a folder contains photos, at any depth.
pub(super) fn has_photos(root: &Path) -> bool {
    let mut paths = Vec::new();
    collect(root, &mut paths).is_ok() && !paths.is_empty()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // A link may lead to a folder above this one, so links to folders are not followed.
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), paths)?;
        } else if is_photo(&entry.path()) {
            paths.push(entry.path());
        }
    }
    Ok(())
}

fn is_photo(path: &Path) -> bool {
    let extension = path
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or_default()
        .to_ascii_lowercase();
    ["jpg", "jpeg", "png"].contains(&extension.as_str())
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
    }
}
