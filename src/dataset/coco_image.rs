//! The photos of a COCO file.
//!
//! `file_name` is the photo's path in the folder of photos. Tools also write the path or the address
//! that the photo had elsewhere: then leading parts are dropped as long as there is no such file.
//! Where an entry has no width and height, they are those of the photo.

use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;

use super::coco_json::{CocoEntry, whole_number};
use super::decode::{self, MAX_SIDE};
use crate::geometry::Size;
use crate::storage;

/// A photo's file and size.
#[derive(Debug, PartialEq)]
pub(super) struct CocoImage {
    /// As the entry states it.
    pub(super) file_name: String,
    pub(super) path: PathBuf,
    pub(super) size: Size,
    /// Whether the entry states the size, which is that of the photo otherwise.
    pub(super) states_size: bool,
}

impl CocoImage {
    /// The photo of an entry, in the first of the folders that has it.
    pub(super) fn parse(entry: &CocoEntry, folders: &[PathBuf]) -> Result<Self, String> {
        let file_name = entry.text("file_name")?;
        let path = find(folders, &file_name);
        let sides = [parse_side(entry, "width")?, parse_side(entry, "height")?];
        let stated = match sides {
            [Some(width), Some(height)] => Some(Size::new(width, height)),
            _ => None,
        };
        let size = match stated {
            Some(size) => size,
            None => decode::read_size(&path).map_err(|e| {
                let (name, path) = (&entry.name, path.display());
                format!("{name}: it has no width and height, and neither has {path}: {e}")
            })?,
        };
        Ok(Self {
            file_name,
            path,
            size,
            states_size: stated.is_some(),
        })
    }
}

/// A side of a photo; `None` where it is absent or 0.
fn parse_side(entry: &CocoEntry, key: &str) -> Result<Option<u32>, String> {
    let Some(value) = entry.get(key) else {
        return Ok(None);
    };
    match whole_number(value) {
        Some(0) => Ok(None),
        Some(side) if side <= u64::from(MAX_SIDE) => Ok(Some(side as u32)),
        _ => Err(entry.unexpected(key, &format!("a whole number up to {MAX_SIDE}"))),
    }
}

/// The path of the photo that an entry calls `file_name`, in the first of the folders that has it.
/// Where none has it, the path at which the first folder should.
fn find(folders: &[PathBuf], file_name: &str) -> PathBuf {
    let names = possible_names(file_name);
    let mut paths = names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let found = paths.find(|path| storage::is_file(path));
    found.unwrap_or_else(|| {
        let folder = folders.first().map_or(Path::new(""), PathBuf::as_path);
        folder.join(names.first().map_or(file_name, String::as_str))
    })
}

/// The name as it is written, and then the ends of the path that it is. An address has no other
/// form than the ends of its path.
fn possible_names(file_name: &str) -> Vec<String> {
    let mut names = Vec::new();
    let path = match file_name.split_once("://") {
        Some((_, address)) => {
            let path = address.split(['?', '#']).next().unwrap_or_default();
            let (_, path) = path.split_once('/').unwrap_or(("", path));
            percent_decode_str(path).decode_utf8_lossy().into_owned()
        }
        None => {
            names.push(file_name.to_owned());
            file_name.replace('\\', "/")
        }
    };
    let mut rest = Some(path.trim_start_matches('/'));
    while let Some(end) = rest.filter(|end| !end.is_empty()) {
        names.push(end.to_owned());
        rest = end.split_once('/').map(|(_, below)| below);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_are_found_by_the_end_of_their_path() {
        let folder = tempfile::tempdir().expect("a folder");
        let folders = ["val", "images"].map(|name| folder.path().join(name));
        for name in [
            "val/a.jpg",
            "val/b/a.jpg",
            "val/odd\\name.jpg",
            "images/c d.jpg",
        ] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, "").expect("a file");
        }
        for (file_name, expected) in [
            ("a.jpg", "val/a.jpg"),
            ("b/a.jpg", "val/b/a.jpg"),
            ("b\\a.jpg", "val/b/a.jpg"),
            ("odd\\name.jpg", "val/odd\\name.jpg"),
            ("./a.jpg", "val/./a.jpg"),
            ("/home/me/val2017/a.jpg", "val/a.jpg"),
            ("C:\\data\\b\\a.jpg", "val/b/a.jpg"),
            ("http://example.org/val2017/a.jpg", "val/a.jpg"),
            (
                "https://example.org/images/c%20d.jpg?size=1",
                "images/c d.jpg",
            ),
            ("s3://bucket/b/a.jpg", "val/b/a.jpg"),
            ("c d.jpg", "images/c d.jpg"),
            // There is no such photo.
            ("e.jpg", "val/e.jpg"),
            ("http://example.org/e.jpg", "val/e.jpg"),
        ] {
            let found = find(&folders, file_name);
            assert_eq!(found, folder.path().join(expected), "{file_name}");
        }
    }
}
