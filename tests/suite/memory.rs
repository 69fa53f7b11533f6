//! Memory: what a run holds does not grow with its dataset.

use std::fs;
use std::time::Instant;

use crate::faults::{Job, either};
use crate::interrupted::say;
use crate::photos::watched;

/// T22: the peak of resident memory for small and large datasets differs by no more than 32 MiB.
#[test]
fn memory_does_not_grow_with_the_dataset() {
    let peak = |photos: usize| {
        let job = Job::new(photos);
        let arguments = job.arguments("out");
        let done = watched(&arguments.iter().map(String::as_str).chain(["--quiet"]).collect::<Vec<_>>());
        assert_eq!(done.code, Some(0), "{}", done.err);
        assert_eq!(fs::read_to_string(job.out("out").join("boxes.csv")).unwrap().lines().count(), photos + 1);
        let start = Instant::now();
        job.expect(0, "out", &["--quiet"]);
        (done.held, done.took, start.elapsed())
    };
    let [small, large] = either([200, 4_000], [2_000, 20_000]);
    let ((few, ..), (many, took, again)) = (peak(small), peak(large));
    let text = format!("{small} photos {few} MiB, {large} photos {many} MiB, {took:.1?}; again, finished: {again:.1?}");
    say(&format!("T22: {text}\n"));
    assert!(many <= few + 32, "{text}");
}
