//! Networks that do not end, or fail on one photo: that photo fails, and the others are not
//! affected.

use std::fs;
use std::time::Instant;

use crate::support::job::Job;
use crate::support::models::{CONVOLUTION, SLOW};
use crate::support::notation::endless;
use crate::support::program::lossy;
use crate::support::within;

/// As [`CONVOLUTION`], but a white photo makes it look for the sixth of two numbers.
const BEYOND: [&str; 2] = [
    "c = Conv(x, k) pads=[1,1,1,1]; r = Relu(c); g = GlobalAveragePool(r); f = Flatten(g); y0 = Gemm(f, w); \
     h = ReduceMin(x) keepdims=0; d = Sub(h, limit); s = Mul(d, scale); p = Relu(s); n = Cast(p) to=7; \
     t = Gather(two, n); y = Add(y0, t)",
    "k: 4x3x3x3; w: 4x2; limit = 0.95; scale = 102.0; two = [0.0, 0.0]",
];

/// The rows of all photos but one are those of the network without its trap.
fn one_photo_fails(job: &Job, white: usize, said: &str, kind: &str, reason: &str) {
    let plain = Job::with(job.photos, &[white], CONVOLUTION);
    let expected = plain.golden();
    let (found, expected) = (
        lossy(&job.results("out")["boxes.csv"]),
        lossy(&expected["boxes.csv"]),
    );
    let differing: Vec<_> = found
        .lines()
        .zip(expected.lines())
        .filter(|(a, b)| a != b)
        .collect();
    assert_eq!(differing.len(), 1, "{said}");
    assert!(
        differing[0].0.starts_with(&format!("{white:05}.png,")) && differing[0].0.contains("error")
    );
    let failures = fs::read_to_string(job.out("out").join("failures.jsonl")).unwrap();
    assert!(
        failures.lines().count() == 1
            && failures.contains(reason)
            && failures.contains(&format!("\"{kind}\"")),
        "{failures}"
    );
}

/// A run of the network that takes too long is ended, and only its photo fails.
#[test]
fn a_run_that_takes_too_long_is_ended() {
    let job = Job::with(12, &[7], SLOW);
    let start = Instant::now();
    let said = job.expect(3, "out", &["--run-timeout", "1"]);
    assert!(start.elapsed() < within(10.0), "{:?}", start.elapsed());
    one_photo_fails(&job, 7, &said, "network", "took longer than 1 s");
}

/// An error of the runtime on one photo is that photo's.
#[test]
fn a_runtime_error_fails_one_photo() {
    let job = Job::with(12, &[7], BEYOND);
    let said = job.expect(3, "out", &[]);
    one_photo_fails(&job, 7, &said, "runtime", "ONNX Runtime failed");
}

/// A loop that does not end never begins: the compiler has no rule for loops, and says so before
/// any work.
#[test]
fn a_loop_is_refused_before_the_run() {
    let job = Job::new(2);
    fs::write(job.out("small.onnx"), endless()).unwrap();
    let said = job.expect(2, "out", &[]);
    assert!(said.contains("Loop"), "{said}");
}
