//! The memory of a run and the cost of resuming it hardly grow with its dataset.

use std::fs;
use std::time::{Duration, Instant};

use crate::support::job::Job;
use crate::support::program::watched;
use crate::support::{either, say, within};

/// What a run of so many photos took.
struct Taken {
    /// The peak of resident memory, MiB.
    held: u64,
    whole: Duration,
    /// The last photo alone, when all others are in the journal.
    resumed: Duration,
    /// The results again, when all are.
    again: Duration,
}

fn taken(photos: usize) -> Taken {
    let job = Job::new(photos);
    let arguments = job.arguments("out");
    let done = watched(
        &arguments
            .iter()
            .map(String::as_str)
            .chain(["--quiet"])
            .collect::<Vec<_>>(),
    );
    assert_eq!(done.code, Some(0), "{}", done.err);
    let out = job.out("out");
    assert_eq!(
        fs::read_to_string(out.join("boxes.csv"))
            .unwrap()
            .lines()
            .count(),
        photos + 1
    );
    let timed = || {
        let start = Instant::now();
        job.expect(0, "out", &["--quiet"]);
        start.elapsed()
    };
    let again = timed();
    let [finished, part] = ["shard-0.jsonl", "shard-0.part"].map(|name| out.join(name));
    let text = fs::read_to_string(&finished).unwrap();
    let whole = text.trim_end().rfind('\n').unwrap() + 1;
    fs::write(part, &text[..whole]).unwrap();
    fs::remove_file(finished).unwrap();
    Taken {
        held: done.held,
        whole: done.took,
        resumed: timed(),
        again,
    }
}

/// A photo more costs 1.25 KiB at most, which is its row and no picture or map; the journal is gone
/// on with in a second.
#[test]
fn memory_hardly_grows_with_the_dataset() {
    let sizes = either(&[200, 4_000][..], &[2_000, 20_000, 50_000]);
    let taken: Vec<_> = sizes.iter().map(|&photos| taken(photos)).collect();
    for (
        photos,
        Taken {
            held,
            whole,
            resumed,
            again,
        },
    ) in sizes.iter().zip(&taken)
    {
        say(&format!(
            "{photos} photos {held} MiB, {whole:.1?}; the last one {resumed:.2?}, finished {again:.2?}\n"
        ));
        let most = taken[0].held + 8 + (photos - sizes[0]) as u64 * 5 / 4096;
        assert!(
            *held <= most,
            "{photos} photos take {held} MiB, which should be {most} at most"
        );
        assert!(
            *resumed < within(1.0) && *again < within(1.0),
            "{photos} photos: {resumed:.2?}, {again:.2?}"
        );
    }
}
