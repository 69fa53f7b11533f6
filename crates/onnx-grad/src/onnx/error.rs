//! Why a model file cannot be used.

use std::path::PathBuf;

/// Why a model file cannot be used. Each message names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// The file cannot be read or written.
    #[error("{path}")]
    Io {
        /// The model file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The bytes are not an ONNX model, or it contradicts itself or has a newer format.
    #[error("{path}: not a usable ONNX model: {reason}")]
    Format {
        /// The model file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A weight is stored in another file that cannot, or must not, be read.
    #[error("{path}: tensor '{tensor}' is stored in '{location}', {reason}")]
    External {
        /// The model file.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// The other file, as the model names it.
        location: String,
        /// Why it is refused, as a relative clause: "which cannot be read".
        reason: String,
    },
}
