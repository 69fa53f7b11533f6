//! Real Slurm: four virtual nodes on this machine, their workers killed, stopped and lost.

use std::path::Path;
use std::process::Command;

use assert_cmd::cargo::cargo_bin;

use crate::support::job::Job;
use crate::support::models::STEADY;
use crate::support::program::lossy;
use crate::support::{either, say, skip};

/// Whatever happens to workers and nodes, the merged bytes are those of one machine.
#[test]
fn slurm_gives_the_bytes_of_one_machine() {
    let ready = ["slurmctld", "slurmd", "munged"].iter().all(|name| {
        ["/usr/sbin", "/usr/local/sbin", "/usr/bin"]
            .iter()
            .any(|folder| Path::new(folder).join(name).exists())
    });
    let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    if !ready || !root {
        assert!(
            std::env::var_os("CI").is_none(),
            "Slurm is missing (scripts/test installs it), or this is not root"
        );
        skip("a private Slurm needs the Debian packages and root");
        return;
    }
    for _ in 0..either(1, 5) {
        once();
    }
}

fn once() {
    let job = Job::with(160, &[], STEADY);
    let mut command = Command::new("tests/slurm/run");
    let arguments = job.arguments("unused");
    let run = arguments
        .iter()
        .skip(1)
        .take_while(|argument| *argument != "--out");
    let output = command
        .arg(cargo_bin("localise"))
        .arg(job.out("slurm"))
        .arg("--")
        .args(run)
        .output()
        .unwrap();
    let said = lossy(&[output.stdout, output.stderr].concat());
    assert!(output.status.success(), "{said}");
    assert_eq!(
        said.lines().filter(|line| line.starts_with("ok ")).count(),
        8,
        "{said}"
    );
    say(&format!(
        "Slurm: {}\n",
        said.lines().last().unwrap_or_default()
    ));
}
