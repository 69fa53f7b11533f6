//! The files in a folder and its subfolders, without what systems leave behind.
//!
//! Hidden files and folders are left out, and so are those that macOS, Windows and network storage
//! create by themselves. A link to a file is a file. A link to a folder is followed, but no folder
//! is read twice: it is read under its own path if it has one here, and otherwise under the first
//! link to it. A link may therefore lead to a folder above it; what is outside the folder that is
//! searched is not read through a link to a folder above that.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::DatasetError;

/// What systems leave in folders besides names that begin with a dot, in lower case: an archive of
/// macOS, previews and settings of Windows, bins, previews of Synology's storage, a file system's
/// lost files, and the icon of a folder of macOS.
const DEBRIS: [&str; 9] = [
    "__macosx",
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "$recycle.bin",
    "system volume information",
    "@eadir",
    "lost+found",
    "icon\r",
];

/// What is in a folder. All paths begin with that of the folder, and are sorted.
#[derive(Debug, Default)]
pub(crate) struct FolderFiles {
    /// The files, links to files among them.
    pub(crate) files: Vec<PathBuf>,
    /// Hidden files and folders. What is in such a folder is not counted.
    pub(super) hidden: Vec<PathBuf>,
    /// Links to folders that were read under another path, or that contain the whole folder.
    pub(super) repeated: Vec<PathBuf>,
    /// Links that lead nowhere.
    pub(super) broken: Vec<PathBuf>,
    /// The folders that were read and those above all, as canonical paths.
    read: HashSet<PathBuf>,
}

impl FolderFiles {
    /// Searches `root`, whatever its own name, and all folders below it.
    ///
    /// # Errors
    /// [`DatasetError`] with the folder that cannot be read.
    pub(crate) fn new(root: &Path) -> Result<Self, DatasetError> {
        let mut found = Self::default();
        let above = root.canonicalize().map_err(cannot_read(root))?;
        found
            .read
            .extend(above.ancestors().skip(1).map(Path::to_owned));
        // Links come after all folders that are reached without them, and in the order of their
        // paths: what is found does not depend on the order in which the system lists a folder.
        let mut links = found.read_folder(root)?;
        while !links.is_empty() {
            links.sort();
            let mut further = Vec::new();
            for link in links {
                further.extend(found.read_folder(&link)?);
            }
            links = further;
        }
        let Self {
            files,
            hidden,
            repeated,
            broken,
            ..
        } = &mut found;
        for paths in [files, hidden, repeated, broken] {
            paths.sort();
        }
        Ok(found)
    }

    /// Reads a folder and those below it, unless it has been read, and returns the links to folders.
    fn read_folder(&mut self, folder: &Path) -> Result<Vec<PathBuf>, DatasetError> {
        let failed = cannot_read(folder);
        let mut links = Vec::new();
        if !self.read.insert(folder.canonicalize().map_err(&failed)?) {
            self.repeated.push(folder.to_owned());
            return Ok(links);
        }
        for entry in fs::read_dir(folder).map_err(&failed)? {
            let entry = entry.map_err(&failed)?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(&failed)?);
            if is_hidden(&entry.file_name()) {
                self.hidden.push(path);
            } else if kind.is_dir() {
                links.extend(self.read_folder(&path)?);
            } else if kind.is_symlink() && path.is_dir() {
                links.push(path);
            } else if kind.is_symlink() && path.metadata().is_err() {
                self.broken.push(path);
            } else {
                self.files.push(path);
            }
        }
        Ok(links)
    }
}

fn cannot_read(folder: &Path) -> impl Fn(io::Error) -> DatasetError {
    move |e| DatasetError::at(folder, format!("cannot read this folder: {e}"))
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
        || DEBRIS
            .iter()
            .any(|debris| name.eq_ignore_ascii_case(debris))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// The files, hidden files, repeated links and broken links of a folder, as paths below it.
    fn found(files: &[&str], links: &[(&str, &str)]) -> [Vec<String>; 4] {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join(".root");
        for name in files {
            let path = root.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, "").expect("a file");
        }
        for (target, name) in links {
            symlink(target, root.join(name)).expect("a link");
        }
        let found = FolderFiles::new(&root).unwrap_or_else(|e| panic!("{e}"));
        [found.files, found.hidden, found.repeated, found.broken].map(|paths| {
            let below = paths.iter().map(|path| path.strip_prefix(&root));
            below
                .map(|path| path.expect("below the folder").display().to_string())
                .collect()
        })
    }

    #[test]
    fn debris_is_hidden() {
        let debris = [
            ".DS_Store",
            "@eaDir/x.jpg/SYNOPHOTO_THUMB_M.jpg",
            "DESKTOP.INI",
            "Icon\r",
            "__MACOSX/a/._x.jpg",
            "a/.ipynb_checkpoints/x-checkpoint.jpg",
            "a/._x.jpg",
            "a/Thumbs.db",
            "lost+found/x.jpg",
        ];
        let [files, hidden, ..] =
            found(&[&debris[..], &["a/x.jpg", "Thumbs.db.jpg"]].concat(), &[]);
        assert_eq!(files, ["Thumbs.db.jpg", "a/x.jpg"]);
        assert_eq!(hidden.len(), debris.len(), "{hidden:?}");
    }

    /// To a folder that is read anyway, to those that hold the link, to one above all, to itself.
    #[test]
    fn a_link_to_a_folder_that_is_read_adds_nothing() {
        for target in ["../real/a", ".", "..", "../..", "/", "../real/again"] {
            let [files, _, repeated, broken] = found(&["real/a/x.jpg"], &[(target, "real/again")]);
            if target.ends_with("again") {
                // The link leads to itself.
                assert_eq!(files, ["real/a/x.jpg"]);
                assert_eq!(broken, ["real/again"]);
            } else {
                assert_eq!(files, ["real/a/x.jpg"], "{target}");
                assert_eq!(repeated, ["real/again"], "{target}");
            }
        }
    }

    #[test]
    fn links_are_followed_once() {
        let outside = tempfile::tempdir().expect("a folder");
        fs::create_dir(outside.path().join("sub")).expect("a folder");
        fs::write(outside.path().join("sub/y.jpg"), "").expect("a file");
        // One link beyond the first leads back out of the folder.
        symlink(outside.path(), outside.path().join("sub/up")).expect("a link");
        let target = outside.path().to_str().expect("UTF-8");
        let photo = format!("{target}/sub/y.jpg");
        let links = [(target, "cats"), (target, "felines"), (&*photo, "z.jpg")];
        let [files, hidden, repeated, broken] = found(&["x.jpg"], &links);
        assert_eq!(files, ["cats/sub/y.jpg", "x.jpg", "z.jpg"]);
        assert_eq!(repeated, ["cats/sub/up", "felines"]);
        assert!(hidden.is_empty() && broken.is_empty());
    }

    #[test]
    fn a_broken_link_is_named() {
        let links = [("nowhere", "n02123045"), ("/nowhere/a.jpg", "a.jpg")];
        let [files, .., broken] = found(&["x.jpg"], &links);
        assert_eq!(files, ["x.jpg"]);
        assert_eq!(broken, ["a.jpg", "n02123045"]);
    }
}
