//! ONNX Runtime for the whole process: where the library comes from, and how networks are run.
//!
//! With the feature `load-dynamic`, the library is searched for when it is first needed
//! (`searched.rs`). Without it, the library is part of the program (`linked.rs`).

mod environment;
mod error;
#[cfg(not(feature = "load-dynamic"))]
mod linked;
#[cfg(feature = "load-dynamic")]
mod searched;
mod settings;

pub(super) use environment::environment;
pub use environment::{library_build, loaded_library};
pub use error::LibraryError;
pub(super) use settings::settings;
pub use settings::{Settings, configure, provider};

#[cfg(all(feature = "bundled", feature = "load-dynamic"))]
compile_error!(
    "`bundled` needs --no-default-features: with `load-dynamic`, ONNX Runtime is not linked in"
);
