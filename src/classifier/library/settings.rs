//! The settings of the process.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use crate::classifier::provider::Provider;

/// What is set once for the whole process, because `ort` allows only one library and one
/// environment.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The library to load. By default it is searched for.
    pub library: Option<PathBuf>,
    /// The device that networks are run on.
    pub provider: Provider,
    /// A run of a network that takes longer is stopped, and is an error.
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

/// Sets how networks are run. This has no effect after the first call, or after a model has been
/// loaded.
pub fn configure(settings: Settings) {
    let _ = SETTINGS.set(settings);
}

/// The device that networks are run on.
#[must_use]
pub fn provider() -> Provider {
    settings().provider
}

pub(in crate::classifier) fn settings() -> &'static Settings {
    SETTINGS.get_or_init(Settings::default)
}

/// A library that the user has chosen.
pub(super) struct ChosenLibrary {
    /// How the user has chosen it, as the subject of a sentence.
    pub(super) source: &'static str,
    pub(super) path: PathBuf,
}

/// The library that the user has chosen, by [`Settings::library`] or by the environment variable
/// `ORT_DYLIB_PATH`.
pub(super) fn chosen_library() -> Option<ChosenLibrary> {
    if let Some(path) = &settings().library {
        return Some(ChosenLibrary {
            source: "the given library",
            path: path.clone(),
        });
    }
    let path = std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty())?;
    Some(ChosenLibrary {
        source: "ORT_DYLIB_PATH",
        path: path.into(),
    })
}
