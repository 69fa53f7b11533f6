//! Some photos of a dataset: those that a file names, one per line, or those that are in a folder.
//!
//! A line that is not UTF-8 stands for the photo whose path in its folder has these bytes.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::error::DatasetError;
use super::photo_search::PhotoSearch;
use super::text;
use crate::path_text;
use crate::storage;

/// The names of some photos.
#[derive(Clone, Debug)]
pub(super) struct PhotoList {
    /// The file or folder.
    pub(super) path: PathBuf,
    /// Each name, and the number of its line in the file or its place in the folder.
    pub(super) names: Vec<(usize, String)>,
    /// Whether these are the photos in a folder, among which there may be others.
    pub(super) is_folder: bool,
}

impl PhotoList {
    pub(super) fn read(path: &Path) -> Result<Self, DatasetError> {
        if storage::is_dir(path) {
            Self::of_folder(path)
        } else {
            Self::of_file(path)
        }
    }

    /// The photos in a folder and in those below it, by their paths in the folder.
    fn of_folder(folder: &Path) -> Result<Self, DatasetError> {
        let photos = PhotoSearch::new(folder)?.photos;
        let name = |path: &PathBuf| path_text::encode(path.strip_prefix(folder).unwrap_or(path));
        Ok(Self {
            path: folder.to_owned(),
            names: (1..).zip(photos.iter().map(name)).collect(),
            is_folder: true,
        })
    }

    fn of_file(path: &Path) -> Result<Self, DatasetError> {
        let bytes = text::read_bytes(path).map_err(|error| {
            error.or_advice("give a file that names photos, or a folder of photos")
        })?;
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
        let lines = (1..).zip(bytes.split(|byte| *byte == b'\n').map(name));
        Ok(Self {
            path: path.to_owned(),
            names: lines.filter(|(_, name)| !name.is_empty()).collect(),
            is_folder: false,
        })
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The name in a line.
fn name(line: &[u8]) -> String {
    match str::from_utf8(line) {
        Ok(text) => text.trim().to_owned(),
        Err(_) => path_text::encode(OsStr::from_bytes(line.trim_ascii())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_lines_are_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("images.txt");
        let text = b"\xEF\xBB\xBF a b.jpg\r\n\n\t\nK\xE4tzchen.jpg \r\nK\\xE4tzchen.jpg";
        std::fs::write(&path, text).expect("a file");
        let list = PhotoList::read(&path).unwrap_or_else(|e| panic!("{e}"));
        let names: Vec<_> = list
            .names
            .iter()
            .map(|(line, name)| (*line, &**name))
            .collect();
        let bytes = "K\\xE4tzchen.jpg";
        assert_eq!(names, [(1, "a b.jpg"), (4, bytes), (5, bytes)]);
    }
}
