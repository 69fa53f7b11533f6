//! Files that are published whole: a reader sees the old file or the new one, and so does whoever
//! comes after a power cut.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The output cannot be written, or not be read again. What lies in the folder is as it was, or
/// holds the photos done so far.
#[derive(Debug, thiserror::Error)]
pub struct OutputError {
    /// `read` or `write`.
    what: &'static str,
    path: PathBuf,
    cause: io::Error,
    /// How many photos a journal holds, where there is one.
    safe: Option<String>,
}

impl OutputError {
    pub(crate) fn at(path: &Path) -> impl Fn(io::Error) -> Self {
        move |cause| Self {
            what: "write",
            path: path.into(),
            cause,
            safe: None,
        }
    }

    pub(crate) fn reading(path: &Path) -> impl Fn(io::Error) -> Self {
        move |cause| Self {
            what: "read",
            path: path.into(),
            cause,
            safe: None,
        }
    }

    /// The same where so many photos are safe.
    pub(crate) fn with_safe_photos(self, safe: impl fmt::Display) -> Self {
        Self {
            safe: Some(safe.to_string()),
            ..self
        }
    }

    /// Whether the reader of a pipe has seen enough.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        self.cause.kind() == io::ErrorKind::BrokenPipe
    }
}

impl fmt::Display for OutputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = self.cause.to_string();
        let cause = cause.split(" (os error").next().unwrap_or_default();
        write!(f, "cannot {} {}: {cause}", self.what, self.path.display())?;
        match &self.safe {
            Some(safe) => write!(
                f,
                ". {safe} photos are safe; free space and run the same command"
            ),
            None => write!(f, "; mend that and run the same command again"),
        }
    }
}

/// Whether a file can be written here: asked before long work, which a mistyped folder should not
/// cost.
pub(crate) fn ensure_writable(path: &Path) -> Result<(), OutputError> {
    let part = path.with_added_extension("tmp");
    match File::create(&part).and_then(|_| fs::remove_file(&part)) {
        // Another process tried it too.
        Err(error)
            if error.kind() == io::ErrorKind::NotFound
                && path.parent().is_some_and(Path::is_dir) =>
        {
            Ok(())
        }
        tried => tried.map_err(OutputError::at(path)),
    }
}

/// Publishes a file.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
    write_atomically_with(path, |file| file.write_all(bytes)).map_err(OutputError::at(path))
}

/// Publishes a file: written beside its place, synced, renamed, and the name synced.
pub(crate) fn write_atomically_with(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let part = path.with_added_extension("tmp");
    let mut file = BufWriter::new(File::create(&part)?);
    write(&mut file)?;
    file.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_all()?;
    fs::rename(&part, path)?;
    sync_folder(path)
}

/// Syncs the name of a file.
pub(crate) fn sync_folder(of: &Path) -> io::Result<()> {
    let folder = of.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
