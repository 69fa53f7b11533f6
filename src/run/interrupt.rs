//! Stopping a run: the first signal lets the photos in hand be finished, the second ends the process at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// A request to stop, shared by those who make it and those who obey.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    requested: Arc<AtomicBool>,
    signal: Arc<AtomicUsize>,
}

impl Interrupt {
    /// One that SIGINT, SIGTERM and SIGHUP make. After the first of them, the next ends the process with 128 + its number.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn on_signals() -> io::Result<Self> {
        let interrupt = Self::default();
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            flag::register_conditional_shutdown(signal, 128 + signal, interrupt.requested.clone())?;
            flag::register_usize(signal, interrupt.signal.clone(), signal as usize)?;
            flag::register(signal, interrupt.requested.clone())?;
        }
        Ok(interrupt)
    }

    /// Whether to stop.
    #[must_use]
    pub fn requested(&self) -> bool {
        self.requested.load(Ordering::Relaxed)
    }

    /// The name of the signal that asked.
    #[must_use]
    pub fn signal(&self) -> &'static str {
        let signal = i32::try_from(self.signal.load(Ordering::Relaxed)).unwrap_or_default();
        signal_hook::low_level::signal_name(signal).unwrap_or("request")
    }
}
