//! How far a run has come: a bar on a terminal, else a line per 5 %.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The progress of a run, on stderr.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    terminal: bool,
    quiet: bool,
    failed: std::cell::Cell<u64>,
}

impl Progress {
    pub(super) fn new(photos: usize, quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal && !quiet { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let style = "{pos} of {len} photos [{bar:30}] {per_sec}, {eta} left{msg}";
        let style = ProgressStyle::with_template(style).expect("a good template").progress_chars("=> ");
        let bar = ProgressBar::with_draw_target(Some(photos as u64), target).with_style(style);
        bar.enable_steady_tick(Duration::from_millis(500));
        Self { bar, terminal, quiet, failed: std::cell::Cell::new(0) }
    }

    pub(super) fn advance(&self, failed: bool) {
        if failed {
            self.failed.set(self.failed.get() + 1);
            self.bar.set_message(format!(", {} failed", self.failed.get()));
        }
        self.bar.inc(1);
        let (done, all) = (self.bar.position(), self.bar.length().unwrap_or(1).max(1));
        if !self.terminal && !self.quiet && (done * 20 / all) > ((done - 1) * 20 / all) {
            let rate = self.bar.per_sec();
            let left = self.bar.eta().as_secs();
            tracing::info!("{done} of {all} photos, {rate:.1}/s, {left} s left, {} failed", self.failed.get());
        }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
