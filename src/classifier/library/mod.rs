//! ONNX Runtime for the whole process: where it comes from, and how networks are run.
//!
//! With the feature `load-dynamic` the library is looked for when it is first needed
//! (`searched.rs`); without it, it is a part of the program (`linked.rs`).

#[cfg(not(feature = "load-dynamic"))]
mod linked;
#[cfg(feature = "load-dynamic")]
mod searched;

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use ort::environment::Environment;

#[cfg(not(feature = "load-dynamic"))]
use self::linked as source;
#[cfg(feature = "load-dynamic")]
use self::searched as source;
use super::Provider;

#[cfg(all(feature = "bundled", feature = "load-dynamic"))]
compile_error!(
    "`bundled` wants --no-default-features: with `load-dynamic` the library is looked for, not linked in"
);

/// Why there is no ONNX Runtime to run models with.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}\nhelp: {help}", help = source::HELP)]
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
        Self {
            library: None,
            provider: Provider::Cpu,
            run_timeout: Duration::from_secs(120),
        }
    }
}

static SETTINGS: OnceLock<Settings> = OnceLock::new();
static ENVIRONMENT: OnceLock<Result<Environment, LibraryError>> = OnceLock::new();

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

/// The library that the user wants, and what says so: `--onnxruntime` or `ORT_DYLIB_PATH`.
fn given() -> Option<(&'static str, PathBuf)> {
    let variable = std::env::var_os("ORT_DYLIB_PATH")
        .filter(|v| !v.is_empty())
        .map(PathBuf::from);
    let option = settings()
        .library
        .clone()
        .map(|path| ("--onnxruntime", path));
    option.or(variable.map(|path| ("ORT_DYLIB_PATH", path)))
}

/// The process's one environment; `ort` allows no second.
pub(super) fn environment() -> Result<&'static Environment, LibraryError> {
    ENVIRONMENT
        .get_or_init(source::load)
        .as_ref()
        .map_err(Clone::clone)
}

/// Version and build of the library.
///
/// # Errors
/// [`LibraryError`] when there is none.
pub fn version() -> Result<String, LibraryError> {
    environment().map(|_| ort::info().to_owned())
}

/// Where the library lies, and its version number where the file tells.
///
/// # Errors
/// [`LibraryError`] when there is none.
pub fn loaded() -> Result<(PathBuf, Option<String>), LibraryError> {
    environment().map(|_| source::loaded())
}
