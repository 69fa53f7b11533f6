//! Signals: the first lets the photos in progress be finished, the second ends the process at once.

use std::io;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level;

use crate::run::Interrupt;

/// Signals that follow the first within this time are the same request: a scheduler signals both a
/// script and its program, and the script passes its own signal on.
const ECHO: Duration = Duration::from_millis(300);

/// An interrupt that SIGINT, SIGTERM and SIGHUP request, except those that the process was started
/// to ignore, as by `nohup`. The second signal ends the process with exit code 128 + its number.
///
/// # Errors
/// When the system refuses a handler.
pub(super) fn interrupt_on_signals() -> io::Result<Interrupt> {
    let interrupt = Interrupt::default();
    let handled = [SIGINT, SIGTERM, SIGHUP]
        .into_iter()
        .filter(|&signal| !is_ignored(signal));
    let mut signals = Signals::new(handled)?;
    let request = interrupt.clone();
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            let mut first = None;
            for signal in signals.forever() {
                request.request(low_level::signal_name(signal).unwrap_or("a signal"));
                if first.get_or_insert_with(Instant::now).elapsed() > ECHO {
                    low_level::exit(128 + signal);
                }
            }
        })?;
    Ok(interrupt)
}

/// Whether the process was started to ignore a signal: a bit of `SigIgn` in `/proc/self/status`.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default();
    mask >> (signal - 1) & 1 == 1
}
