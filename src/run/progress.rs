//! How far a run has come: a bar on a terminal, else a line now and then.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{FormattedDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Off a terminal there is a line at every twentieth of the photos, and for each of these times, seconds, in which one
/// was done.
const LINE_EVERY: u64 = 60;

/// The progress of a run, on stderr.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    /// Whether lines are written in place of the bar.
    lines: bool,
    started: Instant,
    all: u64,
    /// How many photos were done before this start: the rate is that of the others.
    before: u64,
    done: AtomicU64,
    failed: AtomicU64,
    /// The number of the time, [`LINE_EVERY`] long, of the last line.
    told: AtomicU64,
}

impl Progress {
    pub(crate) fn new(photos: usize, done: usize, quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal && !quiet { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let style = "{pos} of {len} photos [{bar:30}] {per_sec}, {eta} left{msg}";
        let style = ProgressStyle::with_template(style).expect("a good template").progress_chars("=> ");
        let (all, before) = (photos as u64, done as u64);
        let bar = ProgressBar::with_draw_target(Some(all), target).with_style(style);
        bar.set_position(before);
        bar.reset_eta();
        bar.enable_steady_tick(Duration::from_millis(500));
        Self {
            bar,
            lines: !terminal && !quiet,
            started: Instant::now(),
            all,
            before,
            done: AtomicU64::new(before),
            failed: AtomicU64::new(0),
            told: AtomicU64::new(0),
        }
    }

    pub(crate) fn advance(&self, failed: bool) {
        let failed = self.failed.fetch_add(failed.into(), Ordering::Relaxed) + u64::from(failed);
        if failed > 0 {
            self.bar.set_message(format!(", {failed} failed"));
        }
        self.bar.inc(1);
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let seconds = self.started.elapsed().as_secs_f64();
        let time = seconds as u64 / LINE_EVERY;
        let late = self.told.fetch_max(time, Ordering::Relaxed) < time;
        if self.lines && (late || is_step(done, self.all)) {
            tracing::info!("{}", line(done, self.all, self.before, failed, seconds));
        }
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Whether a twentieth of all is completed by the last of the photos done.
fn is_step(done: u64, all: u64) -> bool {
    done * 20 / all.max(1) > (done - 1) * 20 / all.max(1)
}

/// How far the run has come, how fast, and how long it still takes at that.
fn line(done: u64, all: u64, before: u64, failed: u64, seconds: f64) -> String {
    let rate = (done - before) as f64 / seconds.max(1e-3);
    let left = Duration::from_secs_f64(all.saturating_sub(done) as f64 / rate);
    format!("{done} of {all} photos, {rate:.1}/s, {} left, {failed} failed", FormattedDuration(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run that went on at 40 of 100: the photos done before say nothing of its rate.
    #[test]
    fn a_line_is_honest() {
        assert_eq!(line(60, 100, 40, 3, 10.0), "60 of 100 photos, 2.0/s, 00:00:20 left, 3 failed");
        assert_eq!(line(100, 100, 40, 0, 30.0), "100 of 100 photos, 2.0/s, 00:00:00 left, 0 failed");
        let steps = (1..=1000).filter(|&done| is_step(done, 1000)).count();
        assert_eq!((steps, is_step(1, 7)), (20, true));
    }
}
