//! The integration tests, in one binary. Those that need ONNX Runtime or a fetched model fail without it, never skip:
//! `scripts/test` puts both in place. Those that read the shared development files skip loudly where these are absent.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "a test that cannot go on fails")]

mod book;
mod cases;
mod commands;
mod devkit;
mod doctor;
mod ecosystem;
mod faults;
mod gradients;
mod graphs;
mod hostile;
mod interrupted;
mod maxflow;
mod memory;
mod methods;
mod mixtures;
mod networks;
mod nightly;
mod notation;
mod onnx_package;
mod pages;
mod photos;
mod program;
mod scores;
mod shards;
mod slurm;
mod studies;
mod texts;
mod watchdog;
mod wsoleval;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

static SKIPPED: AtomicUsize = AtomicUsize::new(0);

/// A file of the shared development folder beside the repository, or `None` with a loud, counted note.
fn shared(path: &str) -> Option<PathBuf> {
    let full = Path::new("../shared").join(path);
    if full.exists() {
        return Some(full);
    }
    skip(&format!("../shared/{path} is not here"));
    None
}

/// Notes that a test was skipped, loudly and counted.
fn skip(why: &str) {
    let count = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
    // Straight to the terminal: the test harness would keep a passing test's output to itself.
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "SKIPPED ({count} so far): {why}");
}
