//! Progress on stderr: a bar on a terminal, otherwise a line now and then.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{FormattedDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::progress::{Advance, NoProgress, Progress};

/// Without a terminal, a line is printed at every twentieth of the photos, but at least this long
/// after the line before it, ...
const MIN_MS_BETWEEN_LINES: u64 = 2_000;
/// ... whenever this much time has passed, and at the end.
const MAX_MS_BETWEEN_LINES: u64 = 60_000;

/// Shows progress on stderr.
#[derive(Debug)]
pub(super) struct TerminalProgress {
    pub(super) quiet: bool,
}

impl Progress for TerminalProgress {
    fn begin<'a>(&'a self, unit: &'static str, total: usize, done: usize) -> Box<dyn Advance + 'a> {
        if self.quiet {
            Box::new(NoProgress)
        } else {
            Box::new(Display::new(unit, total as u64, done as u64))
        }
    }
}

/// The display of one piece of work.
struct Display {
    bar: ProgressBar,
    unit: &'static str,
    /// Whether lines are printed in place of the bar.
    prints_lines: bool,
    started: Instant,
    total: u64,
    /// How many photos were done before: they do not count towards the rate.
    before: u64,
    done: AtomicU64,
    failed: AtomicU64,
    /// When the last line was printed, in milliseconds from the start.
    last_line: AtomicU64,
}

impl Display {
    fn new(unit: &'static str, total: u64, before: u64) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let template =
            format!("{{pos}} of {{len}} {unit} [{{bar:30}}] {{per_sec}}, {{eta}} left{{msg}}");
        let style = ProgressStyle::with_template(&template).expect("a valid template");
        let bar = ProgressBar::with_draw_target(Some(total), target)
            .with_style(style.progress_chars("=> "));
        bar.set_position(before);
        bar.reset_eta();
        bar.enable_steady_tick(Duration::from_millis(500));
        Self {
            bar,
            unit,
            prints_lines: !terminal,
            started: Instant::now(),
            total,
            before,
            done: AtomicU64::new(before),
            failed: AtomicU64::new(0),
            last_line: AtomicU64::new(0),
        }
    }
}

impl Advance for Display {
    fn advance(&self, failed: bool) {
        let failed = self.failed.fetch_add(failed.into(), Ordering::Relaxed) + u64::from(failed);
        if failed > 0 {
            self.bar.set_message(format!(", {failed} failed"));
        }
        self.bar.inc(1);
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let elapsed = self.started.elapsed();
        let now = elapsed.as_millis() as u64;
        let due = |last| is_due(done, self.total, now.saturating_sub(last)).then_some(now);
        if self.prints_lines
            && self
                .last_line
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, due)
                .is_ok()
        {
            let count = Count {
                done,
                total: self.total,
                before: self.before,
                failed,
            };
            tracing::info!("{}", line(self.unit, &count, elapsed.as_secs_f64()));
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Whether a line is due, `ms` milliseconds after the line before it.
fn is_due(done: u64, total: u64, ms: u64) -> bool {
    let twentieth = |n: u64| n * 20 / total.max(1);
    let step = twentieth(done) > twentieth(done - 1);
    done == total || ms >= MAX_MS_BETWEEN_LINES || (step && ms >= MIN_MS_BETWEEN_LINES)
}

struct Count {
    done: u64,
    total: u64,
    before: u64,
    failed: u64,
}

/// How far the work has come, how fast, and how long it will still take at that rate.
fn line(unit: &str, count: &Count, seconds: f64) -> String {
    let Count {
        done,
        total,
        before,
        failed,
    } = *count;
    let rate = (done - before) as f64 / seconds.max(1e-3);
    let left = Duration::from_secs_f64(total.saturating_sub(done) as f64 / rate);
    let left = FormattedDuration(left);
    format!("{done} of {total} {unit}, {rate:.1}/s, {left} left, {failed} failed")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Photos that were done before this start do not count towards the rate.
    #[test]
    fn a_resumed_run_shows_its_own_rate() {
        let count = |done, failed| Count {
            done,
            total: 100,
            before: 40,
            failed,
        };
        let midway = "60 of 100 photos, 2.0/s, 00:00:20 left, 3 failed";
        assert_eq!(line("photos", &count(60, 3), 10.0), midway);
        let complete = "100 of 100 pictures, 2.0/s, 00:00:00 left, 0 failed";
        assert_eq!(line("pictures", &count(100, 0), 30.0), complete);
    }

    #[test]
    fn lines_are_neither_too_many_nor_too_rare() {
        assert_eq!(
            (1..=1000).filter(|&done| is_due(done, 1000, 2_000)).count(),
            20
        );
        assert!(!is_due(1, 7, 1_000));
        assert!(is_due(7, 7, 0));
        assert!(is_due(3, 1000, 60_000));
    }
}
