//! Input that is refused, and what the caller can change.
//!
//! The library knows no command line, so an error says what is wrong and carries the remedy as a
//! value; `cli/help.rs` turns it into the line that begins with `help:`.

use std::fmt;

/// What the caller can change so that the same call succeeds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// Name the folder in which the dataset's files are.
    DataDir,
    /// Fetch the dataset's files, and name the folder in which they are.
    FetchData,
    /// Name the folder in which the files are that the run was made with.
    OriginalDataDir,
    /// Check whether this is the right folder of the dataset's files.
    CheckDataDir(String),
    /// Write the results to another folder.
    OtherFolder,
    /// Write the results to another folder, or start over in this one.
    OtherFolderOrFresh,
    /// Start over; the old files are kept under other names.
    Fresh,
    /// Restore the damaged file, or start over.
    RestoreOrFresh,
    /// Run the shards first, for example this one.
    RunShard(String),
    /// Check how many shards are expected.
    CheckShardCount,
    /// Localise the predicted classes, not the true one.
    PredictedClasses,
    /// Take a pipeline that makes a saliency map.
    OtherPipeline,
    /// Leave out invalid true boxes.
    LenientBoxes,
    /// Name other predictions: a file of boxes, or a folder of maps, masks or a run.
    OtherPredictions,
    /// Say in which format the predictions are.
    PredictionFormat,
    /// Fix the file, or say in which format it is.
    FixOrPredictionFormat,
    /// Score only the photos that have a file.
    SelectPhotos,
    /// Name the models of a study.
    StudyModels,
}

/// An error that a caller can fix by changing what it asked for.
#[derive(Clone, Debug, thiserror::Error)]
pub struct Refused {
    message: String,
    /// What to change.
    pub remedy: Remedy,
}

impl Refused {
    /// An error with this message and remedy.
    pub fn new(message: impl fmt::Display, remedy: Remedy) -> Self {
        let message = message.to_string();
        Self { message, remedy }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
