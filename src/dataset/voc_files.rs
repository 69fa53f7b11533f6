//! Where the files of a dataset in Pascal VOC's form are.
//!
//! VOC has `Annotations/NAME.xml` and `JPEGImages/NAME.jpg`. Annotation tools also write other names
//! of folders, photos in other formats, folders in these folders, or annotations and photos side by
//! side. The photo of an annotation is the one with the same name, whatever its extension, or else
//! the one that the annotation names.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::DatasetError;
use super::photo_search::PhotoSearch;
use crate::storage;

/// The folders that may contain the annotations; if there is none, they are beside the photos.
const ANNOTATION_FOLDERS: [&str; 2] = ["Annotations", "annotations"];

/// The folders that may contain the photos; if there is none, they are beside the annotations.
const PHOTO_FOLDERS: [&str; 3] = ["JPEGImages", "images", "Images"];

/// Annotations in deeper folders are not searched for. This also ends a loop of links.
const MAX_DEPTH: usize = 8;

/// The annotations and photos of a dataset.
#[derive(Debug)]
pub(super) struct VocFiles {
    /// The annotations by name: their path in the folder of annotations, with `/` and without the
    /// extension.
    pub(super) annotations: BTreeMap<String, PathBuf>,
    photo_folder: PathBuf,
    /// The photos by their path in the folder of photos, without the extension.
    photos: BTreeMap<String, Vec<PathBuf>>,
    /// The same by the last part of that path.
    photos_by_stem: HashMap<String, Vec<PathBuf>>,
}

impl VocFiles {
    /// The files in `root`; `photos` is the folder of photos where that is known.
    ///
    /// # Errors
    /// When a folder cannot be read, or when two annotations have the same name.
    pub(super) fn find(root: &Path, photos: Option<PathBuf>) -> Result<Self, DatasetError> {
        let annotation_folder = folder(root, &ANNOTATION_FOLDERS);
        let photo_folder = photos.unwrap_or_else(|| folder(root, &PHOTO_FOLDERS));
        let mut files = Self {
            annotations: BTreeMap::new(),
            photos: BTreeMap::new(),
            photos_by_stem: HashMap::new(),
            photo_folder,
        };
        let found = xml_files(&annotation_folder);
        for path in found.map_err(|e| DatasetError::at(&annotation_folder, e))? {
            let name = name_in(&annotation_folder, &path);
            if let Some(first) = files.annotations.insert(name, path.clone()) {
                let fault = format!("it has the same name as {}", first.display());
                return Err(DatasetError::at(&path, fault));
            }
        }
        if storage::is_dir(&files.photo_folder) {
            let search = PhotoSearch::new(&files.photo_folder);
            for path in search
                .map_err(|e| DatasetError::at(&files.photo_folder, e))?
                .photos
            {
                let name = name_in(&files.photo_folder, &path);
                let stem = last_part(&name).to_owned();
                files
                    .photos_by_stem
                    .entry(stem)
                    .or_default()
                    .push(path.clone());
                files.photos.entry(name).or_default().push(path);
            }
        }
        Ok(files)
    }

    /// The photo of the annotation `name`, which names the file `filename`. Where there is no such
    /// photo, the path at which VOC has it. It is an error if several photos could be meant.
    pub(super) fn photo(&self, name: &str, filename: &str) -> Result<PathBuf, String> {
        let filename = last_part(filename);
        let stem_of_filename = filename.rsplit_once('.').map_or(filename, |(stem, _)| stem);
        let same_name = self.photos.get(name);
        let same_stem = || self.photos_by_stem.get(last_part(name));
        let named = || self.photos_by_stem.get(stem_of_filename);
        let Some(found) = same_name.or_else(same_stem).or_else(named) else {
            let expected = self.photo_folder.join(name).with_added_extension("jpg");
            return Ok(expected);
        };
        let is_named = |path: &&PathBuf| path.file_name().is_some_and(|own| own == filename);
        let exact: Vec<_> = found.iter().filter(is_named).collect();
        match (&found[..], &exact[..]) {
            ([only], _) => Ok(only.clone()),
            (_, [only]) => Ok((*only).clone()),
            _ => {
                let shown: Vec<_> = found
                    .iter()
                    .map(|path| path.display().to_string())
                    .collect();
                Err(format!(
                    "several photos could be meant: {}",
                    shown.join(", ")
                ))
            }
        }
    }

    /// Whether `filename` names a photo that is there, but another one than `photo`.
    pub(super) fn names_another(&self, filename: &str, photo: &Path) -> bool {
        let filename = last_part(filename);
        let stem = filename.rsplit_once('.').map_or(filename, |(stem, _)| stem);
        let named = self.photos_by_stem.get(stem);
        named.is_some_and(|named| !named.iter().any(|path| path == photo))
    }

    /// The number of photos.
    pub(super) fn photo_count(&self) -> usize {
        self.photos.values().map(Vec::len).sum()
    }
}

/// The folder of a dataset in VOC's form: `root` if it has a folder of annotations or XML files
/// that each are beside a photo of the same name, or else one below it.
pub(super) fn find_root(root: &Path) -> Option<PathBuf> {
    let xml = xml_files(root).ok()?;
    let is_annotation_folder = |path: &&Path| ANNOTATION_FOLDERS.iter().any(|n| path.ends_with(n));
    let mut folders = xml.iter().flat_map(|path| path.ancestors().skip(1));
    let own =
        folders.find(|path| path.starts_with(root) && *path != root && is_annotation_folder(path));
    if let Some(folder) = own {
        return folder.parent().map(Path::to_owned);
    }
    if xml.is_empty() {
        return None;
    }
    let files = VocFiles::find(root, None).ok()?;
    let mut names = files.annotations.keys();
    names
        .any(|name| files.photos.contains_key(name))
        .then(|| root.to_owned())
}

/// The first of these folders that is in `root`, or else `root` itself.
fn folder(root: &Path, names: &[&str]) -> PathBuf {
    let mut folders = names.iter().map(|name| root.join(name));
    folders
        .find(|path| storage::is_dir(path))
        .unwrap_or_else(|| root.to_owned())
}

/// The XML files in a folder and those below it, without hidden files and folders. Archives in the
/// folder are searched too, unless they are compressed as a whole.
fn xml_files(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![(root.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        if storage::is_archive(&folder) || storage::is_inside(&folder) {
            let members = storage::members(&folder)?.into_iter();
            let shown = members.filter(|path| is_xml(path) && !path.iter().any(is_hidden));
            files.extend(shown.map(|path| folder.join(path)));
            continue;
        }
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if is_hidden(path.file_name().unwrap_or_default()) {
                continue;
            }
            let is_readable_archive = storage::is_archive(&path) && !storage::is_compressed(&path);
            if path.is_dir() || is_readable_archive {
                if depth < MAX_DEPTH {
                    folders.push((path, depth + 1));
                }
            } else if is_xml(&path) {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".") || name == "__MACOSX"
}

fn is_xml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("xml"))
}

/// The path of a file in a folder, with `/` and without the extension.
fn name_in(folder: &Path, path: &Path) -> String {
    let below = path.strip_prefix(folder).unwrap_or(path).with_extension("");
    let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

/// What follows the last `/` or `\`.
fn last_part(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[&str]) -> (tempfile::TempDir, VocFiles) {
        let folder = tempfile::tempdir().expect("a folder");
        for name in names {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, "").expect("a file");
        }
        let files = VocFiles::find(folder.path(), None).expect("readable");
        (folder, files)
    }

    /// The photo of an annotation in a folder of these files, as a path in that folder.
    fn photo(names: &[&str], annotation: &str, filename: &str) -> Result<String, String> {
        let (folder, files) = files(names);
        let found = files.photo(annotation, filename)?;
        let below = found.strip_prefix(folder.path()).expect("below the folder");
        Ok(below.display().to_string())
    }

    #[test]
    fn photos_are_found_whatever_their_extension_and_folder() {
        for (names, annotation, filename, expected) in [
            // The extension is wrong, in capitals, or absent.
            (
                &["Annotations/a.xml", "JPEGImages/a.png"][..],
                "a",
                "a.jpg",
                "JPEGImages/a.png",
            ),
            (
                &["Annotations/a.xml", "JPEGImages/a.JPG"],
                "a",
                "a",
                "JPEGImages/a.JPG",
            ),
            (
                &["annotations/a.b.xml", "images/a.b.jpeg"],
                "a.b",
                "",
                "images/a.b.jpeg",
            ),
            // The path is another machine's.
            (&["a.xml", "a.webp"], "a", "C:\\photos\\a.jpg", "a.webp"),
            (
                &["t/a.xml", "t/a.jpg", "v/a.jpg"],
                "t/a",
                "a.jpg",
                "t/a.jpg",
            ),
            (
                &["Annotations/xmls/a.xml", "images/a.jpg"],
                "xmls/a",
                "",
                "images/a.jpg",
            ),
            // The annotation is called otherwise than its photo.
            (
                &["Annotations/7.xml", "images/a.jpg"],
                "7",
                "/home/me/a.jpg",
                "images/a.jpg",
            ),
            // The file's name wins over one that was not changed with it.
            (
                &["Annotations/a.xml", "images/a.jpg", "images/b.jpg"],
                "a",
                "b.jpg",
                "images/a.jpg",
            ),
            // Of two photos, the annotation names one.
            (&["a.xml", "a.jpg", "a.png"], "a", "a.png", "a.png"),
            // There is none.
            (
                &["Annotations/a.xml", "JPEGImages/b.jpg"],
                "a",
                "a.jpg",
                "JPEGImages/a.jpg",
            ),
        ] {
            let found = photo(names, annotation, filename);
            assert_eq!(found.as_deref(), Ok(expected), "{names:?} {filename}");
        }
    }

    #[test]
    fn several_photos_are_named() {
        for (names, annotation, filename) in [
            (&["a.xml", "a.jpg", "a.png"][..], "a", "a.bmp"),
            (
                &["Annotations/a.xml", "images/1/a.jpg", "images/2/a.jpg"],
                "a",
                "a.jpg",
            ),
            (
                &["Annotations/7.xml", "images/a.jpg", "images/a.jpeg"],
                "7",
                "a",
            ),
        ] {
            let error = photo(names, annotation, filename).expect_err("two photos");
            assert!(
                error.starts_with("several photos could be meant: "),
                "{error}"
            );
            assert_eq!(error.matches(", ").count(), 1, "{error}");
        }
    }

    #[test]
    fn a_dataset_is_recognised_by_its_annotations() {
        for (names, expected) in [
            (&["Annotations/a.xml", "JPEGImages/a.jpg"][..], Some("")),
            (&["annotations/more/a.XML"], Some("")),
            (&["train/a.xml", "train/a.jpg", "valid/b.jpg"], Some("")),
            (
                &["VOCdevkit/VOC2007/Annotations/a.xml", "notes.xml"],
                Some("VOCdevkit/VOC2007"),
            ),
            (&["a.jpg", "notes.xml"], None),
            (
                &["a.jpg", "._a.xml", "__MACOSX/a.xml", ".hidden/a.xml"],
                None,
            ),
            (&["Annotations/a.txt", "a.jpg"], None),
        ] {
            let (folder, _) = files(names);
            let found = find_root(folder.path());
            assert_eq!(
                found,
                expected.map(|below| folder.path().join(below)),
                "{names:?}"
            );
        }
    }
}
