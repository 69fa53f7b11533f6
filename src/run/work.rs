//! The work on a shard: its photos through the pipeline, each into the journal as soon as it is
//! known.
//!
//! Worker threads take photos one at a time; one thread appends to the journal, writes maps and
//! masks, and decides when to stop. What is in the journal does not depend on how many workers
//! there are, only in what order it stands there.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, SyncSender};

use anyhow::{Context, Result, bail};
use rayon::prelude::*;

use super::breaker::Breaker;
use super::error::{Done, Stopped};
use super::journal::{Header, Journal, Line};
use super::lock::Lock;
use super::manifest::Session;
use super::outage::{TRIES, read_patiently, root};
use super::output::{self, publish_for};
use super::photo::{self, Localiser, Record};
use super::{Interrupt, Job, Progress, Shard, files, probe, shard};
use crate::classifier::Classifier;
use crate::dataset::ReadError;
use crate::prediction;
use crate::publish::OutputError;

/// Works on a shard until all its photos are in its journal, and goes on where another process
/// stopped.
///
/// Everything that can be wrong with the output is tried before the model is loaded.
///
/// # Errors
/// When the work cannot start, [`Stopped`] where it goes on later, [`OutputError`] where the output
/// cannot be written, or too many photos failed.
pub(super) fn work(job: &Job<'_>, shard: Shard, interrupt: &Interrupt) -> Result<Journal> {
    let folder = job.carrying.out.as_path();
    let all = shard.places(job.dataset.photos.len()).count();
    let stopped = |journal: Option<&Journal>| {
        let (signal, done) = (
            interrupt.signal(),
            Done {
                done: journal.map_or(0, Journal::done),
                all,
            },
        );
        anyhow::Error::from(Stopped::Signal {
            signal,
            done,
            folder: folder.to_owned(),
        })
    };
    let lock = Lock::take(&shard.lock(folder), job.carrying.patience, interrupt)?;
    let Some(_lock) = lock else {
        return Err(stopped(None));
    };
    if job.carrying.fresh {
        output::set_aside(folder, shard)?;
    }
    let finished = shard.finished(folder);
    if finished.exists() {
        let journal = Journal::read(&finished)?;
        job.must_fit(&journal, shard)?;
        journal.must_be_whole()?;
        tracing::info!(
            "shard {} of {} is complete already",
            shard.index,
            shard.count
        );
        return Ok(journal);
    }
    if !job.carrying.fresh {
        one_run(job, shard)?;
    }
    let mut journal = begin(job, shard, all)?;
    present(job, &journal, all)?;
    if interrupt.requested() {
        return Err(stopped(Some(&journal)));
    }
    let classifier = Classifier::load(
        job.description.clone(),
        probe(&job.options.pipeline, &job.description),
    )?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(job.carrying.threads)
        .build()
        .context("worker threads")?;
    let worked = journal
        .append(vec![Line::Session(Session::now(
            pool.current_num_threads(),
        ))])
        .map_err(Into::into)
        .and_then(|()| each(job, shard, &classifier, &pool, &mut journal, interrupt))
        .and_then(
            |()| match interrupt.requested() && journal.places().count() < all {
                true => Err(stopped(Some(&journal))),
                false => Ok(journal.finish(&finished)?),
            },
        );
    match worked {
        Ok(()) => Ok(journal),
        Err(error) => Err(match error.downcast::<OutputError>() {
            Ok(error) => error
                .with(Done {
                    done: journal.done(),
                    all,
                })
                .into(),
            Err(other) => other,
        }),
    }
}

/// Refuses a folder in which another run has shards: a merge would only find it after the night.
/// One other journal tells; what is wrong with that itself is its own shard's affair.
fn one_run(job: &Job<'_>, shard: Shard) -> Result<()> {
    let folder = &job.carrying.out;
    let others = shard::journals(folder)
        .into_iter()
        .filter(|&(index, ..)| index != shard.index);
    let mut others = others.filter_map(|(.., path)| Journal::read(&path).ok());
    match others.find(|journal| journal.places().next().is_some()) {
        Some(other) => job.must_go_with(&other, shard, other.header.shard.count == shard.count),
        None => Ok(()),
    }
}

/// The journal to go on with, or a new one. One without photos is nobody's work, whatever it was
/// made for.
fn begin(job: &Job<'_>, shard: Shard, all: usize) -> Result<Journal> {
    let path = shard.part(&job.carrying.out);
    if path.exists() {
        let mut journal = Journal::read(&path)?;
        if journal.places().next().is_some() {
            job.must_fit(&journal, shard)?;
            if journal.torn {
                tracing::warn!("dropped 1 damaged record at the end; 1 photo will be done again");
            }
            let done = Done {
                done: journal.done(),
                all,
            };
            journal.reopen().map_err(|error| error.with(done))?;
            tracing::info!("resuming: {done} photos done");
            return Ok(journal);
        }
    }
    Ok(Journal::create(
        &path,
        Header::new(shard, job.fingerprint.clone(), job.options.to_text()?),
    )?)
}

/// Refuses photos that lie nowhere: a mistyped folder is not ten thousand bad photos. Where some
/// were read before, their folder was right, and is away.
fn present(job: &Job<'_>, journal: &Journal, all: usize) -> Result<()> {
    let root = root(&job.dataset.photos);
    if root.is_dir() {
        return Ok(());
    }
    let (done, folder) = (
        Done {
            done: journal.done(),
            all,
        },
        job.carrying.out.clone(),
    );
    if done.done > 0 {
        return Err(Stopped::Outage {
            path: root,
            reason: "no such folder".into(),
            tries: 1,
            done,
            folder,
        }
        .into());
    }
    let dataset = &job.dataset.name;
    bail!(
        "{}: no such folder, and the photos of {dataset} should be there\nhelp: --data-dir names the data",
        root.display()
    )
}

/// A photo that could not be read for a reason that is not its own.
struct Outage {
    place: usize,
    error: ReadError,
}

/// Whether workers are to stop: after a signal, or where what they find cannot be kept.
struct Stop<'a> {
    interrupt: &'a Interrupt,
    ended: AtomicBool,
}

impl Stop<'_> {
    fn requested(&self) -> bool {
        self.ended.load(Ordering::Relaxed) || self.interrupt.requested()
    }

    fn request(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

/// Takes every photo of a shard that is not done through the pipeline, and appends what is known of
/// it to the journal.
fn each(
    job: &Job<'_>,
    shard: Shard,
    classifier: &Classifier,
    pool: &rayon::ThreadPool,
    journal: &mut Journal,
    interrupt: &Interrupt,
) -> Result<()> {
    let photos = job.dataset.photos.len();
    let places: Vec<usize> = shard
        .places(photos)
        .filter(|&place| !journal.has(place))
        .collect();
    let all = shard.places(photos).count();
    let progress = Progress::new("photos", all, journal.done(), job.carrying.quiet);
    let mut breaker = Breaker::new(journal.done(), &places);
    let stop = Stop {
        interrupt,
        ended: AtomicBool::new(false),
    };
    // Bounded: where the disk is slow, the workers wait.
    let waiting = 2 * pool.current_num_threads();
    let (sender, receiver) = mpsc::sync_channel(waiting);
    let result = std::thread::scope(|scope| {
        scope.spawn(|| pool.install(|| look(job, classifier, &places, sender, &stop)));
        // Dropped when this closure ends, by a panic too: workers then cannot send, and stop.
        let receiver = receiver;
        let mut result = Ok(());
        while let Ok(first) = receiver.recv() {
            // What has come meanwhile is synced together; what comes during that is left, or a run
            // of failures would not be seen before its end.
            let records: Vec<_> = std::iter::once(first)
                .chain(receiver.try_iter().take(waiting))
                .collect();
            if result.is_ok() {
                result = take(job, journal, &progress, &mut breaker, records, all);
            }
            if result.is_err() {
                stop.request();
            }
        }
        result
    });
    progress.finish();
    result
}

/// Looks at photos on all threads of the pool that it is called in, and sends what is known of
/// each.
fn look(
    job: &Job<'_>,
    classifier: &Classifier,
    places: &[usize],
    sender: SyncSender<Result<Record, Outage>>,
    stop: &Stop<'_>,
) {
    let Job {
        options,
        carrying,
        dataset,
        ..
    } = job;
    let root = root(&dataset.photos);
    let new_localiser =
        || Localiser::new(classifier, &options.pipeline, options.classes, options.seed);
    // `par_bridge` hands photos out one by one in their order; a split range would start in its
    // middle.
    places
        .iter()
        .par_bridge()
        .for_each_init(new_localiser, |localiser, &place| {
            if stop.requested() {
                return;
            }
            let photo = &dataset.photos[place];
            let read = || read_patiently(&photo.path, &root, options.jpeg, &|| stop.requested());
            let record = photo::process(place, photo, localiser, carrying, read);
            if record.as_ref().is_ok_and(Record::panicked) {
                // Whatever it left half done goes with it.
                *localiser = new_localiser();
            }
            // A photo that waits for its disk when all stops is left for the next time.
            if record.is_err() && stop.requested() {
                return;
            }
            if sender
                .send(record.map_err(|error| Outage { place, error }))
                .is_err()
            {
                stop.request();
            }
        });
}

/// Appends what was found. An outage among it stops the run, after the photos that were done.
fn take(
    job: &Job<'_>,
    journal: &mut Journal,
    progress: &Progress,
    breaker: &mut Breaker,
    records: Vec<Result<Record, Outage>>,
    all: usize,
) -> Result<()> {
    let Job {
        carrying, dataset, ..
    } = job;
    let (mut lines, mut outage, mut failures) = (Vec::new(), None, Vec::new());
    for record in records {
        let Record { entry, map, mask } = match record {
            Ok(record) => record,
            Err(error) => {
                outage = Some(error);
                continue;
            }
        };
        let id = &dataset.photos[entry.place].id;
        if let Some(map) = map {
            let name = prediction::map_name(id);
            publish_for(
                &carrying.out.join(files::MAPS),
                &name,
                "npy",
                &prediction::write_map(map.view()),
            )?;
        }
        if let Some(mask) = mask {
            publish_for(
                &carrying.out.join(files::MASKS),
                id,
                "png",
                &prediction::write_mask(mask.view()),
            )?;
        }
        failures.push((entry.place, entry.failure.clone()));
        lines.push(Line::Photo(entry));
    }
    journal.append(lines)?;
    for (place, failure) in failures {
        progress.advance(failure.is_some());
        breaker.add(place, failure);
    }
    if let Some(Outage { place, error }) = outage {
        let (path, reason) = (dataset.photos[place].path.clone(), error.to_string());
        let done = Done {
            done: journal.done(),
            all,
        };
        let folder = carrying.out.clone();
        return Err(Stopped::Outage {
            path,
            reason,
            tries: TRIES,
            done,
            folder,
        }
        .into());
    }
    breaker.check(all, &dataset.photos)
}
