//! The one environment of the process.

use std::path::PathBuf;
use std::sync::OnceLock;

use ort::environment::Environment;

use super::error::LibraryError;
#[cfg(not(feature = "load-dynamic"))]
use super::linked as source;
#[cfg(feature = "load-dynamic")]
use super::searched as source;

static ENVIRONMENT: OnceLock<Result<Environment, LibraryError>> = OnceLock::new();

/// The environment of the process. It is created by the first call; `ort` allows no second one.
pub(in crate::classifier) fn environment() -> Result<&'static Environment, LibraryError> {
    ENVIRONMENT
        .get_or_init(source::load)
        .as_ref()
        .map_err(Clone::clone)
}

/// The library's own description of its version and build.
///
/// # Errors
/// [`LibraryError`] if there is no library.
pub fn library_build() -> Result<String, LibraryError> {
    environment().map(|_| ort::info().to_owned())
}

/// The path of the library, and its version number if the file states it.
///
/// # Errors
/// [`LibraryError`] if there is no library.
pub fn loaded_library() -> Result<(PathBuf, Option<String>), LibraryError> {
    environment().map(|_| source::loaded())
}
