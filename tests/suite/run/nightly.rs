//! Unattended runs: the command for GNU parallel, and the nightly script.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::cargo::cargo_bin;

use crate::support::job::Job;
use crate::support::models::STEADY;
use crate::support::program::lossy;
use crate::support::skip;

/// A shard that is killed under GNU parallel is tried again, and the merged bytes are those of one
/// machine.
#[test]
fn gnu_parallel_tries_a_killed_shard_again() {
    if !Command::new("parallel")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
    {
        assert!(
            std::env::var_os("CI").is_none(),
            "GNU parallel is missing; scripts/test installs it"
        );
        skip("GNU parallel is not here");
        return;
    }
    let job = Job::with(40, &[], STEADY);
    let golden = job.golden();
    let localise = cargo_bin("localise").display().to_string();
    let run = [vec![localise.clone()], job.arguments("out")]
        .concat()
        .join(" ");
    let out = job.out("out").display().to_string();
    // The line of docs/cluster.md.
    let line = format!(
        "parallel -j 4 --retries 3 '{run} --threads 1 --shard {{}}/4 || [ $? -eq 3 ]' ::: 0 1 2 3 && \
         {localise} merge {out} --expect-shards 4"
    );
    let mut child = Command::new("sh")
        .args(["-c", &line])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    job.wait_for(&mut child, "out", 2, 2);
    let holder = fs::read_to_string(job.out("out").join("shard-2.lock")).unwrap();
    let killed = Command::new("kill")
        .args(["-KILL", holder.split(' ').next().unwrap()])
        .status()
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = lossy(&output.stderr);
    assert!(killed.success() && output.status.success(), "{said}");
    assert!(said.contains("resuming: "), "{said}");
    assert_eq!(job.results("out"), golden);
}

fn night(history: &Path, job: &Job, more: &[&str]) -> (Option<i32>, String) {
    let arguments = job.arguments("unused");
    let mut command = Command::new(cargo_bin("localise"));
    command
        .env("RETRY_SECONDS", "1")
        .arg("nightly")
        .arg(history)
        .arg("--");
    command
        .args(
            arguments
                .iter()
                .skip(1)
                .take_while(|argument| *argument != "--out"),
        )
        .args(more);
    let Output { status, stdout, .. } = command.output().unwrap();
    (status.code(), lossy(&stdout))
}

/// One line and one code a night: good, good with failed photos, busy, failed; and a killed run is
/// gone on with.
#[test]
fn a_night_ends_in_one_line_and_a_code() {
    let job = Job::with(20, &[], STEADY);
    let history = job.out("history");
    let watch = std::thread::scope(|scope| {
        let first = scope.spawn(|| night(&history, &job, &["--threads", "1"]));
        // Kill the run, not the script, once it has begun.
        let start = Instant::now();
        let lock = loop {
            let nights = fs::read_dir(&history)
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.path());
            let lock = nights
                .map(|night| night.join("shard-0.lock"))
                .find(|lock| lock.exists());
            let part = lock.as_ref().map(|lock| lock.with_extension("part"));
            let begun = part
                .and_then(|part| fs::read_to_string(part).ok())
                .is_some_and(|t| t.contains("{\"photo\""));
            if let Some(lock) = lock.filter(|_| begun) {
                break lock;
            }
            assert!(start.elapsed() < Duration::from_secs(60), "it begins");
            std::thread::sleep(Duration::from_millis(5));
        };
        let (code, line) = night(&history, &job, &[]);
        assert!(code == Some(75) && line.starts_with("busy "), "{line}");
        let pid = fs::read_to_string(lock).unwrap();
        assert!(
            Command::new("kill")
                .args(["-KILL", pid.split(' ').next().unwrap()])
                .status()
                .unwrap()
                .success()
        );
        first.join().unwrap()
    });
    let (code, line) = watch;
    assert_eq!(code, Some(0), "{line}");
    assert!(
        line.starts_with("ok ")
            && line.contains("(no earlier good night), 0 of 20 failed")
            && line.lines().count() == 1,
        "{line}"
    );
    // It ends in the address of the photo to look at: here the worst, below the one that failed.
    let page = |status_line: &str| {
        status_line
            .trim_end()
            .rsplit(' ')
            .next()
            .unwrap()
            .to_owned()
    };
    assert!(page(&line).contains("report.html#photo="), "{line}");
    let good = fs::canonicalize(history.join("last-good")).unwrap();
    assert!(good.join("summary.json").exists());
    let log = fs::read_to_string(good.with_added_extension("log")).unwrap();
    assert!(
        log.contains("ended with 137: resuming in 1 s") && log.contains("resuming: "),
        "{log}"
    );

    // The next night: yesterday's is kept under another name, and one photo is broken.
    fs::rename(&good, history.join("before")).unwrap();
    fs::remove_file(history.join("last-good")).unwrap();
    std::os::unix::fs::symlink("before", history.join("last-good")).unwrap();
    fs::write(job.out("00003.png"), "no picture").unwrap();
    let (next_code, next_line) = night(&history, &job, &[]);
    assert!(
        next_code == Some(3)
            && next_line.starts_with("ok ")
            && next_line.contains("1 of 20 failed"),
        "{next_line}"
    );
    assert!(
        page(&next_line).ends_with("report.html#photo=00003.png"),
        "{next_line}"
    );
    let (failed_code, failed_line) = night(&history, &job, &["--images", "nowhere.txt"]);
    assert!(
        failed_code == Some(2)
            && failed_line.starts_with("failed ")
            && failed_line.contains("nowhere.txt"),
        "{failed_line}"
    );
    let rows = fs::read_to_string(history.join("history.csv")).unwrap();
    let codes: Vec<_> = rows
        .lines()
        .skip(1)
        .map(|row| row.split(',').nth(1).unwrap())
        .collect();
    assert_eq!(codes, ["0", "3", "2"]);
}
