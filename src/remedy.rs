//! Input that is refused, and what the caller can change.
//!
//! An error carries its remedy as a value, and its message does not contain it. The library names
//! no options of the command line: where the user would change an option, `cli/help.rs` puts the
//! remedy into words. It also prints the line that begins with `help:`.

use std::fmt;
use std::path::PathBuf;

/// What the caller can change so that the same call succeeds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// Advice that is the same for every caller.
    Advice(String),
    /// Name the folder that contains the dataset's files.
    DataDir,
    /// Name the folder that contains the dataset's files or, if it has only some of the photos, that
    /// of these photos.
    DataDirOrImages,
    /// Fetch the dataset's files, and name the folder that contains them.
    FetchData,
    /// Name the folder of the files that the run used.
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
    /// Run the shards first.
    RunShards,
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
    /// Say which format the predictions are in.
    PredictionFormat,
    /// Fix the file, or say which format it is in.
    FixOrPredictionFormat,
    /// Score only the photos that have a file.
    SelectPhotos,
    /// Name the models of a study.
    StudyModels,
    /// Describe this ONNX file, or name a preset for it.
    DescribeModel(PathBuf),
}

/// An error that a caller can fix by changing what it asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Refused {
    message: String,
    /// What to change, where that helps.
    pub remedy: Option<Remedy>,
}

impl Refused {
    /// An error with this message and remedy.
    pub fn new(message: impl fmt::Display, remedy: Remedy) -> Self {
        Self {
            message: message.to_string(),
            remedy: Some(remedy),
        }
    }

    /// An error with this message, and advice that is the same for every caller.
    pub fn with_advice(message: impl fmt::Display, advice: impl Into<String>) -> Self {
        Self::new(message, Remedy::Advice(advice.into()))
    }

    /// The same error with the place of the fault in front.
    #[must_use]
    pub fn context(self, place: impl fmt::Display) -> Self {
        Self {
            message: format!("{place}: {}", self.message),
            ..self
        }
    }
}

/// An error without a remedy.
impl From<String> for Refused {
    fn from(message: String) -> Self {
        Self {
            message,
            remedy: None,
        }
    }
}

/// An error without a remedy.
impl From<&str> for Refused {
    fn from(message: &str) -> Self {
        message.to_owned().into()
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
