//! The files in a folder and its subfolders, without what systems leave behind.
//!
//! Hidden files and folders are left out, and so are those that macOS, Windows and network storage
//! create by themselves. A link to a file is a file. A link to a folder is followed, but no folder
//! is read twice: it is read under its own path if it has one here, and otherwise under the first
//! link to it. A link may therefore lead to a folder above it; what is outside the folder that is
//! searched is not read through a link to a folder above that.
//!
//! An archive is a folder. It is left out where its files are beside it too, unpacked, in the same
//! folder or in one that is named after it, and where it is compressed as a whole and not itself the
//! folder that is searched.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::error::DatasetError;
use crate::storage::{self, Contents};

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
    /// Links that lead nowhere, in archives also those to folders.
    pub(super) broken: Vec<PathBuf>,
    /// Archives that are left out because their files are there unpacked.
    pub(super) unpacked: Vec<PathBuf>,
    /// Archives that are left out because they are compressed as a whole.
    pub(super) compressed: Vec<PathBuf>,
    /// What the user should know about archives, each a sentence.
    pub(super) notes: Vec<String>,
    /// The folders that were read and those above all, as canonical paths.
    read: HashSet<PathBuf>,
    /// Which folders and archives are not searched.
    excluded: Option<fn(&Path) -> bool>,
}

impl FolderFiles {
    /// Searches `root`, whatever its own name, and all folders below it.
    ///
    /// # Errors
    /// [`DatasetError`] with the folder that cannot be read.
    pub(crate) fn new(root: &Path) -> Result<Self, DatasetError> {
        Self::default().search(root)
    }

    /// The same without the folders and archives that are `excluded`.
    ///
    /// # Errors
    /// [`DatasetError`] with the folder that cannot be read.
    pub(super) fn without(root: &Path, excluded: fn(&Path) -> bool) -> Result<Self, DatasetError> {
        let found = Self {
            excluded: Some(excluded),
            ..Self::default()
        };
        found.search(root)
    }

    fn search(mut self, root: &Path) -> Result<Self, DatasetError> {
        let found = &mut self;
        if storage::is_archive(root) || storage::is_inside(root) {
            found.add_members(root, contents(root)?);
            found.sort();
            return Ok(self);
        }
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
        found.sort();
        Ok(self)
    }

    fn sort(&mut self) {
        for paths in [
            &mut self.files,
            &mut self.hidden,
            &mut self.repeated,
            &mut self.broken,
            &mut self.unpacked,
            &mut self.compressed,
        ] {
            paths.sort();
        }
        self.notes.sort();
    }

    /// Reads a folder and those below it, unless it has been read, and returns the links to folders.
    fn read_folder(&mut self, folder: &Path) -> Result<Vec<PathBuf>, DatasetError> {
        let failed = cannot_read(folder);
        let mut links = Vec::new();
        if !self.read.insert(folder.canonicalize().map_err(&failed)?) {
            self.repeated.push(folder.to_owned());
            return Ok(links);
        }
        if storage::is_archive(folder) {
            self.read_archive(folder)?;
            return Ok(links);
        }
        for entry in fs::read_dir(folder).map_err(&failed)? {
            let entry = entry.map_err(&failed)?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(&failed)?);
            if is_excluded(self.excluded, &path) {
                continue;
            }
            if is_hidden(&entry.file_name()) {
                self.hidden.push(path);
            } else if kind.is_dir() || (kind.is_file() && storage::is_archive(&path)) {
                links.extend(self.read_folder(&path)?);
            } else if kind.is_symlink() && (path.is_dir() || storage::is_archive(&path)) {
                links.push(path);
            } else if kind.is_symlink() && path.metadata().is_err() {
                self.broken.push(path);
            } else {
                self.files.push(path);
            }
        }
        Ok(links)
    }

    /// Reads an archive that is in the folder.
    fn read_archive(&mut self, archive: &Path) -> Result<(), DatasetError> {
        if storage::is_compressed(archive) {
            self.compressed.push(archive.to_owned());
            return Ok(());
        }
        let contents = contents(archive)?;
        let name = archive.as_os_str().as_bytes();
        let named_after = &name[..name.len() - storage::extension_length(archive)];
        let beside = [
            Some(OsStr::from_bytes(named_after).as_ref()),
            archive.parent(),
        ];
        let mut beside = beside.into_iter().flatten();
        let has_all = |folder: &Path| {
            let mut files = contents.files.iter();
            !contents.files.is_empty() && files.all(|file| folder.join(file).is_file())
        };
        if beside.any(has_all) {
            self.unpacked.push(archive.to_owned());
        } else {
            self.add_members(archive, contents);
        }
        Ok(())
    }

    /// Adds what is in an archive, or in a folder of one.
    fn add_members(&mut self, folder: &Path, contents: Contents) {
        let Contents {
            files,
            broken,
            notes,
        } = contents;
        let excluded = self.excluded;
        let shown = folder.display();
        self.notes
            .extend(notes.iter().map(|note| format!("{shown}: {note}")));
        for (paths, to) in [(files, &mut self.files), (broken, &mut self.broken)] {
            for path in paths {
                if path.ancestors().any(|part| is_excluded(excluded, part)) {
                    continue;
                }
                match path.iter().position(is_hidden) {
                    None => to.push(folder.join(path)),
                    Some(at) => self
                        .hidden
                        .push(folder.join(path.iter().take(at + 1).collect::<PathBuf>())),
                }
            }
        }
        self.hidden.sort();
        self.hidden.dedup();
    }
}

fn contents(archive: &Path) -> Result<Contents, DatasetError> {
    storage::contents(archive).map_err(cannot_read(archive))
}

fn cannot_read(folder: &Path) -> impl Fn(io::Error) -> DatasetError {
    move |error| DatasetError::unreadable(folder, error)
}

fn is_excluded(excluded: Option<fn(&Path) -> bool>, path: &Path) -> bool {
    excluded.is_some_and(|excluded| excluded(path))
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
