//! Faults of a dataset's files. All of them are collected, each with its place, so that a user can
//! fix them in one go.

use std::io;
use std::path::Path;

use crate::remedy::{Refused, Remedy};

/// Why a dataset cannot be used: the faults found, up to twenty, each with file and line.
#[derive(Debug, thiserror::Error)]
#[error("{}", .faults.join("\n"))]
pub struct DatasetError {
    /// The faults, each a text of one or more lines.
    pub faults: Vec<String>,
    /// What the caller can change, where that helps.
    pub remedy: Option<Remedy>,
}

impl DatasetError {
    pub(crate) fn new(fault: impl Into<String>) -> Self {
        Self {
            faults: vec![fault.into()],
            remedy: None,
        }
    }

    /// The error of a file or folder as a whole.
    pub(crate) fn at(path: &Path, fault: impl std::fmt::Display) -> Self {
        Self::new(format!("{}: {fault}", path.display()))
    }

    /// The error of a file, folder or archive that cannot be read.
    pub(crate) fn unreadable(path: &Path, error: io::Error) -> Self {
        match error.downcast::<Refused>() {
            Ok(refused) => refused.into(),
            Err(error) => Self::at(path, format!("cannot read this folder: {error}")),
        }
    }

    /// The same error with the place of its faults in front.
    pub(crate) fn context(mut self, place: impl std::fmt::Display) -> Self {
        for fault in &mut self.faults {
            *fault = format!("{place}: {fault}");
        }
        self
    }

    /// The same error with a remedy, unless it already has one.
    pub(crate) fn or_remedy(mut self, remedy: Remedy) -> Self {
        self.remedy.get_or_insert(remedy);
        self
    }

    /// The same error with advice, unless it already has a remedy.
    pub(crate) fn or_advice(self, advice: impl Into<String>) -> Self {
        self.or_remedy(Remedy::Advice(advice.into()))
    }
}

impl From<Refused> for DatasetError {
    fn from(refused: Refused) -> Self {
        Self {
            faults: vec![refused.to_string()],
            remedy: refused.remedy,
        }
    }
}

/// How many faults are listed; the others are counted.
const MAX_LISTED: usize = 20;

/// Collects the faults of a file.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    listed: Vec<String>,
    unlisted: usize,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: impl Into<String>) {
        if self.listed.len() < MAX_LISTED {
            self.listed.push(fault.into());
        } else {
            self.unlisted += 1;
        }
    }

    /// The faults, if there are any, as an error.
    pub(crate) fn into_result(mut self) -> Result<(), DatasetError> {
        if self.unlisted > 0 {
            self.listed.push(format!("... and {} more", self.unlisted));
        }
        if self.listed.is_empty() {
            return Ok(());
        }
        Err(DatasetError {
            faults: self.listed,
            remedy: None,
        })
    }
}
