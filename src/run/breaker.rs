//! The circuit breaker: a run that has no chance is stopped, since a wrong folder must not take all
//! night.

use std::collections::HashSet;

use anyhow::{Result, bail};

use super::Failure;
use super::error::Bug;
use super::outage::root;
use crate::dataset::Photo;

/// A run that stops after this many failures in a row from the start, or ...
const FAILURES_AT_THE_START: usize = 20;
/// ... with more than this share of failures, once there are ...
const SHARE_OF_FAILURES: f64 = 0.01;
/// ... this many.
const FAILURES_BEFORE_A_SHARE_COUNTS: usize = 100;

/// What is known of the shard, with the failures that this process has seen.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    done: usize,
    failed: usize,
    /// Of these, by this program or ONNX Runtime and not by the photo.
    broken: usize,
    last: Option<Failure>,
    /// Of the first photos those that have not failed yet, as long as nothing has gone well.
    start: Option<HashSet<usize>>,
}

impl Breaker {
    /// That of a shard of which `done` photos are done and the `places` are to be.
    pub(super) fn new(done: usize, places: &[usize]) -> Self {
        let first = places.iter().copied().take(FAILURES_AT_THE_START).collect();
        Self {
            done,
            start: (done == 0 && places.len() >= FAILURES_AT_THE_START).then_some(first),
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, place: usize, failure: Option<Failure>) {
        self.done += 1;
        match (&failure, &mut self.start) {
            (Some(_), Some(first)) => drop(first.remove(&place)),
            _ => self.start = None,
        }
        if let Some(failure) = failure {
            self.failed += 1;
            self.broken += usize::from(
                failure.kind == "panic" || failure.reason.starts_with("ONNX Runtime failed"),
            );
            self.last = Some(failure);
        }
    }

    /// An error where the shard, which has `all` photos of `photos`, has no chance.
    pub(super) fn check(&self, all: usize, photos: &[Photo]) -> Result<()> {
        let Self {
            done,
            failed,
            broken,
            last,
            start,
        } = self;
        let at_the_start = start.as_ref().is_some_and(HashSet::is_empty);
        let many = *failed >= FAILURES_BEFORE_A_SHARE_COUNTS
            && *failed as f64 > SHARE_OF_FAILURES * all as f64;
        let which = match (at_the_start, many) {
            (true, _) => format!("first {failed} photos all failed"),
            (_, true) => format!("{failed} of {done} photos failed"),
            _ => return Ok(()),
        };
        let Some(Failure { id, reason, .. }) = last else {
            return Ok(());
        };
        let message = format!("{which}; the last: {id}: {reason}");
        if broken == failed {
            let help = "the program or ONNX Runtime failed, not the photos: please report it with what `localise doctor` says";
            return Err(Bug(format!("{message}\nhelp: {help}")).into());
        }
        bail!(
            "{message}\nhelp: is {} right? --data-dir names the data",
            root(photos).display()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(kind: &str) -> Option<Failure> {
        Some(Failure {
            id: "a".into(),
            path: "b".into(),
            kind: kind.into(),
            reason: "c".into(),
        })
    }

    /// The first twenty in the order of the dataset, in whatever order they come; later ones are no
    /// start.
    #[test]
    fn a_start_without_hope_is_one_of_the_first_photos() {
        let places: Vec<_> = (0..5_000).collect();
        let mut breaker = Breaker::new(0, &places);
        (1..60).for_each(|place| breaker.add(place, failure("image")));
        assert!(
            breaker.check(5_000, &[]).is_ok(),
            "the first photo is still at work"
        );
        let mut good = Breaker {
            start: breaker.start.clone(),
            ..Breaker::default()
        };
        good.add(0, None);
        assert!(good.check(5_000, &[]).is_ok());
        breaker.add(0, failure("image"));
        let error = breaker.check(5_000, &[]).expect_err("no hope");
        assert!(
            error
                .to_string()
                .starts_with("first 60 photos all failed; the last: a: c"),
            "{error}"
        );
        assert!(!error.is::<Bug>());
        // A shard that goes on has begun well.
        let mut resumed = Breaker::new(26, &places);
        (0..60).for_each(|place| resumed.add(place, failure("image")));
        assert!(resumed.check(5_000, &[]).is_ok());
    }

    #[test]
    fn a_hundredth_of_many_is_too_many() {
        let places: Vec<_> = (0..50_000).collect();
        let mut breaker = Breaker::new(0, &places);
        breaker.add(0, None);
        (1..=500).for_each(|place| breaker.add(place, failure("panic")));
        assert!(breaker.check(50_000, &[]).is_ok() && breaker.check(100, &[]).is_err());
        breaker.add(501, failure("panic"));
        assert!(
            breaker
                .check(50_000, &[])
                .expect_err("too many")
                .is::<Bug>()
        );
    }
}
