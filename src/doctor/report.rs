//! What was checked, and what is wrong.

use crate::dataset::DatasetError;
use crate::remedy::Remedy;

/// Something wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong, and where.
    pub what: String,
    /// What to do: one remedy, or several that go together.
    pub remedies: Vec<Remedy>,
}

impl Finding {
    pub(super) fn new(what: impl Into<String>, remedies: impl IntoIterator<Item = Remedy>) -> Self {
        Self {
            what: what.into(),
            remedies: remedies.into_iter().collect(),
        }
    }

    pub(super) fn with_advice(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(what, [Remedy::Advice(advice.into())])
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

    pub(super) fn add_finding(&mut self, what: impl Into<String>, advice: impl Into<String>) {
        self.findings.push(Finding::with_advice(what, advice));
    }

    /// Adds each fault of a dataset as a finding.
    pub(super) fn add_dataset_error(&mut self, error: &DatasetError) {
        for fault in &error.faults {
            self.findings
                .push(Finding::new(fault, error.remedy.clone()));
        }
    }
}
