//! Finding and loading ONNX Runtime: our own search and our own messages, before `ort` is asked for
//! anything.
//!
//! Order: the path of [`Settings::library`](super::Settings) (`--onnxruntime`), `ORT_DYLIB_PATH`,
//! `.onnxruntime/` in the working folder or in the working copy, beside the executable, the
//! system's loader. A path that was given is the only one tried.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ort::environment::Environment;

use super::{LibraryError, given};
use crate::assets::home;

pub(super) const HELP: &str = "run scripts/fetch-onnxruntime, or set ORT_DYLIB_PATH to a libonnxruntime.so of version 1.17 or newer";

static LOADED: OnceLock<PathBuf> = OnceLock::new();

#[cfg(target_os = "macos")]
const NAME: &str = "libonnxruntime.dylib";
#[cfg(windows)]
const NAME: &str = "onnxruntime.dll";
#[cfg(not(any(target_os = "macos", windows)))]
const NAME: &str = "libonnxruntime.so";

pub(super) fn load() -> Result<Environment, LibraryError> {
    let path = find()?;
    let shown = path.display();
    let failed =
        |reason: String| LibraryError(format!("ONNX Runtime does not load from {shown}: {reason}"));
    let builder = ort::init_from(&path).map_err(|e| failed(deepest(&e)))?;
    let _ = LOADED.set(path.clone());
    builder
        .with_name("localise")
        .build()
        .map_err(|e| failed(e.to_string()))
}

/// Where the library lies, and its version number where the file tells: an ELF library names its
/// symbols' version `VERS_1.32.0`.
pub(super) fn loaded() -> (PathBuf, Option<String>) {
    let path = LOADED.get().cloned().unwrap_or_default();
    let bytes = std::fs::read(&path).unwrap_or_default();
    let sign = b"VERS_";
    let number = bytes
        .windows(sign.len())
        .position(|window| window == sign)
        .map(|place| {
            let digits = bytes[place + sign.len()..]
                .iter()
                .take_while(|b| b.is_ascii_digit() || **b == b'.');
            digits.map(|&b| char::from(b)).collect()
        });
    (path, number)
}

/// The innermost cause: `ort` shows only "dlopen failed", the reason lies below.
fn deepest(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        message = inner.to_string();
        source = inner.source();
    }
    message
}

fn find() -> Result<PathBuf, LibraryError> {
    if let Some((source, path)) = given() {
        let path = std::path::absolute(&path).unwrap_or(path);
        return match path.is_file() {
            true => Ok(path),
            false => Err(LibraryError(format!(
                "ONNX Runtime not found: {source} names {}, which is no file",
                path.display()
            ))),
        };
    }
    let local = [Path::new("."), &home()].map(|folder| folder.join(".onnxruntime").join(NAME));
    let beside = std::env::current_exe()
        .ok()
        .and_then(|exe| exe.parent().map(Path::to_owned));
    let candidates = local.into_iter().chain(
        beside
            .iter()
            .flat_map(|folder| [folder.join(NAME), folder.join("../lib").join(NAME)]),
    );
    if let Some(found) = candidates.into_iter().find(|path| path.is_file()) {
        return Ok(std::path::absolute(&found).unwrap_or(found));
    }
    // What the system's loader knows cannot be asked beforehand; where it knows nothing, its error
    // is ours.
    let system = PathBuf::from(NAME);
    match ort::init_from(&system) {
        Ok(_) => Ok(system),
        Err(_) => Err(LibraryError(
            "ONNX Runtime not found\n  looked at  ORT_DYLIB_PATH (not set), ./.onnxruntime (missing), \
             beside the executable, system libraries"
                .into(),
        )),
    }
}
