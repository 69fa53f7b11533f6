//! Which kind of predictions a file or folder holds.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::format::Format;
use crate::dataset::FolderFiles;
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
    /// files in it, hidden ones apart.
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
        if path.is_dir() {
            let found = FolderFiles::new(path).map_err(|e| e.to_string())?;
            let has = |wanted: &str| {
                let mut extensions = found.files.iter().filter_map(|file| file.extension());
                extensions.any(|extension| extension == wanted)
            };
            if has("npy") {
                return Ok(Self::Maps);
            }
            if has("png") {
                return Ok(Self::Masks);
            }
        }
        let extension = path.extension().and_then(|extension| extension.to_str());
        match extension.map(str::to_lowercase).as_deref() {
            Some("csv" | "tsv") if is_kaggle(path) => Ok(Self::Boxes(Format::Kaggle)),
            Some("csv" | "tsv") => Ok(Self::Boxes(Format::Rows)),
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

/// Whether a table has the column of guesses of Kaggle's submissions, in any spelling.
fn is_kaggle(path: &Path) -> bool {
    let mut beginning = Vec::new();
    let read = File::open(path).and_then(|file| file.take(1 << 16).read_to_end(&mut beginning));
    let beginning = String::from_utf8_lossy(&beginning);
    let header = beginning.lines().next().unwrap_or_default().to_lowercase();
    read.is_ok()
        && header
            .replace(['_', '-', ' '], "")
            .contains("predictionstring")
}
