//! What can be wrong with a model file.

use std::path::PathBuf;

/// Why a model file cannot be used. Each message names the file.
#[derive(Debug, thiserror::Error)]
pub enum OnnxError {
    /// The file cannot be read or written.
    #[error("{path}")]
    Io {
        /// The model file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The bytes are no ONNX model, or one of a newer format.
    #[error("{path}: not a usable ONNX model: {reason}")]
    Format {
        /// The model file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A weight kept in another file cannot, or must not, be read.
    #[error("{path}: tensor '{tensor}' wants '{location}', {reason}")]
    External {
        /// The model file.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// The other file as the model names it.
        location: String,
        /// Why it is refused.
        reason: String,
    },
}
