//! The program: what it is asked, what it says, what it leaves.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;
use tempfile::TempDir;

use super::within;

/// The program, apart from the machine's datasets.
pub(crate) fn localise() -> Command {
    let mut command = Command::new(cargo_bin("localise"));
    command.env_remove("LOCALISE_DATA").stdin(Stdio::null());
    command
}

/// What a program wrote.
pub(crate) fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Runs a command, expects the exit code, gives stdout and stderr.
pub(crate) fn ended(code: i32, command: &mut Command) -> (String, String) {
    let output = command.output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|bytes| lossy(&bytes));
    assert_eq!(
        output.status.code(),
        Some(code),
        "{command:?}\n{out}\n{err}"
    );
    (out, err)
}

/// The same of the program with these arguments.
pub(crate) fn expect(code: i32, arguments: &[&str]) -> (String, String) {
    ended(code, localise().args(arguments))
}

/// A dataset of seven photos of the sample. Only tests about the sample itself use all 30.
pub(crate) const SEVEN: &str = "tests/seven";
/// Their ids, in the dataset's order.
pub(crate) const SEVEN_IDS: [&str; 7] = [
    "chelsea",
    "coffee",
    "rocket",
    "fig",
    "spaniels",
    "drum",
    "dragonfly",
];

/// Runs a pipeline over a dataset into a folder, expects the exit code, gives stdout and stderr.
pub(crate) fn run_of(code: i32, dataset: &str, out: &Path, more: &[&str]) -> (String, String) {
    let run = ["run", "--quiet", "--dataset", dataset, "--out", text(out)];
    expect(code, &[&run, more].concat())
}

/// The same of the seven photos, to the end.
pub(crate) fn run(out: &Path, more: &[&str]) -> (String, String) {
    run_of(0, SEVEN, out, more)
}

pub(crate) fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// What `localise score` says, as JSON.
pub(crate) fn scored(arguments: &[&str]) -> Value {
    serde_json::from_str(&expect(0, &[&["score", "--json"], arguments].concat()).0).unwrap()
}

/// What the program did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) took: Duration,
    /// The most memory that it held, MiB.
    pub(crate) held: u64,
}

/// Runs the program and watches its memory. The kernel's own high-water mark is read until the
/// program ends: only what it takes in its last two milliseconds can be missed.
pub(crate) fn watched(arguments: &[&str]) -> Done {
    let folder = TempDir::new().unwrap();
    let [out, err] = ["out", "err"].map(|name| folder.path().join(name));
    let start = Instant::now();
    let mut child = localise()
        .args(arguments)
        .stdout(File::create(&out).unwrap())
        .stderr(File::create(&err).unwrap())
        .spawn()
        .unwrap();
    let status_file = format!("/proc/{}/status", child.id());
    let held = || {
        let text = fs::read_to_string(&status_file).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok()
    };
    let mut most = 0;
    let code = loop {
        most = most.max(held().unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        if start.elapsed() > Duration::from_secs(600) {
            child.kill().unwrap();
            panic!("{arguments:?} does not end");
        }
        thread::sleep(Duration::from_millis(2));
    };
    let [out, err] = [out, err].map(|path| lossy(&fs::read(path).unwrap()));
    Done {
        code,
        out,
        err,
        took: start.elapsed(),
        held: most >> 10,
    }
}

/// What is said of input that cannot be: at once, and in little memory, whatever it is.
pub(crate) fn refused(arguments: &[&str]) -> String {
    let done = watched(arguments);
    assert_eq!(done.code, Some(2), "{arguments:?}: {done:?}");
    assert!(done.took < within(1.0), "{arguments:?}: {done:?}");
    assert!(done.held < 64, "{arguments:?}: {done:?}");
    done.err
}
