//! Files that are replaced as a whole: a reader sees the old file or the new one, even after a power
//! cut.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The output cannot be written, or cannot be read again. The folder is unchanged, or holds the
/// photos done so far.
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

    /// The same error, which also says how many photos are safe.
    pub(crate) fn with_safe_photos(self, safe: impl fmt::Display) -> Self {
        Self {
            safe: Some(safe.to_string()),
            ..self
        }
    }

    /// Whether the reader of a pipe has closed it.
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
            None => write!(f, "; fix this and run the same command again"),
        }
    }
}

/// Checks that a file can be written, before long work that a mistyped folder would waste.
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

/// Replaces a file as a whole.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
    write_atomically_with(path, |file| file.write_all(bytes)).map_err(OutputError::at(path))
}

/// Writes a file beside its place, syncs it, renames it, and syncs the name.
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
