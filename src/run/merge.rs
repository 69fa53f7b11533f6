//! Shards to results: the same bytes however a run was cut, since all that is written here is in
//! the dataset's order.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::error::Incomplete;
use super::journal::Journal;
use super::lock::Lock;
use super::manifest::Manifest;
use super::shard::journals;
use super::{Carrying, Failure, Interrupt, Job, Row, RunOptions, StageTimes, crops, files, open};
use crate::classifier;
use crate::dataset::{self, Dataset};
use crate::prediction::Predictions;
use crate::publish::{OutputError, publish, publish_with};
use crate::report::{Experiment, Summary};
use crate::score::Predicted;

/// Puts together the shards in `carrying.out`, and scores them. `expected` says how many there must
/// be, in place of what they say themselves; `data_dir` where the data lie on this machine, in
/// place of where they lay on theirs.
///
/// # Errors
/// [`Incomplete`] when shards are missing; others when they do not belong together, are damaged, or
/// the dataset is not theirs. Then nothing is written.
pub fn merge(
    carrying: &Carrying,
    expected: Option<usize>,
    data_dir: Option<&Path>,
) -> Result<Summary> {
    let journals = gather(&carrying.out, expected)?;
    let header = &journals[0].header;
    let mut options = RunOptions::from_text(&header.run)
        .with_context(|| journals[0].path.display().to_string())?;
    if let Some(folder) = data_dir {
        options.data_dir = Some(folder.to_owned());
    }
    let description = classifier::describe(&options.model)?;
    let dataset = open(&options, &description)?;
    let (now, then) = (dataset.sha256(), &header.fingerprint.dataset_sha256);
    ensure!(
        now == *then,
        "{}: its shards were made with another truth of {} (sha256 {}...) than lies here (sha256 {}...)\n\
         help: --data-dir names the data that they were made with",
        carrying.out.display(),
        dataset.name,
        &then[..12],
        &now[..12]
    );
    let job = Job {
        options: &options,
        carrying,
        description,
        dataset,
        fingerprint: header.fingerprint.clone(),
    };
    publish_results(&job, &journals)
}

/// The journals of all shards, in order, checked to be whole and to belong together.
fn gather(folder: &Path, expected: Option<usize>) -> Result<Vec<Journal>> {
    let (mut shards, mut unfinished) = (BTreeMap::new(), Vec::new());
    for (index, finished, path) in journals(folder) {
        match finished {
            true => drop(shards.insert(index, Journal::read(&path)?)),
            false => unfinished.push(path),
        }
    }
    let first = shards
        .values()
        .next()
        .map(|journal: &Journal| (&journal.header, &journal.path));
    let count = match (expected, first, unfinished.first()) {
        (Some(count), ..) => count,
        (None, Some((header, _)), _) => header.shard.count,
        (None, None, Some(path)) => Journal::read(path)?.header.shard.count,
        (None, None, None) => bail!(
            "{}: no shards are here\nhelp: make them with run --shard I/N",
            folder.display()
        ),
    };
    for (&index, journal) in &shards {
        let (shard, path) = (journal.header.shard, journal.path.display());
        ensure!(
            shard.count == count,
            "{path} is shard {shard}, and a run in {count} shards was expected\nhelp: is --expect-shards right?"
        );
        ensure!(
            shard.index == index,
            "{path} is a copy of shard {}: its photos would count twice\nhelp: remove the copy",
            shard.index
        );
        if let Some((header, first)) = first {
            let help = format!(
                "only shards of one run can be merged (compared with {})",
                first.display()
            );
            header
                .fingerprint
                .must_be(&journal.header.fingerprint, &journal.path, &help)?;
        }
        journal.must_be_whole()?;
    }
    let missing: Vec<_> = (0..count)
        .filter(|index| !shards.contains_key(index))
        .collect();
    if !missing.is_empty() {
        return Err(Incomplete { missing, count }.into());
    }
    Ok(shards.into_values().collect())
}

/// Writes and scores what the journals of all shards hold.
pub(super) fn publish_results(job: &Job<'_>, journals: &[Journal]) -> Result<Summary> {
    let Job {
        options,
        carrying,
        description,
        dataset,
        fingerprint,
    } = job;
    let folder = carrying.out.as_path();
    let _lock = Lock::take(
        &folder.join("merge.lock"),
        carrying.patience,
        &Interrupt::default(),
    )?;
    let features: Vec<_> = journals
        .iter()
        .flat_map(|j| &j.sessions)
        .map(|session| &session.cpu_features)
        .collect();
    if features.iter().any(|other| *other != features[0]) {
        tracing::warn!(
            "the shards were made on CPUs with different vector units: results may differ in the last bits"
        );
    }
    let Written {
        photos,
        failures,
        times,
    } = write_rows(&folder.join(files::BOXES), dataset, journals)?;
    publish(&folder.join(files::RUN), options.to_text()?.as_bytes())?;
    publish(&folder.join(files::TRUTH), &dataset::write_csv(dataset))?;
    publish(&folder.join(files::CLASSES), &dataset.classes.to_csv())?;

    let predictions = Predictions {
        photos,
        classes: dataset.profile.guesses_classes(),
        notes: vec![],
    };
    let summary = Summary {
        run: Some(Experiment {
            pipeline: options.pipeline_name.clone(),
            tuned_on: options.pipeline.tuned_on.split.clone(),
            model: description.name.clone(),
            model_sha256: fingerprint.model_sha256.clone(),
            crops: crops(&options.pipeline.view),
        }),
        cpu_ms_per_photo: times.per_photo(dataset.photos.len()),
        ..Summary::of_boxes(dataset, &predictions)
    };
    write_failures(&folder.join(files::FAILURES), &failures)?;
    let manifest = Manifest {
        shards: journals.len(),
        sessions: journals
            .iter()
            .flat_map(|journal| journal.sessions.clone())
            .collect(),
        cpu_ms_per_photo: summary.cpu_ms_per_photo.iter().cloned().collect(),
        ..Manifest::new(options, dataset, fingerprint.clone())?
    };
    publish(
        &folder.join(files::MANIFEST),
        &serde_json::to_vec_pretty(&manifest)?,
    )?;
    publish(
        &folder.join(files::SUMMARY),
        &serde_json::to_vec_pretty(&summary)?,
    )?;
    Ok(summary)
}

/// What the rows say, in the dataset's order.
#[derive(Default)]
struct Written {
    photos: Vec<Predicted>,
    failures: Vec<Failure>,
    times: StageTimes,
}

/// Writes the rows, one photo in memory at a time.
fn write_rows(path: &Path, dataset: &Dataset, journals: &[Journal]) -> Result<Written> {
    let mut written = Written::default();
    // The error of a journal that cannot be read, which is not the file's.
    let mut unread = None;
    let published = publish_with(path, |file| {
        let mut writer = csv::Writer::from_writer(file);
        for place in 0..dataset.photos.len() {
            let entry = journals[place % journals.len()]
                .entry(place)
                .map_err(|error| {
                    unread = Some(error);
                    io::Error::other("a journal cannot be read")
                })?;
            for row in &entry.rows {
                writer.serialize(row)?;
            }
            let mut guesses: Vec<_> = entry.rows.iter().filter_map(Row::guess).collect();
            guesses.sort_by_key(|guess| guess.rank);
            written.photos.push(Predicted {
                guesses,
                failed: entry.failure.is_some(),
            });
            written.times.add(&entry.cpu_ms);
            written.failures.extend(entry.failure);
        }
        writer.flush()
    });
    unread.map_or(Ok(()), Err)?;
    published.map_err(OutputError::at(path))?;
    Ok(written)
}

/// Writes a line of JSON for each failure; where there is none, no file is left.
fn write_failures(path: &Path, failures: &[Failure]) -> Result<()> {
    if failures.is_empty() {
        return match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(OutputError::at(path)(error).into())
            }
            _ => Ok(()),
        };
    }
    let lines: serde_json::Result<String> = failures
        .iter()
        .map(|f| Ok(serde_json::to_string(f)? + "\n"))
        .collect();
    Ok(publish(path, lines?.as_bytes())?)
}
