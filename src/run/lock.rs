//! One process per shard: the kernel's advisory lock, which is released however its holder ends.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::control::Interrupt;
use super::error::Stopped;
use crate::fs::OutputError;

/// A lock that is held until this is dropped. The file stays: if it were removed, two processes could
/// lock two files of the same name.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, waiting up to `wait` for another holder; `None` if a signal ended the wait.
    ///
    /// # Errors
    /// [`Stopped::Locked`] when another process still holds it, [`OutputError`] when the file
    /// cannot be written.
    pub(super) fn take(path: &Path, wait: Duration, interrupt: &Interrupt) -> Result<Option<Self>> {
        let failed = OutputError::at(path);
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(&failed)?;
        let until = Instant::now() + wait;
        let holder = || {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            let (pid, host) = text
                .trim()
                .split_once(' ')
                .unwrap_or(("unknown", "unknown"));
            (pid.to_owned(), host.to_owned())
        };
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if interrupt.requested() => return Ok(None),
                Err(TryLockError::WouldBlock) if Instant::now() < until => {
                    if !std::mem::replace(&mut told, true) {
                        let ((pid, host), seconds) = (holder(), wait.as_secs());
                        tracing::info!(
                            "{}: waiting for pid {pid} on host {host}, {seconds} s at most",
                            path.display()
                        );
                    }
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err(TryLockError::WouldBlock) => {
                    let ((pid, host), path) = (holder(), path.to_owned());
                    return Err(Stopped::Locked { path, pid, host }.into());
                }
                Err(TryLockError::Error(error)) => {
                    tracing::warn!(
                        "{}: this file system has no locks ({error}): see to it that no second process works here",
                        path.display()
                    );
                    break;
                }
            }
        }
        let ours = format!("{} {}\n", std::process::id(), host());
        file.set_len(0)
            .and_then(|()| file.write_all(ours.as_bytes()))
            .map_err(&failed)?;
        Ok(Some(Self { _file: file }))
    }
}

/// The machine's name.
pub(super) fn host() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}
