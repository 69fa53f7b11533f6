//! In which folders and archives files lie, in words.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::photo_name::is_wnid;
use crate::path_text;
use crate::storage;

/// How many places are named.
const NAMED: usize = 3;

/// The folders and archives of these files with the number of files in each, as they are below
/// `root`: `50000 in ILSVRC2012_img_val.tar`.
pub(super) fn counted<'a>(root: &Path, files: impl Iterator<Item = &'a PathBuf>) -> String {
    let mut counts: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for file in files {
        *counts.entry(place(file)).or_default() += 1;
    }
    let shown = counts.iter().take(NAMED).map(|(place, count)| {
        let place = below(root, place);
        format!("{count} in {place}")
    });
    let mut shown: Vec<String> = shown.collect();
    if counts.len() > NAMED {
        shown.push(format!("{} more places", counts.len() - NAMED));
    }
    shown.join(", ")
}

/// A path as it is below `root`, or `root` itself.
pub(super) fn below(root: &Path, path: &Path) -> String {
    match path.strip_prefix(root) {
        Ok(below) if !below.as_os_str().is_empty() => path_text::encode(below),
        _ => path_text::encode(path),
    }
}

/// The archive that a file is in, or else its folder, or the folder of the folders of classes.
fn place(file: &Path) -> PathBuf {
    if let Some(archive) = storage::archive_of(file) {
        return archive.to_owned();
    }
    let mut folder = file.parent().unwrap_or(Path::new(""));
    let name = folder.file_name().and_then(|name| name.to_str());
    if name.is_some_and(is_wnid) {
        folder = folder.parent().unwrap_or(folder);
    }
    folder.to_owned()
}
