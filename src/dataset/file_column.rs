//! The column `file` of a table of boxes: the path of a photo, as text.

use std::path::{Path, PathBuf};

use crate::path_text;
use crate::storage;

/// How a table writes paths.
#[derive(Clone, Copy, Debug)]
pub(super) enum FileColumn {
    /// As this program writes them ([`path_text`]).
    Own,
    /// As the path itself, or as this program writes it.
    Any,
}

impl FileColumn {
    /// The path that the text stands for, relative to `folder`.
    ///
    /// # Errors
    /// A text when it could be the path of either of two files.
    pub(super) fn path(self, text: &str, folder: &Path) -> Result<PathBuf, String> {
        let decoded = folder.join(path_text::decode(text));
        if !path_text::has_escapes(text) || matches!(self, Self::Own) {
            return Ok(decoded);
        }
        let itself = folder.join(text);
        match (storage::exists(&itself), storage::exists(&decoded)) {
            (true, true) => Err(format!(
                "{text} is the name of one file and, with its escapes replaced, of another; a \
                 backslash of a name is written as \\x5C"
            )),
            (false, true) => Ok(decoded),
            (_, false) => Ok(itself),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_escapes_is_that_of_the_file_that_exists() {
        let folder = tempfile::tempdir().expect("a folder");
        let [itself, decoded] = ["a\\xE4.jpg".into(), path_text::decode("a\\xE4.jpg")]
            .map(|name| folder.path().join(name));
        let path = |column: FileColumn| column.path("a\\xE4.jpg", folder.path());
        // Where neither exists, a message has the text of the table.
        assert_eq!(path(FileColumn::Any), Ok(itself.clone()));
        std::fs::write(&decoded, "").expect("a file");
        assert_eq!(path(FileColumn::Any), Ok(decoded.clone()));
        std::fs::write(&itself, "").expect("a file");
        let error = path(FileColumn::Any).expect_err("two files");
        assert!(error.contains("of one file and"), "{error}");
        assert_eq!(path(FileColumn::Own), Ok(decoded.clone()));
        std::fs::remove_file(&decoded).expect("a file");
        assert_eq!(path(FileColumn::Any), Ok(itself));
        assert_eq!(path(FileColumn::Own), Ok(decoded));
    }
}
