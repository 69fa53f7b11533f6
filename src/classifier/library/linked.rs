//! ONNX Runtime as a part of the program: nothing is looked for, and no other is loaded.

use std::path::PathBuf;

use ort::environment::Environment;

use super::{LibraryError, given};

pub(super) const HELP: &str =
    "leave --onnxruntime and ORT_DYLIB_PATH out, or build with the default features";

pub(super) fn load() -> Result<Environment, LibraryError> {
    if let Some((source, path)) = given() {
        let path = path.display();
        return Err(LibraryError(format!(
            "{source} names {path}, but ONNX Runtime is a part of this program"
        )));
    }
    // `ort` panics where a library was linked that is older than the interface it asks for.
    std::panic::catch_unwind(ort::api)
        .map_err(|_| LibraryError("the ONNX Runtime in this program is older than 1.17".into()))?;
    let failed = |e: ort::Error| LibraryError(format!("ONNX Runtime does not start: {e}"));
    ort::init().with_name("localise").build().map_err(failed)
}

pub(super) fn loaded() -> (PathBuf, Option<String>) {
    ("a part of this program".into(), None)
}
