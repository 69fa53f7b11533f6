//! Finding and loading ONNX Runtime: our own search and our own messages, before `ort` is asked for anything.
//!
//! Order: the path of [`Settings::library`] (`--onnxruntime`), `ORT_DYLIB_PATH`, `.onnxruntime/` in the working
//! folder or in the working copy, beside the executable, the system's loader. A path that was given is the only one tried.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use ort::environment::Environment;

use super::Provider;
use crate::config::home;

/// Why there is no ONNX Runtime to run models with.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "{0}\nhelp: run scripts/fetch-onnxruntime, or set ORT_DYLIB_PATH to a libonnxruntime.so of version 1.17 or newer"
)]
pub struct LibraryError(String);

/// What is settled once for the whole process: `ort` allows one library and one environment.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The library to load, in place of the search.
    pub library: Option<PathBuf>,
    /// What networks are run on.
    pub provider: Provider,
    /// A network's run that takes longer is ended, with an error.
    pub run_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { library: None, provider: Provider::Cpu, run_timeout: Duration::from_secs(120) }
    }
}

static SETTINGS: OnceLock<Settings> = OnceLock::new();
static LOADED: OnceLock<PathBuf> = OnceLock::new();
static ENVIRONMENT: OnceLock<Result<Environment, LibraryError>> = OnceLock::new();

#[cfg(target_os = "macos")]
const NAME: &str = "libonnxruntime.dylib";
#[cfg(windows)]
const NAME: &str = "onnxruntime.dll";
#[cfg(not(any(target_os = "macos", windows)))]
const NAME: &str = "libonnxruntime.so";

/// Settles how networks are run. Has no effect once a model has been loaded.
pub fn set(settings: Settings) {
    let _ = SETTINGS.set(settings);
}

/// What networks are run on.
#[must_use]
pub fn provider() -> Provider {
    settings().provider
}

pub(super) fn settings() -> &'static Settings {
    SETTINGS.get_or_init(Settings::default)
}

/// The process's one environment; `ort` allows no second.
pub(super) fn environment() -> Result<&'static Environment, LibraryError> {
    ENVIRONMENT.get_or_init(load).as_ref().map_err(Clone::clone)
}

/// Version and build of the loaded library.
///
/// # Errors
/// [`LibraryError`] when there is none.
pub fn version() -> Result<String, LibraryError> {
    environment().map(|_| ort::info().to_owned())
}

/// Where the loaded library lies, and its version number where the file tells: an ELF library names its symbols' version
/// `VERS_1.32.0`.
///
/// # Errors
/// [`LibraryError`] when there is none.
pub fn loaded() -> Result<(PathBuf, Option<String>), LibraryError> {
    environment()?;
    let path = LOADED.get().cloned().unwrap_or_default();
    let bytes = std::fs::read(&path).unwrap_or_default();
    let sign = b"VERS_";
    let number = bytes.windows(sign.len()).position(|window| window == sign).map(|place| {
        let digits = bytes[place + sign.len()..].iter().take_while(|b| b.is_ascii_digit() || **b == b'.');
        digits.map(|&b| char::from(b)).collect()
    });
    Ok((path, number))
}

fn load() -> Result<Environment, LibraryError> {
    let path = find()?;
    let shown = path.display();
    let failed = |reason: String| LibraryError(format!("ONNX Runtime does not load from {shown}: {reason}"));
    let builder = ort::init_from(&path).map_err(|e| failed(deepest(&e)))?;
    let _ = LOADED.set(path.clone());
    builder.with_name("localise").build().map_err(|e| failed(e.to_string()))
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
    let variable = std::env::var_os("ORT_DYLIB_PATH").filter(|v| !v.is_empty()).map(PathBuf::from);
    let given = settings().library.as_ref().map(|p| ("--onnxruntime", p.clone()));
    if let Some((source, path)) = given.or(variable.map(|p| ("ORT_DYLIB_PATH", p))) {
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
    let beside = std::env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_owned));
    let candidates =
        local.into_iter().chain(beside.iter().flat_map(|folder| [folder.join(NAME), folder.join("../lib").join(NAME)]));
    if let Some(found) = candidates.into_iter().find(|path| path.is_file()) {
        return Ok(std::path::absolute(&found).unwrap_or(found));
    }
    // What the system's loader knows cannot be asked beforehand; where it knows nothing, its error is ours.
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
