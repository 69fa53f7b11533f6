//! A run that is ready to start, and the checks that a journal belongs to it.

use std::collections::HashSet;
use std::path::Path;

use anyhow::Result;

use super::control::ExecutionOptions;
use super::dataset;
use super::fingerprint::Fingerprint;
use super::folder;
use super::journal::Journal;
use super::missing;
use super::shard::Shard;
use crate::classifier::{self, ModelDescription};
use crate::dataset::{Dataset, Photo};
use crate::pipeline::BoxRule;
use crate::remedy::{Refused, Remedy};
use crate::results::RunOptions;
use crate::storage;

/// A run that is ready to start.
#[derive(Debug)]
pub(super) struct Job<'a> {
    pub(super) options: &'a RunOptions,
    pub(super) execution: &'a ExecutionOptions,
    pub(super) description: ModelDescription,
    pub(super) dataset: Dataset,
    /// The places of photos that were not there at the start.
    pub(super) missing: HashSet<usize>,
    pub(super) fingerprint: Fingerprint,
}

impl<'a> Job<'a> {
    /// Checks the output folder, then reads everything that the run depends on. If that fails, no
    /// new folder is left behind.
    pub(super) fn begin(options: &'a RunOptions, execution: &'a ExecutionOptions) -> Result<Self> {
        let new = folder::prepare(&execution.out, execution.fresh)?;
        storage::load_indexes(&execution.out);
        let job = Self::read(options, execution);
        if new && job.is_err() {
            let _ = std::fs::remove_dir(&execution.out);
        }
        if let Ok(job) = &job {
            save_indexes(&job.dataset.photos, &execution.out);
        }
        job
    }

    fn read(options: &'a RunOptions, execution: &'a ExecutionOptions) -> Result<Self> {
        let description = classifier::describe_like(&options.model, options.like, None)?;
        if execution.maps && matches!(options.pipeline.box_rule(), BoxRule::ConstantBox(_)) {
            let message = "no maps can be written: a constant box has no saliency map";
            return Err(Refused::new(message, Remedy::OtherPipeline).into());
        }
        let dataset = dataset::open(options, &description)?;
        if execution.maps || execution.masks {
            folder::ensure_names_fit(&dataset.photos)?;
        }
        let missing = missing::find(&dataset)?;
        for suspicion in &dataset.suspicions {
            tracing::warn!("{}: {suspicion}", dataset.name);
        }
        let fingerprint = Fingerprint::new(options, execution, &description, &dataset)?;
        Ok(Self {
            options,
            execution,
            description,
            dataset,
            missing,
            fingerprint,
        })
    }

    /// Refuses to resume from a journal of another shard or another run.
    pub(super) fn ensure_resumable(&self, journal: &Journal, shard: Shard) -> Result<()> {
        if journal.header.shard != shard {
            return Err(self.other_shard(journal, shard));
        }
        self.ensure_same_run(journal)
    }

    /// Refuses a folder in which another shard's journal has another shard count or belongs to
    /// another run: otherwise only the merge would notice.
    pub(super) fn ensure_sibling(&self, other: &Journal, shard: Shard) -> Result<()> {
        if other.header.shard.count != shard.count {
            return Err(self.other_shard(other, shard));
        }
        self.ensure_same_run(other)
    }

    fn ensure_same_run(&self, journal: &Journal) -> Result<()> {
        let created = &journal.header.fingerprint;
        match self.fingerprint.difference(created, &self.execution.out) {
            None => Ok(()),
            Some(difference) => Err(Refused::new(difference, Remedy::OtherFolderOrFresh).into()),
        }
    }

    fn other_shard(&self, journal: &Journal, shard: Shard) -> anyhow::Error {
        let (out, theirs) = (self.execution.out.display(), journal.header.shard);
        let message = format!("{out} holds shard {theirs}, but this is shard {shard}");
        Refused::new(message, Remedy::OtherFolderOrFresh).into()
    }
}

/// Saves the indexes of the archives that the photos are in, for other shards and later processes.
fn save_indexes(photos: &[Photo], out: &Path) {
    let mut folders: Vec<_> = photos.iter().filter_map(|p| p.path.parent()).collect();
    folders.dedup();
    for folder in folders {
        // Its archive is indexed, if it is in one. What is wrong is said when a photo is read.
        storage::is_dir(folder);
    }
    if let Err(error) = storage::save_indexes(out) {
        let shown = out.display();
        tracing::warn!("{shown}: the indexes of archives cannot be saved: {error}");
    }
}
