//! How far a run has come: a bar on a terminal, else a line per 5 %.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The progress of a run, on stderr.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    terminal: bool,
    quiet: bool,
    failed: AtomicU64,
}

impl Progress {
    pub(crate) fn new(photos: usize, done: usize, quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal && !quiet { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let style = "{pos} of {len} photos [{bar:30}] {per_sec}, {eta} left{msg}";
        let style = ProgressStyle::with_template(style).expect("a good template").progress_chars("=> ");
        let bar = ProgressBar::with_draw_target(Some(photos as u64), target).with_style(style);
        bar.set_position(done as u64);
        bar.reset_eta();
        bar.enable_steady_tick(Duration::from_millis(500));
        Self { bar, terminal, quiet, failed: AtomicU64::new(0) }
    }

    pub(crate) fn advance(&self, failed: bool) {
        if failed {
            let failed = self.failed.fetch_add(1, Ordering::Relaxed) + 1;
            self.bar.set_message(format!(", {failed} failed"));
        }
        self.bar.inc(1);
        let (done, all) = (self.bar.position(), self.bar.length().unwrap_or(1).max(1));
        if !self.terminal && !self.quiet && (done * 20 / all) > ((done - 1) * 20 / all) {
            let rate = self.bar.per_sec();
            let left = self.bar.eta().as_secs();
            tracing::info!(
                "{done} of {all} photos, {rate:.1}/s, {left} s left, {} failed",
                self.failed.load(Ordering::Relaxed)
            );
        }
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
