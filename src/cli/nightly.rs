//! `localise nightly`
//!
//! A night's evaluation, for cron or systemd: run, compare with the last good night, print one
//! line. Each step is this program again, so that its messages go into the night's log and a crash
//! of a run does not end the night.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::compare::points;
use super::exit::{self, Exit};
use super::output::print;
use crate::fs::OutputError;
use crate::remedy::Refused;

/// How many times a run that stopped or was killed is resumed, at most.
const RETRIES: usize = 3;

const EXAMPLES: &str = "Examples:
  localise nightly nights/ -- --dataset ilsvrc-val --data-dir DIR   for cron or systemd
  localise nightly nights/ --max-drop 1 -- --dataset sample         exit code 5 if it loses more";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct NightlyArgs {
    /// The folder of the history: a folder and a log for each night, the link `last-good`, and
    /// history.csv.
    history: PathBuf,
    /// End with exit code 5 if the accuracy is lower than that of the last good night by more than
    /// this, in points (per cent of the photos).
    #[arg(long, value_name = "POINTS", value_parser = points)]
    max_drop: Option<f64>,
    /// The arguments of `localise run`, without --out.
    #[arg(last = true, required = true, value_name = "RUN-ARGUMENTS")]
    run: Vec<OsString>,
}

impl NightlyArgs {
    pub(super) fn run(self) -> Result<Exit> {
        if self.run.iter().any(|argument| argument == "--fresh") {
            let message = "--fresh: a night that is tried again would start over each time";
            bail!(Refused::with_advice(message, "leave --fresh out"));
        }
        fs::create_dir_all(&self.history).map_err(OutputError::at(&self.history))?;
        let night = Night::new(&self.history)?;
        let lock = self.history.join("lock");
        let file = File::create(&lock).map_err(OutputError::at(&lock))?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            let history = self.history.display();
            let text = format!("another night is still running in {history}");
            print(&format!("busy {}: {text}\n", night.date))?;
            return Ok(Exit::Code(exit::STOPPED));
        }
        let ending = night.evaluate(&self.run, self.max_drop)?;
        night.finish(&ending)?;
        Ok(Exit::Code(ending.code))
    }
}

/// The paths of one night.
struct Night {
    program: PathBuf,
    date: String,
    folder: PathBuf,
    log: PathBuf,
    last_good: PathBuf,
    table: PathBuf,
    started: Instant,
}

/// How a night ended: a row of the history, and the line that is printed.
#[derive(Default)]
struct Ending {
    code: u8,
    word: &'static str,
    text: String,
    now: Numbers,
    /// The accuracy of the last good night.
    before: Option<String>,
}

/// The numbers of a run's summary that the history keeps; empty where there is none.
#[derive(Clone, Default)]
struct Numbers {
    /// GT-known accuracy in per cent.
    accuracy: Option<String>,
    failed: String,
    images: String,
}

impl Night {
    fn new(history: &Path) -> Result<Self> {
        let date = jiff::Zoned::now().strftime("%Y-%m-%d").to_string();
        Ok(Self {
            program: std::env::current_exe().context("cannot find the path of this program")?,
            folder: history.join(&date),
            log: history.join(format!("{date}.log")),
            last_good: history.join("last-good"),
            table: history.join("history.csv"),
            date,
            started: Instant::now(),
        })
    }

    /// Runs, reports and compares. A good night becomes the last good one.
    fn evaluate(&self, run: &[OsString], max_drop: Option<f64>) -> Result<Ending> {
        let code = self.run_with_retries(run)?;
        if code != 0 && code != exit::SOME_FAILED {
            return Ok(self.failed_run(code));
        }
        let now = Numbers::read(&self.folder);
        let has_last_good = self.last_good.exists();
        let before = Numbers::read(&self.last_good).accuracy;
        let page = self.report(before.is_some())?;
        let compared = if has_last_good {
            self.compare(max_drop)?
        } else {
            0
        };

        let (good, log) = (self.last_good.display(), self.log.display());
        let page = page.unwrap_or_else(|| format!("no page, see {log}"));
        let counts = format!("{} of {} failed; {page}", now.failed, now.images);
        let accuracy = now.accuracy.as_deref().unwrap_or("no boxes to score");
        let was = match &before {
            Some(before) => format!("was {before}"),
            None if has_last_good => "was unknown".into(),
            None => "no earlier good night".into(),
        };
        let (code, word, text) = match compared {
            0 => match self.replace_last_good() {
                Ok(()) => (code, "ok", format!("{accuracy} ({was}), {counts}")),
                Err(error) => {
                    let text = format!("{accuracy}, but {good} cannot be written: {error}");
                    (exit::OUTPUT, "failed", text)
                }
            },
            exit::WORSE => {
                let most = max_drop.unwrap_or_default();
                let text =
                    format!("{accuracy} ({was}, more than {most} lost), {counts}; see {log}");
                (exit::WORSE, "worse", text)
            }
            failed => {
                let reason = self.reason();
                let text = format!(
                    "{accuracy}, but comparing it with {good} ended with {failed}: {reason}; \
                     see {log}"
                );
                (failed, "failed", text)
            }
        };
        Ok(Ending {
            code,
            word,
            text,
            now,
            before,
        })
    }

    /// The ending of a night whose run failed.
    fn failed_run(&self, code: u8) -> Ending {
        let (reason, log) = (self.reason(), self.log.display());
        Ending {
            code,
            word: "failed",
            text: format!("the run ended with {code}: {reason}; see {log}"),
            ..Ending::default()
        }
    }

    /// This program with some arguments; what it prints to stderr goes into the log.
    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let log = File::options().create(true).append(true).open(&self.log);
        let mut command = Command::new(&self.program);
        command.args(arguments).stdin(Stdio::null());
        command.stderr(log.map_err(OutputError::at(&self.log))?);
        Ok(command)
    }

    /// Runs the night; a run that stopped or was killed is resumed after a minute, up to
    /// [`RETRIES`] times. A signal is passed on to the run, which is then not resumed.
    fn run_with_retries(&self, arguments: &[OsString]) -> Result<u8> {
        // The variable is for tests, which do not wait for a minute.
        let wait = std::env::var("RETRY_SECONDS")
            .ok()
            .and_then(|text| text.parse().ok());
        let wait = Duration::from_secs(wait.unwrap_or(60));
        let child = ChildSignals::listen()?;
        let mut retries = 0;
        loop {
            let mut command = self.command(&["run"])?;
            command
                .args(arguments)
                .arg("--out")
                .arg(&self.folder)
                .stdout(Stdio::null());
            let status = child.wait_for(&mut command)?;
            let code = shell_code(status);
            let may_resume = code == exit::STOPPED || code > 128;
            if !may_resume || retries == RETRIES || child.stopped() {
                return Ok(code);
            }
            retries += 1;
            let seconds = wait.as_secs();
            self.note(&format!(
                "ended with {code}: resuming in {seconds} s, retry {retries} of {RETRIES}"
            ))?;
            let until = Instant::now() + wait;
            while Instant::now() < until && !child.stopped() {
                std::thread::sleep(Duration::from_millis(50));
            }
            if child.stopped() {
                return Ok(code);
            }
        }
    }

    /// Makes the night's page, compared with the last good night, and returns the first link that
    /// `report` prints: to a photo that was lost, one that failed, or the worst.
    fn report(&self, with_last_good: bool) -> Result<Option<String>> {
        let mut command = self.command(&["report"])?;
        if with_last_good {
            command.arg(&self.last_good);
        }
        let output = command
            .arg(&self.folder)
            .output()
            .context("cannot make the report")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let link = |line: &str| {
            let (group, link) = line.split_once(' ')?;
            ["lost", "failed", "worst"]
                .contains(&group)
                .then(|| link.trim().to_owned())
        };
        Ok(text.lines().find_map(link))
    }

    /// Compares the night with the last good one, and returns the exit code.
    fn compare(&self, max_drop: Option<f64>) -> Result<u8> {
        let mut command = self.command(&["compare"])?;
        command.arg(&self.last_good).arg(&self.folder);
        if let Some(points) = max_drop {
            command.arg("--max-drop").arg(points.to_string());
        }
        let output = command
            .output()
            .context("cannot compare with the last good night")?;
        self.note(&String::from_utf8_lossy(&output.stdout))?;
        Ok(shell_code(output.status))
    }

    fn note(&self, text: &str) -> Result<()> {
        let log = File::options().create(true).append(true).open(&self.log);
        let written = log.and_then(|mut log| writeln!(log, "{}", text.trim_end()));
        Ok(written.map_err(OutputError::at(&self.log))?)
    }

    /// The last line of the log that says what is wrong, or its last line.
    fn reason(&self) -> String {
        let Ok(file) = File::open(&self.log) else {
            return String::new();
        };
        let lines: Vec<String> = BufReader::new(file).lines().map_while(Result::ok).collect();
        let says_why = |line: &&String| {
            ["error: ", "stopped by", "in use by"]
                .iter()
                .any(|words| line.contains(words))
        };
        lines
            .iter()
            .rev()
            .find(says_why)
            .or(lines.last())
            .cloned()
            .unwrap_or_default()
    }

    /// Points `last-good` at this night, by a rename: a reader finds a last good night at any
    /// moment.
    fn replace_last_good(&self) -> std::io::Result<()> {
        let new = self.last_good.with_added_extension("new");
        match fs::remove_file(&new) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => std::os::unix::fs::symlink(&self.date, &new)?,
        }
        fs::rename(&new, &self.last_good)
    }

    /// Adds a row to the history and prints the night's line.
    fn finish(&self, ending: &Ending) -> Result<()> {
        let Ending { code, now, .. } = ending;
        let new = fs::metadata(&self.table).map_or(true, |metadata| metadata.len() == 0);
        let mut rows = String::new();
        if new {
            rows += "date,exit,gt_known_percent,last_good_percent,failed,images,seconds\n";
        }
        let accuracy = now.accuracy.as_deref().unwrap_or_default();
        let before = ending.before.as_deref().unwrap_or_default();
        let (failed, images) = (&now.failed, &now.images);
        let seconds = self.started.elapsed().as_secs();
        rows += &format!(
            "{},{code},{accuracy},{before},{failed},{images},{seconds}\n",
            self.date
        );
        let table = File::options().create(true).append(true).open(&self.table);
        let written = table.and_then(|mut table| table.write_all(rows.as_bytes()));
        written.map_err(OutputError::at(&self.table))?;
        print(&format!("{} {}: {}\n", ending.word, self.date, ending.text))?;
        Ok(())
    }
}

impl Numbers {
    /// The numbers of the run in a folder.
    fn read(folder: &Path) -> Self {
        let text = fs::read_to_string(folder.join("summary.json")).unwrap_or_default();
        let summary: Value = serde_json::from_str(&text).unwrap_or_default();
        let count = |name: &str| {
            summary[name]
                .as_u64()
                .map_or(String::new(), |n| n.to_string())
        };
        let accuracy = summary["metrics"]["gt_known_accuracy"]["value"].as_f64();
        Self {
            accuracy: accuracy.map(|share| format!("{:.1}", 100.0 * share)),
            failed: count("failed"),
            images: count("images"),
        }
    }
}

/// The exit code as a shell has it: 128 + the signal's number for a killed process.
fn shell_code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok())
        .unwrap_or(exit::BUG)
}

/// Passes signals on to the process that is running.
struct ChildSignals {
    child: Arc<AtomicU32>,
    stopped: Arc<AtomicBool>,
}

impl ChildSignals {
    fn listen() -> Result<Self> {
        let this = Self {
            child: Arc::default(),
            stopped: Arc::default(),
        };
        let mut signals =
            Signals::new([SIGTERM, SIGINT, SIGHUP]).context("cannot listen for signals")?;
        let (child, stopped) = (this.child.clone(), this.stopped.clone());
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                for _ in signals.forever() {
                    stopped.store(true, Ordering::SeqCst);
                    terminate(child.load(Ordering::SeqCst));
                }
            })?;
        Ok(this)
    }

    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    fn wait_for(&self, command: &mut Command) -> Result<ExitStatus> {
        let mut child = command.spawn().context("cannot start the run")?;
        self.child.store(child.id(), Ordering::SeqCst);
        // A signal that came before the process was known.
        if self.stopped() {
            terminate(child.id());
        }
        let status = child.wait().context("cannot wait for the run");
        self.child.store(0, Ordering::SeqCst);
        status
    }
}

/// Asks a process to stop; 0 stands for none.
fn terminate(process: u32) {
    if let Some(process) = i32::try_from(process).ok().and_then(Pid::from_raw) {
        let _ = kill_process(process, Signal::TERM);
    }
}
