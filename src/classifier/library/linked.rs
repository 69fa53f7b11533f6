//! ONNX Runtime as part of the program. No other library is searched for or loaded.

use std::path::PathBuf;

use ort::environment::Environment;

use super::error::LibraryError;
use super::settings::chosen_library;

pub(super) fn load() -> Result<Environment, LibraryError> {
    if let Some(chosen) = chosen_library() {
        return Err(LibraryError(format!(
            "{} is {}, but ONNX Runtime is part of this program",
            chosen.source,
            chosen.path.display()
        )));
    }
    // `ort` panics if the linked library is older than the interface that it asks for.
    std::panic::catch_unwind(ort::api)
        .map_err(|_| LibraryError("the ONNX Runtime in this program is older than 1.17".into()))?;
    let failed = |e: ort::Error| LibraryError(format!("ONNX Runtime does not start: {e}"));
    ort::init().with_name("localise").build().map_err(failed)
}

pub(super) fn loaded() -> (PathBuf, Option<String>) {
    ("part of this program".into(), None)
}
