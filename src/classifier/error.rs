//! Why a classifier cannot be used.

use onnx_grad::gradient::GradientError;
use onnx_grad::onnx::OnnxError;

use super::gradient_advice::gradient_advice;
use super::library::LibraryError;
use crate::remedy::{Refused, Remedy};

/// Why a classifier cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClassifierError {
    /// ONNX Runtime was not found, or cannot be loaded.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The model's description is missing or invalid, or does not fit the model.
    #[error("{0}")]
    Description(Refused),
    /// The model file is missing or cannot be read.
    #[error(transparent)]
    Model(#[from] OnnxError),
    /// The model cannot be differentiated.
    #[error("{path}")]
    Gradient {
        /// The model file, and the layers if some were asked for.
        path: String,
        /// The reason.
        source: GradientError,
    },
    /// ONNX Runtime failed on an input that the model accepts.
    #[error("ONNX Runtime failed: {0}")]
    Runtime(String),
    /// A run of the network took too long, or its answer cannot be used.
    #[error("{0}")]
    Run(String),
}

impl ClassifierError {
    /// What the caller can change, as keys of the model's description or of the pipeline.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Library(error) => Some(error.remedy()),
            Self::Description(refused) => refused.remedy.clone(),
            Self::Gradient { source, .. } => gradient_advice(source).map(Remedy::Advice),
            _ => None,
        }
    }
}
