//! Finding and loading ONNX Runtime.
//!
//! The program searches by itself, before `ort` does, so that it can say where it has searched. The
//! order is: [`Settings::library`](super::Settings::library); `ORT_DYLIB_PATH`; `.onnxruntime/` in
//! the working directory, then in the project folder; the folder of the executable, then `../lib`
//! relative to it; the system's loader. If a path is given, no other is tried.

use std::env::consts::DLL_SUFFIX;
use std::path::{self, Path, PathBuf};
use std::sync::OnceLock;

use ort::environment::Environment;

use super::error::LibraryError;
use super::settings::chosen_library;
use crate::assets::home;

static LOADED: OnceLock<PathBuf> = OnceLock::new();

pub(super) fn load() -> Result<Environment, LibraryError> {
    let path = find()?;
    let failed = |reason: String| {
        let path = path.display();
        LibraryError(format!("ONNX Runtime does not load from {path}: {reason}"))
    };
    let builder = ort::init_from(&path).map_err(|e| failed(innermost_cause(&e)))?;
    let _ = LOADED.set(path.clone());
    builder
        .with_name("localise")
        .build()
        .map_err(|e| failed(e.to_string()))
}

/// The path of the library, and its version number if the file states it: the symbols of an ELF
/// library have a version such as `VERS_1.32.0`.
pub(super) fn loaded() -> (PathBuf, Option<String>) {
    const MARK: &[u8] = b"VERS_";
    let path = LOADED.get().cloned().unwrap_or_default();
    let bytes = std::fs::read(&path).unwrap_or_default();
    let mark = bytes.windows(MARK.len()).position(|window| window == MARK);
    let version = mark.map(|start| {
        let digits = bytes[start + MARK.len()..].iter();
        let digits = digits.take_while(|b| b.is_ascii_digit() || **b == b'.');
        digits.map(|&b| char::from(b)).collect()
    });
    (path, version)
}

/// The innermost cause of an error. The outer ones of `ort` say only that `dlopen` failed.
fn innermost_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn find() -> Result<PathBuf, LibraryError> {
    if let Some(chosen) = chosen_library() {
        let path = absolute(chosen.path);
        if path.is_file() {
            return Ok(path);
        }
        return Err(LibraryError(format!(
            "ONNX Runtime not found: {} is {}, which is not a file",
            chosen.source,
            path.display()
        )));
    }
    let name = format!("libonnxruntime{DLL_SUFFIX}");
    if let Some(path) = candidates(&name).into_iter().find(|path| path.is_file()) {
        return Ok(absolute(path));
    }
    // The system's loader can only be asked by loading. If it finds nothing, our message says more
    // than its own.
    let system = PathBuf::from(name);
    match ort::init_from(&system) {
        Ok(_) => Ok(system),
        Err(_) => Err(LibraryError(
            "ONNX Runtime not found\n  looked in ORT_DYLIB_PATH (not set), ./.onnxruntime, the \
             folder of the executable, the system's libraries"
                .into(),
        )),
    }
}

/// Where the library may be, in order.
fn candidates(name: &str) -> Vec<PathBuf> {
    let mut candidates = vec![
        Path::new(".onnxruntime").join(name),
        home().join(".onnxruntime").join(name),
    ];
    if let Ok(executable) = std::env::current_exe()
        && let Some(folder) = executable.parent()
    {
        candidates.push(folder.join(name));
        candidates.push(folder.join("../lib").join(name));
    }
    candidates
}

fn absolute(path: PathBuf) -> PathBuf {
    path::absolute(&path).unwrap_or(path)
}
