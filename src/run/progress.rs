//! How far a run has come: a bar on a terminal, else a line now and then.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{FormattedDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Off a terminal there is a line at every twentieth of the photos, but no two within the first of
/// these times; one where the second has passed; and one at the end. Milliseconds.
const LINE_AFTER: [u64; 2] = [2_000, 60_000];

/// The progress of a run, on stderr.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    /// What is counted.
    what: &'static str,
    /// Whether lines are written in place of the bar.
    lines: bool,
    started: Instant,
    all: u64,
    /// How many photos were done before this start: the rate is that of the others.
    before: u64,
    done: AtomicU64,
    failed: AtomicU64,
    /// When the last line was written, in milliseconds from the start.
    told: AtomicU64,
}

impl Progress {
    pub(crate) fn new(what: &'static str, count: usize, done: usize, quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal && !quiet {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let style =
            format!("{{pos}} of {{len}} {what} [{{bar:30}}] {{per_sec}}, {{eta}} left{{msg}}");
        let style = ProgressStyle::with_template(&style)
            .expect("a good template")
            .progress_chars("=> ");
        let (all, before) = (count as u64, done as u64);
        let bar = ProgressBar::with_draw_target(Some(all), target).with_style(style);
        bar.set_position(before);
        bar.reset_eta();
        bar.enable_steady_tick(Duration::from_millis(500));
        Self {
            bar,
            what,
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
        let now = self.started.elapsed();
        let millis = now.as_millis() as u64;
        let due = |told| is_due(done, self.all, millis.saturating_sub(told)).then_some(millis);
        if self.lines
            && self
                .told
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, due)
                .is_ok()
        {
            let line = line(
                self.what,
                [done, self.all, self.before],
                failed,
                now.as_secs_f64(),
            );
            tracing::info!("{line}");
        }
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Whether a line is due, so many milliseconds after the one before: see [`LINE_AFTER`].
fn is_due(done: u64, all: u64, millis: u64) -> bool {
    let step = done * 20 / all.max(1) > (done - 1) * 20 / all.max(1);
    done == all || millis >= LINE_AFTER[1] || (step && millis >= LINE_AFTER[0])
}

/// How far the run has come, how fast, and how long it still takes at that.
fn line(what: &str, [done, all, before]: [u64; 3], failed: u64, seconds: f64) -> String {
    let rate = (done - before) as f64 / seconds.max(1e-3);
    let left = Duration::from_secs_f64(all.saturating_sub(done) as f64 / rate);
    format!(
        "{done} of {all} {what}, {rate:.1}/s, {} left, {failed} failed",
        FormattedDuration(left)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run that went on at 40 of 100: the photos done before say nothing of its rate.
    #[test]
    fn a_line_is_honest() {
        assert_eq!(
            line("photos", [60, 100, 40], 3, 10.0),
            "60 of 100 photos, 2.0/s, 00:00:20 left, 3 failed"
        );
        assert_eq!(
            line("pictures", [100, 100, 40], 0, 30.0),
            "100 of 100 pictures, 2.0/s, 00:00:00 left, 0 failed"
        );
        assert_eq!(
            (1..=1000).filter(|&done| is_due(done, 1000, 2_000)).count(),
            20
        );
        assert_eq!(
            [
                is_due(1, 7, 1_000),
                is_due(7, 7, 0),
                is_due(3, 1000, 60_000)
            ],
            [false, true, true]
        );
    }
}
