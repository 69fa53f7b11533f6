//! Where the archive is in a path.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::archive::{self, Archive, Stamp, unusable};
use super::index::joined;

/// The extensions of archives, the longest first.
const EXTENSIONS: [&str; 4] = [".tar.gz", ".tar", ".tgz", ".zip"];

/// A path in an archive.
pub(super) struct Location {
    pub(super) archive: Arc<Archive>,
    /// The path in the archive; empty for the archive itself.
    pub(super) name: Box<[u8]>,
}

/// The length of the extension of a file that is named like an archive, with its dot; 0 for any
/// other name.
pub(crate) fn extension_length(path: &Path) -> usize {
    let name = path.file_name().unwrap_or_default().as_bytes();
    let has = |extension: &&&str| {
        let start = name.len().checked_sub(extension.len());
        start.is_some_and(|at| at > 0 && name[at..].eq_ignore_ascii_case(extension.as_bytes()))
    };
    EXTENSIONS.iter().find(has).map_or(0, |found| found.len())
}

/// Whether this is the path of an archive: a file that is named like one.
pub(crate) fn is_archive(path: &Path) -> bool {
    // Without a slash at the end, which only a folder may have.
    extension_length(path) > 0 && path.components().as_path().is_file()
}

/// Whether a file is named like a tar that is compressed as a whole.
pub(crate) fn is_compressed(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    let is_compressed = ["gz", "tgz"]
        .iter()
        .any(|name| extension.eq_ignore_ascii_case(name));
    is_compressed && extension_length(path) > 0
}

/// The archive file that a path leads into, if it does.
pub(crate) fn archive_of(path: &Path) -> Option<&Path> {
    path.ancestors().skip(1).find(|place| is_archive(place))
}

/// Whether a path leads into an archive.
pub(crate) fn is_inside(path: &Path) -> bool {
    archive_of(path).is_some()
}

/// The path of a folder below `root`, as if each archive in it were a folder that is named without
/// the extension.
pub(crate) fn as_unpacked(folder: &Path, root: &Path) -> PathBuf {
    let below = folder.strip_prefix(root).unwrap_or(folder);
    if !is_archive(folder) && !is_inside(folder) {
        return below.to_owned();
    }
    let without_extension = |name: &OsStr| {
        let length = name.len() - extension_length(name.as_ref());
        OsStr::from_bytes(&name.as_bytes()[..length]).to_owned()
    };
    below.iter().map(without_extension).collect()
}

/// Where a path leads; `None` for a plain path, and for one that leads out of an archive again.
///
/// # Errors
/// When the archive cannot be used. One that has been used and is gone is an error of kind `Other`.
pub(super) fn locate(path: &Path) -> io::Result<Option<Location>> {
    let path = path.components().as_path();
    let mut found = None;
    // The outermost archive is the one that is a file.
    for place in path.ancestors() {
        if extension_length(place) == 0 {
            continue;
        }
        match fs::metadata(place) {
            Ok(metadata) if metadata.is_file() => found = Some((place, Stamp::from(&metadata))),
            Err(error) if archive::is_known(place) => return Err(unusable(place, error)),
            _ => {}
        }
    }
    let Some((place, stamp)) = found else {
        return Ok(None);
    };
    let below = path.strip_prefix(place).unwrap_or(Path::new(""));
    let Some(name) = joined(b"", below.as_os_str().as_bytes()) else {
        return Ok(None);
    };
    Ok(Some(Location {
        archive: archive::get(place, stamp)?,
        name,
    }))
}
