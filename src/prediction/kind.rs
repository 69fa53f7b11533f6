//! Which kind of predictions a file or folder holds.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::format::Format;
use crate::remedy::{Refused, Remedy};

/// A kind of predictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PredictionKind {
    /// Boxes.
    Boxes(Format),
    /// A folder of wsolevaluation's score maps, `ID.npy`.
    Maps,
    /// A folder of masks, `ID.png`.
    Masks,
}

impl PredictionKind {
    /// The kind of what is at `path`, by its extension and its beginning; for a folder, by the
    /// files in it.
    ///
    /// # Errors
    /// [`Refused`] if there is nothing at `path` or its kind cannot be recognised.
    pub fn from_path(path: &Path) -> Result<Self, Refused> {
        if !path.exists() {
            return Err(Refused::new(
                format!("{}: there is no such file or folder", path.display()),
                Remedy::OtherPredictions,
            ));
        }
        if path.is_dir() && holds_extension(path, "npy") {
            return Ok(Self::Maps);
        }
        if path.is_dir() && holds_extension(path, "png") {
            return Ok(Self::Masks);
        }
        let extension = path.extension().and_then(|extension| extension.to_str());
        match extension {
            Some("csv") if has_near_beginning(path, "PredictionString") => {
                Ok(Self::Boxes(Format::Kaggle))
            }
            Some("csv") => Ok(Self::Boxes(Format::Rows)),
            Some("json") => Ok(Self::Boxes(Format::Coco)),
            Some("txt") => Ok(Self::Boxes(Format::Devkit)),
            _ => Err(Refused::new(
                format!(
                    "{}: the format of the predictions is not recognised",
                    path.display()
                ),
                Remedy::PredictionFormat,
            )),
        }
    }
}

/// Whether a word is in the first 64 KiB of a file.
fn has_near_beginning(path: &Path, word: &str) -> bool {
    let mut beginning = Vec::new();
    let read = File::open(path).and_then(|file| file.take(1 << 16).read_to_end(&mut beginning));
    read.is_ok()
        && beginning
            .windows(word.len())
            .any(|window| window == word.as_bytes())
}

/// Whether a folder, or one in it, holds a file with this extension.
fn holds_extension(folder: &Path, extension: &str) -> bool {
    let Ok(entries) = folder.read_dir() else {
        return false;
    };
    entries.flatten().map(|entry| entry.path()).any(|path| {
        path.extension().is_some_and(|found| found == extension)
            || path.is_dir() && holds_extension(&path, extension)
    })
}
