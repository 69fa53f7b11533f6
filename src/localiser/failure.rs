//! Why a photo has no box.

use std::fmt;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};

use crate::classifier::ClassifierError;
use crate::dataset::PhotoReadError;

/// What kind of failure it was, as journals and `failures.jsonl` spell it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureKind {
    /// The file is not there.
    Missing,
    /// The file cannot be read.
    File,
    /// The file is not a usable photo.
    Image,
    /// The JPEG is damaged, and was refused by the strict decoder.
    Jpeg,
    /// The network gave an unusable answer for this photo, or took too long.
    Network,
    /// ONNX Runtime failed.
    Runtime,
    /// A bug in this program.
    Panic,
}

impl FailureKind {
    /// Whether the program or ONNX Runtime failed, and not the photo.
    #[must_use]
    pub const fn is_internal(self) -> bool {
        matches!(self, Self::Runtime | Self::Panic)
    }

    /// The kind in one word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::File => "file",
            Self::Image => "image",
            Self::Jpeg => "jpeg",
            Self::Network => "network",
            Self::Runtime => "runtime",
            Self::Panic => "panic",
        }
    }
}

/// Why a photo has no box.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct PhotoError {
    /// What kind of failure it was.
    pub kind: FailureKind,
    /// What went wrong.
    pub reason: String,
}

impl PhotoError {
    /// A photo that cannot be used as it is.
    pub(crate) fn image(reason: impl fmt::Display) -> Self {
        Self {
            kind: FailureKind::Image,
            reason: reason.to_string(),
        }
    }

    /// An answer of the network that cannot be used.
    pub(crate) fn network(reason: impl fmt::Display) -> Self {
        Self {
            kind: FailureKind::Network,
            reason: reason.to_string(),
        }
    }
}

impl From<PhotoReadError> for PhotoError {
    fn from(error: PhotoReadError) -> Self {
        let kind = match &error {
            PhotoReadError::File(e) if e.kind() == ErrorKind::NotFound => FailureKind::Missing,
            PhotoReadError::Outage(_) | PhotoReadError::File(_) => FailureKind::File,
            PhotoReadError::Picture(_) => FailureKind::Image,
            PhotoReadError::Damaged(_) => FailureKind::Jpeg,
        };
        Self {
            kind,
            reason: error.to_string(),
        }
    }
}

impl From<ClassifierError> for PhotoError {
    fn from(error: ClassifierError) -> Self {
        let kind = match error {
            ClassifierError::Runtime(_) => FailureKind::Runtime,
            _ => FailureKind::Network,
        };
        Self {
            kind,
            reason: format!("{:#}", anyhow::Error::from(error)),
        }
    }
}

/// Turns a panic into an error.
pub(crate) fn catch_panic<T>(work: impl FnOnce() -> T) -> Result<T, PhotoError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| PhotoError {
        kind: FailureKind::Panic,
        reason: "internal error; please report it with the photo".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_failed_photo() {
        let numbers = [1, 2, 3];
        let beyond = numbers.len();
        let error = catch_panic(|| numbers[beyond]).expect_err("a panic");
        assert_eq!(error.kind, FailureKind::Panic);
        assert_eq!(catch_panic(|| numbers[0]).ok(), Some(1));
    }
}
