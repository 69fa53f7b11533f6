//! Stopping a run: the first signal lets the photos in hand be finished, the second ends the
//! process at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level;

/// Signals this soon after the first are the same request: a scheduler signals a script and its
/// program, and the script passes its own on.
const ECHO: Duration = Duration::from_millis(300);

/// A request to stop, shared by those who make it and those who obey.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicI32>);

impl Interrupt {
    /// One that SIGINT, SIGTERM and SIGHUP make, but for those that are ignored already, as `nohup`
    /// does. After the first of them, the next ends the process with 128 + its number.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn on_signals() -> io::Result<Self> {
        let interrupt = Self::default();
        let heeded = [SIGINT, SIGTERM, SIGHUP]
            .into_iter()
            .filter(|&signal| !ignored(signal));
        let (mut signals, request) = (Signals::new(heeded)?, interrupt.clone());
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                let mut first = None;
                for signal in signals.forever() {
                    request.0.store(signal, Ordering::Relaxed);
                    if first.get_or_insert_with(Instant::now).elapsed() > ECHO {
                        low_level::exit(128 + signal);
                    }
                }
            })?;
        Ok(interrupt)
    }

    /// Whether to stop.
    #[must_use]
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// The name of the signal that asked.
    #[must_use]
    pub fn signal(&self) -> &'static str {
        low_level::signal_name(self.0.load(Ordering::Relaxed)).unwrap_or("request")
    }
}

/// Whether the process was started to ignore a signal: a bit of `SigIgn` in `/proc/self/status`.
fn ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default();
    mask >> (signal - 1) & 1 == 1
}
