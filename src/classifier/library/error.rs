//! Why there is no ONNX Runtime.

use crate::remedy::Remedy;

/// What to do about it.
#[cfg(feature = "load-dynamic")]
const ADVICE: &str = "run scripts/fetch-onnxruntime, or set ORT_DYLIB_PATH to a libonnxruntime.so \
                    of version 1.17 or newer";
#[cfg(not(feature = "load-dynamic"))]
const ADVICE: &str = "name no library and unset ORT_DYLIB_PATH, or build with the default features";

/// Why there is no ONNX Runtime to run models with.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct LibraryError(pub(super) String);

impl LibraryError {
    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> Remedy {
        Remedy::Advice(ADVICE.into())
    }
}
