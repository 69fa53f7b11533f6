//! Merging shards into results. Everything is written in the dataset's order, so the bytes are the same
//! however a run was split.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::control::{ExecutionOptions, Interrupt};
use super::dataset;
use super::error::Incomplete;
use super::job::Job;
use super::journal::Journal;
use super::lock::Lock;
use super::manifest::Manifest;
use super::shard::journals;
use crate::classifier;
use crate::dataset::{Dataset, write_csv};
use crate::fs::{OutputError, write_atomically, write_atomically_with};
use crate::localiser::{FailureKind, tuned_on};
use crate::prediction::Predictions;
use crate::remedy::{Refused, Remedy};
use crate::results::{Experiment, Failure, Row, RunOptions, Summary, files};
use crate::score::Predicted;
use crate::stage::{StageTimes, by_name};

/// Puts the shards in `execution.out` together, and scores them. `expected` is the number of shards
/// there must be, in place of the number that the shards state; `data_dir` is where the data are on
/// this machine, in place of where the shards read them.
///
/// # Errors
/// [`Incomplete`] when shards are missing; others when they do not belong together, are damaged, or
/// the dataset is not theirs. Then nothing is written.
pub fn merge(
    execution: &ExecutionOptions,
    expected: Option<usize>,
    data_dir: Option<&Path>,
) -> Result<Summary> {
    let journals = gather(&execution.out, expected)?;
    let header = &journals[0].header;
    let mut options = RunOptions::from_text(&header.run)
        .with_context(|| journals[0].path.display().to_string())?;
    if let Some(folder) = data_dir {
        options.data_dir = Some(folder.to_owned());
    }
    let description = classifier::describe_like(&options.model, options.like, None)?;
    let dataset = dataset::open(&options, &description)?;
    let (now, then) = (dataset.sha256(), &header.fingerprint.dataset_sha256);
    if now != *then {
        let message = format!(
            "{}: the shards were created with other ground truth of {} (sha256 {}...) than is found \
             now (sha256 {}...)",
            execution.out.display(),
            dataset.name,
            &then[..12],
            &now[..12]
        );
        return Err(Refused::new(message, Remedy::OriginalDataDir).into());
    }
    let job = Job {
        options: &options,
        execution,
        description,
        dataset,
        missing: HashSet::new(),
        fingerprint: header.fingerprint.clone(),
    };
    write_results(&job, &journals)
}

/// The journals of all shards, in order, checked to be complete and to belong together.
fn gather(folder: &Path, expected: Option<usize>) -> Result<Vec<Journal>> {
    let (mut shards, mut unfinished) = (BTreeMap::new(), Vec::new());
    for file in journals(folder) {
        if file.finished {
            shards.insert(file.shard_index, Journal::read(&file.path)?);
        } else {
            unfinished.push(file.path);
        }
    }
    let first = shards.values().next();
    let count = match (expected, first, unfinished.first()) {
        (Some(count), ..) => count,
        (None, Some(journal), _) => journal.header.shard.count,
        (None, None, Some(path)) => Journal::read(path)?.header.shard.count,
        (None, None, None) => {
            let message = format!("{}: this folder holds no shards", folder.display());
            return Err(Refused::new(message, Remedy::RunShards).into());
        }
    };
    if let Some(first) = first {
        for (&index, journal) in &shards {
            ensure_belongs(first, journal, index, count)?;
        }
    }
    let missing: Vec<_> = (0..count)
        .filter(|index| !shards.contains_key(index))
        .collect();
    if !missing.is_empty() {
        return Err(Incomplete { missing, count }.into());
    }
    Ok(shards.into_values().collect())
}

/// Refuses a journal that is not shard `index` of `count` of the same run as `first`.
fn ensure_belongs(first: &Journal, journal: &Journal, index: usize, count: usize) -> Result<()> {
    let (shard, path) = (journal.header.shard, journal.path.display());
    if shard.count != count {
        let message =
            format!("{path} is shard {shard}, but a run with {count} shards was expected");
        return Err(Refused::new(message, Remedy::CheckShardCount).into());
    }
    if shard.index != index {
        bail!(Refused::with_advice(
            format!(
                "{path} is a copy of shard {}: its photos would count twice",
                shard.index
            ),
            "remove the copy",
        ));
    }
    let (ours, theirs) = (&first.header.fingerprint, &journal.header.fingerprint);
    if let Some(difference) = ours.difference(theirs, &journal.path) {
        let first = first.path.display();
        bail!(Refused::with_advice(
            difference,
            format!("only shards of one run can be merged (compared with {first})"),
        ));
    }
    journal.ensure_complete()
}

/// Writes and scores what the journals of all shards hold.
pub(super) fn write_results(job: &Job<'_>, journals: &[Journal]) -> Result<Summary> {
    let folder = job.execution.out.as_path();
    let never = Interrupt::default();
    let _lock = Lock::take(&folder.join("merge.lock"), job.execution.lock_wait, &never)?;
    warn_of_mixed_processors(journals);
    let merged = write_rows(&folder.join(files::BOXES), &job.dataset, journals)?;
    let write = |name: &str, bytes: &[u8]| write_atomically(&folder.join(name), bytes);
    write(files::RUN, job.options.to_text()?.as_bytes())?;
    let truth = folder.join(files::TRUTH);
    write_atomically_with(&truth, |file| write_csv(&job.dataset, file))
        .map_err(OutputError::at(&truth))?;
    write(files::CLASSES, &job.dataset.classes.to_csv())?;
    write_failures(&folder.join(files::FAILURES), &merged.failures)?;
    let mut notes = model_warnings(journals);
    notes.extend(missing_photos(&merged.failures));
    let summary = summarise(job, merged, notes)?;
    let manifest = Manifest {
        shards: journals.len(),
        processes: journals
            .iter()
            .flat_map(|journal| journal.processes.clone())
            .collect(),
        cpu_ms_per_photo: by_name(&summary.cpu_ms_per_photo),
        ..Manifest::new(job.options, &job.dataset, job.fingerprint.clone())?
    };
    write(files::MANIFEST, &serde_json::to_vec_pretty(&manifest)?)?;
    write(files::SUMMARY, &serde_json::to_vec_pretty(&summary)?)?;
    Ok(summary)
}

fn warn_of_mixed_processors(journals: &[Journal]) {
    let mut processes = journals.iter().flat_map(|journal| &journal.processes);
    let Some(first) = processes.next() else {
        return;
    };
    if processes.any(|other| other.cpu_features != first.cpu_features) {
        tracing::warn!(
            "the shards were run on CPUs with different vector units: results may differ in the last \
             bits"
        );
    }
}

/// The warnings about the model of all processes, sorted.
fn model_warnings(journals: &[Journal]) -> Vec<String> {
    let processes = journals.iter().flat_map(|journal| &journal.processes);
    let warnings: BTreeSet<_> = processes.flat_map(|process| &process.warnings).collect();
    warnings.into_iter().cloned().collect()
}

/// The note on photos that were not there, apart from those that could not be read.
fn missing_photos(failures: &[Failure]) -> Option<String> {
    let missing = failures.iter();
    let missing = missing.filter(|failure| failure.kind == FailureKind::Missing);
    let count = missing.count();
    let rest = failures.len() - count;
    (count > 0).then(|| {
        format!("{count} photos are missing and {rest} others failed; all of them count as wrong")
    })
}

/// The numbers of the merged rows, and what there is to know of them.
fn summarise(job: &Job<'_>, merged: MergedRows, notes: Vec<String>) -> Result<Summary> {
    let Job {
        options, dataset, ..
    } = job;
    let predictions = Predictions {
        photos: merged.photos,
        classes: dataset.profile.guesses_classes(),
        notes,
        ..Predictions::default()
    };
    Ok(Summary {
        run: Some(Experiment {
            pipeline: options.pipeline_name.clone(),
            tuned_on: tuned_on(&options.pipeline, &job.description, dataset)?,
            model: job.fingerprint.models(),
            model_sha256: job.fingerprint.model_sha256.clone(),
            crops: options.pipeline.view.to_string(),
        }),
        cpu_ms_per_photo: merged.times.per_photo(dataset.photos.len()),
        ..Summary::from_boxes(dataset, &predictions)
    })
}

/// What the rows say, in the dataset's order.
#[derive(Default)]
struct MergedRows {
    photos: Vec<Predicted>,
    failures: Vec<Failure>,
    times: StageTimes,
}

/// Writes the rows, holding one photo in memory at a time.
fn write_rows(path: &Path, dataset: &Dataset, journals: &[Journal]) -> Result<MergedRows> {
    let mut merged = MergedRows::default();
    // An error of a journal, kept apart from errors of the file that is written.
    let mut journal_error = None;
    let written = write_atomically_with(path, |file| {
        let mut writer = csv::Writer::from_writer(file);
        for place in 0..dataset.photos.len() {
            let entry = journals[place % journals.len()]
                .entry(place)
                .map_err(|error| {
                    journal_error = Some(error);
                    io::Error::other("a journal cannot be read")
                })?;
            for row in &entry.rows {
                writer.serialize(row)?;
            }
            let mut guesses: Vec<_> = entry.rows.iter().filter_map(Row::guess).collect();
            guesses.sort_by_key(|guess| guess.rank);
            guesses.shrink_to_fit();
            merged.photos.push(Predicted {
                guesses,
                failed: entry.failure.is_some(),
            });
            merged.times.add(&entry.cpu_ms);
            merged.failures.extend(entry.failure);
        }
        writer.flush()
    });
    journal_error.map_or(Ok(()), Err)?;
    written.map_err(OutputError::at(path))?;
    Ok(merged)
}

/// Writes a line of JSON for each failure. Where there is none, no file is left.
fn write_failures(path: &Path, failures: &[Failure]) -> Result<()> {
    if failures.is_empty() {
        return match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(OutputError::at(path)(error).into())
            }
            _ => Ok(()),
        };
    }
    let mut lines = String::new();
    for failure in failures {
        lines += &serde_json::to_string(failure)?;
        lines.push('\n');
    }
    Ok(write_atomically(path, lines.as_bytes())?)
}
