//! What was checked, and what is wrong.

use crate::dataset::DatasetError;
use crate::remedy::Remedy;

/// Something wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong, and where.
    pub what: String,
    /// What to do. It may be empty if there is a remedy.
    pub help: String,
    /// What the caller can change.
    pub remedy: Option<Remedy>,
}

impl Finding {
    pub(super) fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            help: help.into(),
            remedy: None,
        }
    }

    pub(super) fn with_remedy(self, remedy: Remedy) -> Self {
        Self {
            remedy: Some(remedy),
            ..self
        }
    }
}

/// What was checked, and what was found.
#[derive(Clone, Debug, Default)]
pub struct DoctorReport {
    /// What was checked: name and value.
    pub facts: Vec<(&'static str, String)>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

impl DoctorReport {
    pub(super) fn add_fact(&mut self, name: &'static str, value: impl Into<String>) {
        self.facts.push((name, value.into()));
    }

    /// Adds a finding without a remedy.
    pub(super) fn add_finding(&mut self, what: impl Into<String>, help: impl Into<String>) {
        self.findings.push(Finding::new(what, help));
    }

    /// Adds an error as a finding. `help` is for an error that has none of its own.
    pub(super) fn add_error(&mut self, error: &str, help: &str) {
        let (what, help) = error.split_once("\nhelp: ").unwrap_or((error, help));
        self.add_finding(what.trim_end(), help.trim());
    }

    /// Adds each fault of a dataset as a finding.
    pub(super) fn add_dataset_error(&mut self, error: &DatasetError) {
        const HELP: &str = "fix the file; data/README.md describes the format";
        for fault in &error.faults {
            if fault.starts_with("help: ") {
                continue;
            }
            match &error.remedy {
                Some(remedy) => {
                    let finding = Finding::new(fault.trim_end(), "");
                    self.findings.push(finding.with_remedy(remedy.clone()));
                }
                None => self.add_error(fault, HELP),
            }
        }
    }
}
