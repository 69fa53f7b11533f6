//! What is where: files, folders, and what they contain.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::index::as_path;
use super::location::locate;

/// What an archive, or a folder of it, contains.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// The paths of the files below the folder, sorted.
    pub(crate) files: Vec<PathBuf>,
    /// The paths of the links below the folder that lead to no file of the archive, sorted. A link
    /// to a folder is one of them.
    pub(crate) broken: Vec<PathBuf>,
    /// What the user should know about the archive, each a sentence.
    pub(crate) notes: Vec<String>,
}

/// Whether this is a file that is not an archive.
pub(crate) fn is_file(path: &Path) -> bool {
    match locate(path) {
        Ok(Some(place)) => place.archive.index.get(&place.name).is_some(),
        Ok(None) => path.is_file(),
        Err(_) => false,
    }
}

/// Whether this is a folder, an archive, or a folder in one.
pub(crate) fn is_dir(path: &Path) -> bool {
    match locate(path) {
        Ok(Some(place)) => place.archive.index.has_folder(&place.name),
        Ok(None) => path.is_dir(),
        Err(_) => false,
    }
}

/// Whether there is anything at this path.
pub(crate) fn exists(path: &Path) -> bool {
    path.exists() || is_file(path) || is_dir(path)
}

/// What is in an archive or in a folder of it; empty where there is none.
///
/// # Errors
/// When the archive cannot be used.
pub(crate) fn contents(folder: &Path) -> io::Result<Contents> {
    let Some(place) = locate(folder)? else {
        return Ok(Contents::default());
    };
    let index = &place.archive.index;
    let depth = as_path(&place.name).components().count();
    let below = |name: &[u8]| as_path(name).components().skip(depth).collect();
    let members = index.below(&place.name);
    let broken = index
        .broken
        .iter()
        .filter(|name| as_path(name).starts_with(as_path(&place.name)));
    Ok(Contents {
        files: members.iter().map(|member| below(&member.name)).collect(),
        broken: broken.map(|name| below(name)).collect(),
        notes: index.notes.clone(),
    })
}

/// The paths of all files in an archive, below it, sorted.
///
/// # Errors
/// When the archive cannot be used.
pub(crate) fn members(archive: &Path) -> io::Result<Vec<PathBuf>> {
    contents(archive).map(|contents| contents.files)
}

/// The paths of what is directly in a folder or archive, sorted.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn children(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut children: Vec<PathBuf> = if locate(folder)?.is_some() {
        let files = members(folder)?;
        let first = files.iter().filter_map(|file| file.iter().next());
        first.map(|name| folder.join(name)).collect()
    } else {
        let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
        entries.collect::<io::Result<_>>()?
    };
    children.sort();
    children.dedup();
    Ok(children)
}
