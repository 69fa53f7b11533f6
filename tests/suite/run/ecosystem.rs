//! What other programs make of our files: Python's ONNX Runtime, pycocotools, numpy as
//! wsolevaluation uses it.

use std::path::Path;
use std::process::Command;

use assert_cmd::cargo::cargo_bin;

use crate::support::program::lossy;
use crate::support::skip;

/// The gradient of a model, the boxes, the score maps and the tables of runs, each read as its
/// readers do.
#[test]
fn python_reads_what_is_written() {
    if !Path::new(".test-tools/made-from").exists() {
        assert!(
            std::env::var_os("CI").is_none(),
            "the packages are missing: scripts/fetch-test-tools"
        );
        skip("Python's packages are not here: scripts/fetch-test-tools");
        return;
    }
    let mut command = Command::new("python3");
    command
        .arg("tests/ecosystem/check.py")
        .arg(cargo_bin("localise"))
        .env("PYTHONPATH", ".test-tools");
    let output = command.output().unwrap();
    let said = lossy(&[output.stdout, output.stderr].concat());
    assert!(output.status.success(), "{said}");
    assert_eq!(
        said.lines().filter(|line| line.starts_with("ok ")).count(),
        4,
        "{said}"
    );
}
