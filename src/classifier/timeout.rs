//! Runs of ONNX Runtime with a time limit.

use std::sync::mpsc::{self, RecvTimeoutError};

use ort::session::RunOptions;

use super::error::ClassifierError;
use super::library;

/// Performs one run of a session, and stops it if it takes longer than
/// [`Settings::run_timeout`](super::Settings::run_timeout).
pub(super) fn run_with_timeout<T>(
    run: impl FnOnce(&RunOptions) -> ort::Result<T>,
) -> Result<T, ClassifierError> {
    let limit = library::settings().run_timeout;
    let to_error = |e: ort::Error| ClassifierError::Runtime(e.to_string());
    let options = RunOptions::new().map_err(to_error)?;
    let (finished, watched) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let options = &options;
        let watchdog = scope.spawn(move || {
            let late = watched.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
            late && options.terminate().is_ok()
        });
        let result = run(options);
        drop(finished);
        match watchdog.join() {
            Ok(true) if result.is_err() => Err(ClassifierError::Run(format!(
                "a run of the network took longer than {} s and was stopped",
                limit.as_secs_f64()
            ))),
            _ => result.map_err(to_error),
        }
    })
}
