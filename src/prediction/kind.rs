//! What a file or folder of predictions holds, as its name and its beginning tell.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::Format;

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
    /// What lies at `path`.
    ///
    /// # Errors
    /// A text where nothing is there, or its name does not tell.
    pub fn of(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        Ok(
            match path
                .extension()
                .and_then(|e| e.to_str())
                .unwrap_or_default()
            {
                _ if !path.exists() => {
                    return Err(format!(
                        "{shown}: there is no such file or folder\nhelp: name boxes, maps, masks, or the folder of a run: \
                     runs/A"
                    ));
                }
                _ if path.is_dir() && holds(path, "npy") => Self::Maps,
                _ if path.is_dir() && holds(path, "png") => Self::Masks,
                "csv" if begins_with(path, "PredictionString") => Self::Boxes(Format::Kaggle),
                "csv" => Self::Boxes(Format::Rows),
                "json" => Self::Boxes(Format::Coco),
                "txt" => Self::Boxes(Format::Devkit),
                _ => {
                    return Err(format!(
                        "{shown}: what it holds cannot be told from its name\nhelp: say it with --format"
                    ));
                }
            },
        )
    }
}

/// Whether a word stands in the first kilobytes of a file.
fn begins_with(path: &Path, word: &str) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(1 << 16).read_to_end(&mut start));
    read.is_ok()
        && start
            .windows(word.len())
            .any(|window| window == word.as_bytes())
}

/// Whether a folder, or one in it, holds a file with this extension.
fn holds(folder: &Path, extension: &str) -> bool {
    let mut entries = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    entries.any(|path| {
        path.extension().is_some_and(|e| e == extension) || path.is_dir() && holds(&path, extension)
    })
}
