//! What the tests share.

pub(crate) mod forms;
pub(crate) mod ilsvrc;
pub(crate) mod job;
pub(crate) mod models;
pub(crate) mod program;
pub(crate) mod shell;
pub(crate) mod wsol;

// Models in a text notation, and a small model with changes that break it. Both test suites need
// them: these files belong to the tests of onnx-grad, and are compiled into both test binaries.
#[path = "../../../crates/onnx-grad/tests/suite/support/changed.rs"]
pub(crate) mod changed;
#[path = "../../../crates/onnx-grad/tests/suite/support/notation.rs"]
pub(crate) mod notation;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A file of the shared development folder beside the repository, or `None` with a loud, counted
/// note.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let full = Path::new("../shared").join(path);
    if full.exists() {
        return Some(full);
    }
    skip(&format!("../shared/{path} is not here"));
    None
}

/// Writes a file, in folders that may be new.
pub(crate) fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path
}

/// Boxes for the photo `a`.
pub(crate) fn boxes(folder: &Path) -> PathBuf {
    write(
        folder,
        "good.csv",
        "image_id,x_min,y_min,x_max,y_max\na,0,0,5,5\n",
    )
}

/// Notes that a test was skipped, loudly and counted.
pub(crate) fn skip(why: &str) {
    static SKIPPED: AtomicUsize = AtomicUsize::new(0);
    let count = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
    say(&format!("SKIPPED ({count} so far): {why}\n"));
}

/// Straight to the terminal: the test harness would keep a passing test's output to itself.
pub(crate) fn say(line: &str) {
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// `LOCALISE_FAULTS=full` asks for the numbers of a nightly run in place of those of every run.
pub(crate) fn either<T>(usual: T, full: T) -> T {
    if std::env::var("LOCALISE_FAULTS").is_ok_and(|value| value == "full") {
        full
    } else {
        usual
    }
}

/// A limit of time, in seconds: stretched where other tests share the processor.
pub(crate) fn within(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds * either(4.0, 1.0))
}

/// Whether strace works here; where it does not, a test skips loudly. In the continuous integration
/// it must.
pub(crate) fn strace() -> bool {
    static WORKS: OnceLock<bool> = OnceLock::new();
    let works = *WORKS.get_or_init(|| {
        let trial = Command::new("strace")
            .args(["-o", "/dev/null", "true"])
            .output();
        trial.is_ok_and(|output| output.status.success())
    });
    if !works {
        assert!(
            std::env::var_os("CI").is_none(),
            "strace is missing, or not allowed to trace"
        );
        skip("strace does not work here");
    }
    works
}

/// Numbers without pattern, the same in every run, for times and places of faults.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `n`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}
