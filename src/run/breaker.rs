//! The circuit breaker: it stops a run that has no chance, so that a wrong folder does not cost a
//! night. Photos that were missing at the start do not count, because they were warned of.

use std::collections::HashSet;

use anyhow::Result;

use super::error::InternalFailure;
use super::outage::root;
use crate::dataset::Photo;
use crate::remedy::{Refused, Remedy};
use crate::results::Failure;

/// A run stops when this many photos at its start have all failed, or ...
const FAILURES_AT_THE_START: usize = 20;
/// ... when more than this share of the photos has failed, once there are ...
const SHARE_OF_FAILURES: f64 = 0.01;
/// ... this many failures.
const FAILURES_BEFORE_A_SHARE_COUNTS: usize = 100;

/// The state of a shard, with the failures that this process has seen.
#[derive(Debug)]
pub(super) struct Breaker<'a> {
    /// The places of photos that were missing at the start.
    missing: &'a HashSet<usize>,
    done: usize,
    failed: usize,
    /// Of these, how many were failures of this program or of ONNX Runtime.
    internal: usize,
    last: Option<Failure>,
    /// Those of the first photos that have not failed yet; `None` once a photo has succeeded.
    start: Option<HashSet<usize>>,
}

impl<'a> Breaker<'a> {
    /// For a shard with `done` photos done and the photos at `places` to do, of which some are
    /// `missing`.
    pub(super) fn new(done: usize, places: &[usize], missing: &'a HashSet<usize>) -> Self {
        let present = places
            .iter()
            .copied()
            .filter(|place| !missing.contains(place));
        let first: HashSet<usize> = present.take(FAILURES_AT_THE_START).collect();
        Self {
            missing,
            done,
            start: (done == 0 && first.len() == FAILURES_AT_THE_START).then_some(first),
            failed: 0,
            internal: 0,
            last: None,
        }
    }

    pub(super) fn add(&mut self, place: usize, failure: Option<Failure>) {
        if self.missing.contains(&place) {
            return;
        }
        self.done += 1;
        match (&failure, &mut self.start) {
            (Some(_), Some(first)) => drop(first.remove(&place)),
            _ => self.start = None,
        }
        if let Some(failure) = failure {
            self.failed += 1;
            self.internal += usize::from(failure.kind.is_internal());
            self.last = Some(failure);
        }
    }

    /// An error when the shard, which has `total` of the `photos`, has no chance.
    pub(super) fn check(&self, total: usize, photos: &[Photo]) -> Result<()> {
        let Self { done, failed, .. } = *self;
        let hopeless_start = self.start.as_ref().is_some_and(HashSet::is_empty);
        let too_many = failed >= FAILURES_BEFORE_A_SHARE_COUNTS
            && failed as f64 > SHARE_OF_FAILURES * total as f64;
        let which = if hopeless_start {
            format!("the first {failed} photos all failed")
        } else if too_many {
            format!("{failed} of {done} photos failed")
        } else {
            return Ok(());
        };
        let Some(Failure { id, reason, .. }) = &self.last else {
            return Ok(());
        };
        let message = format!("{which}; the last: {id}: {reason}");
        if self.internal == failed {
            return Err(InternalFailure(message).into());
        }
        let folder = root(photos).display().to_string();
        Err(Refused::new(message, Remedy::CheckDataDir(folder)).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::localiser::FailureKind;

    fn failure(kind: FailureKind) -> Option<Failure> {
        Some(Failure {
            id: "a".into(),
            path: "b".into(),
            kind,
            reason: "c".into(),
        })
    }

    /// The start is the first twenty photos in the order of the dataset, whichever are done first.
    #[test]
    fn a_start_without_hope_is_one_of_the_first_photos() {
        let places: Vec<_> = (0..5_000).collect();
        let none = HashSet::new();
        let mut breaker = Breaker::new(0, &places, &none);
        (1..60).for_each(|place| breaker.add(place, failure(FailureKind::Image)));
        assert!(
            breaker.check(5_000, &[]).is_ok(),
            "the first photo is still at work"
        );
        let mut good = Breaker::new(0, &places, &none);
        good.add(0, None);
        assert!(good.check(5_000, &[]).is_ok());
        breaker.add(0, failure(FailureKind::Image));
        let error = breaker.check(5_000, &[]).expect_err("no hope");
        assert!(
            error
                .to_string()
                .starts_with("the first 60 photos all failed; the last: a: c"),
            "{error}"
        );
        assert!(!error.is::<InternalFailure>());
        // A resumed shard has had successes.
        let mut resumed = Breaker::new(26, &places, &none);
        (0..60).for_each(|place| resumed.add(place, failure(FailureKind::Image)));
        assert!(resumed.check(5_000, &[]).is_ok());
    }

    /// Photos that were missing at the start neither stop a run nor hide that all others fail.
    #[test]
    fn missing_photos_do_not_count() {
        let places: Vec<_> = (0..5_000).collect();
        let missing = HashSet::from_iter((0..5_000).filter(|place| place % 10 < 9));
        let mut breaker = Breaker::new(0, &places, &missing);
        (0..199).for_each(|place| breaker.add(place, failure(FailureKind::Missing)));
        assert!(breaker.check(5_000, &[]).is_ok());
        breaker.add(199, failure(FailureKind::Image));
        let error = breaker.check(5_000, &[]).expect_err("no hope").to_string();
        assert!(
            error.starts_with("the first 20 photos all failed"),
            "{error}"
        );
    }

    #[test]
    fn a_hundredth_of_many_is_too_many() {
        let places: Vec<_> = (0..50_000).collect();
        let none = HashSet::new();
        let mut breaker = Breaker::new(0, &places, &none);
        breaker.add(0, None);
        (1..=500).for_each(|place| breaker.add(place, failure(FailureKind::Panic)));
        assert!(breaker.check(50_000, &[]).is_ok() && breaker.check(100, &[]).is_err());
        breaker.add(501, failure(FailureKind::Panic));
        assert!(
            breaker
                .check(50_000, &[])
                .expect_err("too many")
                .is::<InternalFailure>()
        );
    }
}
