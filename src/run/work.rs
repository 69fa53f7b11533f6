//! Running a shard: its photos through the pipeline, each into the journal as soon as it is done.
//!
//! Worker threads take photos one at a time. One thread appends to the journal, writes maps and
//! masks, and decides when to stop. The number of workers changes only the order of the journal's
//! lines, not what they say.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};

use anyhow::{Context, Result};
use rayon::prelude::*;

use super::breaker::Breaker;
use super::control::{Control, Interrupt};
use super::error::{ShardCount, Stopped};
use super::folder::{self, write_for_photo};
use super::job::Job;
use super::journal::Journal;
use super::journal_line::{Header, JournalLine};
use super::lock::Lock;
use super::manifest::ProcessRecord;
use super::outage::{TRIES, read_patiently, root};
use super::record::{Record, process_photo};
use super::shard::{self, Shard};
use crate::dataset::PhotoReadError;
use crate::fs::OutputError;
use crate::localiser::{Localiser, Member};
use crate::prediction;
use crate::progress::Advance;
use crate::remedy::{Refused, Remedy};
use crate::results::files;
use crate::storage;

/// Runs a shard until all its photos are in its journal, resuming where another process stopped.
///
/// Everything that can be wrong with the output is checked before the model is loaded.
///
/// # Errors
/// When the shard cannot start, too many photos fail, the shard [`Stopped`] and can be resumed, or
/// the output cannot be written ([`OutputError`]).
pub(super) fn run_shard(job: &Job<'_>, shard: Shard, control: &Control<'_>) -> Result<Journal> {
    let folder = job.execution.out.as_path();
    let total = shard.places(job.dataset.photos.len()).count();
    let count = |done: usize| ShardCount { done, total };
    let stopped = |done: usize| Stopped::Signal {
        signal: control.interrupt.cause(),
        done: count(done),
        folder: folder.to_owned(),
    };
    let lock = Lock::take(
        &shard.lock(folder),
        job.execution.lock_wait,
        &control.interrupt,
    )?;
    let Some(_lock) = lock else {
        return Err(stopped(0).into());
    };
    if job.execution.fresh {
        folder::set_aside(folder, shard)?;
    }
    if let Some(journal) = finished_journal(job, shard)? {
        tracing::info!(
            "shard {} of {} is already complete",
            shard.index,
            shard.count
        );
        return Ok(journal);
    }
    if !job.execution.fresh {
        ensure_single_run(job, shard)?;
    }
    let mut journal = open_or_create_journal(job, shard, total)?;
    ensure_photos_exist(job, count(journal.done()))?;
    if control.interrupt.requested() {
        return Err(stopped(journal.done()).into());
    }
    let worked = process_shard(job, shard, control, &mut journal).and_then(|()| {
        if control.interrupt.requested() && journal.places().count() < total {
            return Err(stopped(journal.done()).into());
        }
        Ok(journal.finish(&shard.finished(folder))?)
    });
    match worked {
        Ok(()) => Ok(journal),
        Err(error) => Err(match error.downcast::<OutputError>() {
            Ok(error) => error.with_safe_photos(count(journal.done())).into(),
            Err(other) => other,
        }),
    }
}

/// The journal of the shard if it is already finished.
fn finished_journal(job: &Job<'_>, shard: Shard) -> Result<Option<Journal>> {
    let path = shard.finished(&job.execution.out);
    if !path.exists() {
        return Ok(None);
    }
    let journal = Journal::read(&path)?;
    job.ensure_resumable(&journal, shard)?;
    journal.ensure_complete()?;
    Ok(Some(journal))
}

/// Refuses a folder in which another run has shards: otherwise only the merge would notice, after a
/// night of work. One journal of another shard is enough to tell. If that journal itself is
/// damaged, its own shard will say so.
fn ensure_single_run(job: &Job<'_>, shard: Shard) -> Result<()> {
    let files = shard::journals(&job.execution.out);
    let others = files
        .into_iter()
        .filter(|file| file.shard_index != shard.index);
    let mut journals = others.filter_map(|file| Journal::read(&file.path).ok());
    match journals.find(|journal| journal.places().next().is_some()) {
        Some(other) => job.ensure_sibling(&other, shard),
        None => Ok(()),
    }
}

/// The journal to resume from, or a new one. A journal without photos is replaced, whichever run it
/// belongs to.
fn open_or_create_journal(job: &Job<'_>, shard: Shard, total: usize) -> Result<Journal> {
    let path = shard.part(&job.execution.out);
    if path.exists() {
        let mut journal = Journal::read(&path)?;
        if journal.places().next().is_some() {
            job.ensure_resumable(&journal, shard)?;
            if journal.torn {
                tracing::warn!(
                    "dropped the damaged end of the journal; its photos will be processed again"
                );
            }
            let done = ShardCount {
                done: journal.done(),
                total,
            };
            journal
                .reopen()
                .map_err(|error| error.with_safe_photos(done))?;
            tracing::info!("resuming: {done} photos done");
            return Ok(journal);
        }
    }
    let header = Header::new(shard, job.fingerprint.clone(), job.options.to_text()?);
    Ok(Journal::create(&path, header)?)
}

/// Refuses to start when the photos' folder does not exist: a mistyped folder is not ten thousand
/// bad photos. If some photos were read before, the folder was right and is now unavailable.
fn ensure_photos_exist(job: &Job<'_>, count: ShardCount) -> Result<()> {
    let root = root(&job.dataset.photos);
    if storage::is_dir(&root) {
        return Ok(());
    }
    if count.done > 0 {
        return Err(Stopped::Outage {
            path: root,
            reason: "no such folder".into(),
            tries: 1,
            done: count,
            folder: job.execution.out.clone(),
        }
        .into());
    }
    let (root, dataset) = (root.display(), &job.dataset.name);
    let message = format!("{root}: no such folder; the photos of {dataset} should be in it");
    Err(Refused::new(message, Remedy::DataDir).into())
}

/// A photo that could not be read for a reason that is not its own.
struct Outage {
    place: usize,
    error: PhotoReadError,
}

/// Whether workers are to stop: after a signal, or when their results cannot be kept.
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

/// Takes every photo of the shard that is not done through the pipeline, and appends the results to
/// the journal.
fn process_shard(
    job: &Job<'_>,
    shard: Shard,
    control: &Control<'_>,
    journal: &mut Journal,
) -> Result<()> {
    let members = Member::load_all(&job.options.pipeline, &job.description)?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(job.execution.threads)
        .build()
        .context("worker threads")?;
    let process = ProcessRecord::now(pool.current_num_threads(), &members);
    journal.append(vec![JournalLine::Process(process)])?;

    let all = shard.places(job.dataset.photos.len());
    let places: Vec<usize> = all.filter(|&place| !journal.is_done(place)).collect();
    let stop = Stop {
        interrupt: &control.interrupt,
        ended: AtomicBool::new(false),
    };
    let total = journal.done() + places.len();
    let mut writer = Writer {
        job,
        total,
        progress: &*control.progress.begin("photos", total, journal.done()),
        breaker: Breaker::new(journal.done(), &places, &job.missing),
        journal,
    };
    // Bounded, so that workers wait when the disk is slow.
    let capacity = 2 * pool.current_num_threads();
    let (sender, receiver) = mpsc::sync_channel(capacity);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            pool.install(|| process_photos(job, &members, &places, &sender, &stop));
            drop(sender);
        });
        writer.write_all(receiver, capacity, &stop)
    })
}

/// Processes photos on all threads of the current pool, and sends each result.
fn process_photos(
    job: &Job<'_>,
    members: &[Member],
    places: &[usize],
    sender: &SyncSender<Result<Record, Outage>>,
    stop: &Stop<'_>,
) {
    let options = job.options;
    let root = root(&job.dataset.photos);
    let new_localiser =
        || Localiser::new(members, &options.pipeline, options.classes, options.seed);
    // `par_bridge` hands photos out one by one in order; a split range would start in its middle.
    places
        .iter()
        .par_bridge()
        .for_each_init(new_localiser, |localiser, &place| {
            if stop.requested() {
                return;
            }
            let photo = &job.dataset.photos[place];
            let read = || read_patiently(&photo.path, &root, options.jpeg, &|| stop.requested());
            let record = process_photo(place, photo, localiser, job.execution, read);
            if record.as_ref().is_ok_and(Record::panicked) {
                // A panic may have left the localiser in any state.
                *localiser = new_localiser();
            }
            // A photo that waits for its disk when the run stops is left for the next time.
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

/// The one thread that writes results, and decides when to stop.
struct Writer<'a> {
    job: &'a Job<'a>,
    journal: &'a mut Journal,
    progress: &'a dyn Advance,
    breaker: Breaker<'a>,
    total: usize,
}

impl Writer<'_> {
    /// Writes all results that come. After an error the workers are stopped and their last results
    /// are dropped; they are computed again when the shard is resumed.
    ///
    /// The receiver is dropped when this ends, by a panic too: workers then cannot send, and stop.
    fn write_all(
        &mut self,
        receiver: Receiver<Result<Record, Outage>>,
        capacity: usize,
        stop: &Stop<'_>,
    ) -> Result<()> {
        let mut result = Ok(());
        while let Ok(first) = receiver.recv() {
            // Results that have arrived are synced together. Those that arrive meanwhile are left
            // for the next round, or the breaker would see a series of failures too late.
            let mut records = vec![first];
            records.extend(receiver.try_iter().take(capacity));
            if result.is_ok() {
                result = self.append_records(records);
            }
            if result.is_err() {
                stop.request();
            }
        }
        result
    }

    /// Appends results to the journal. An outage among them stops the run, after the photos that
    /// were done.
    fn append_records(&mut self, records: Vec<Result<Record, Outage>>) -> Result<()> {
        let (mut lines, mut failures, mut outage) = (Vec::new(), Vec::new(), None);
        for record in records {
            match record {
                Ok(record) => {
                    self.write_pictures(&record)?;
                    failures.push((record.entry.place, record.entry.failure.clone()));
                    lines.push(JournalLine::Photo(record.entry));
                }
                Err(error) => outage = Some(error),
            }
        }
        self.journal.append(lines)?;
        for (place, failure) in failures {
            self.progress.advance(failure.is_some());
            self.breaker.add(place, failure);
        }
        if let Some(Outage { place, error }) = outage {
            return Err(Stopped::Outage {
                path: self.job.dataset.photos[place].path.clone(),
                reason: error.to_string(),
                tries: TRIES,
                done: ShardCount {
                    done: self.journal.done(),
                    total: self.total,
                },
                folder: self.job.execution.out.clone(),
            }
            .into());
        }
        self.breaker.check(self.total, &self.job.dataset.photos)
    }

    fn write_pictures(&self, record: &Record) -> Result<(), OutputError> {
        let out = &self.job.execution.out;
        let id = &self.job.dataset.photos[record.entry.place].id;
        if let Some(map) = &record.map {
            let (name, bytes) = (prediction::map_name(id), prediction::encode_map(map.view()));
            write_for_photo(&out.join(files::MAPS), &name, "npy", &bytes)?;
        }
        if let Some(mask) = &record.mask {
            let bytes = prediction::encode_mask(mask.view());
            write_for_photo(&out.join(files::MASKS), id, "png", &bytes)?;
        }
        Ok(())
    }
}
