//! `localise doctor`

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use super::run::DEFAULT_MODEL;
use super::{Exit, print};
use crate::classifier::describe;
use crate::dataset::Request;
use crate::doctor::{self, DoctorReport};

const EXAMPLES: &str = "Examples:
  localise doctor                                      is ONNX Runtime here, and a model?
  localise doctor --dataset sample                     photos, boxes, labels
  localise doctor --model squeezenet1.1                does it load, can it be differentiated?
  localise doctor --dataset ilsvrc-val --data-dir DIR  before a long run
  localise doctor --dataset sample --json              for scripts; exit code 2 with a fault";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct DoctorArgs {
    /// A dataset to check: a name, a folder or a file.
    #[arg(long, value_name = "NAME|PATH")]
    dataset: Option<PathBuf>,
    /// Where the dataset's files lie.
    #[arg(long, value_name = "DIR", env = "LOCALISE_DATA")]
    data_dir: Option<PathBuf>,
    /// A model to check, and to check the dataset's labels with [default: squeezenet1.1, where it
    /// was fetched]
    #[arg(long, value_name = "NAME|PATH")]
    model: Option<PathBuf>,
    /// How many photos are run through the model.
    #[arg(long, value_name = "N", default_value_t = 300)]
    photos: usize,
    /// How many photos are decoded whole; of the others the header is read.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    decode: usize,
    /// Print one JSON object: what was checked, and the faults.
    #[arg(long)]
    json: bool,
}

impl DoctorArgs {
    pub(super) fn run(self) -> Result<Exit> {
        let mut report = DoctorReport::default();
        let runs = doctor::library(&mut report);
        let description = describe(self.model.as_deref().unwrap_or(DEFAULT_MODEL.as_ref()))?;
        let wanted = self.model.is_some() || description.model.is_file();
        let request = Request {
            dataset: self.dataset.as_deref(),
            data_dir: self.data_dir.as_deref(),
            classes: Some(&description.classes).filter(|_| self.model.is_some()),
            ..Request::default()
        };
        let dataset = self
            .dataset
            .as_ref()
            .and_then(|_| doctor::dataset(&mut report, &request, self.decode));
        if runs && wanted {
            let classifier = doctor::model(&mut report, description);
            if let (Some(dataset), Some(classifier)) = (dataset, classifier) {
                doctor::labels(
                    &mut report,
                    &dataset,
                    &classifier,
                    self.photos,
                    self.model.is_some(),
                );
            }
        } else if !wanted {
            let fetch = description.fetch.as_deref().unwrap_or("--model");
            let what = format!(
                "not checked, and the labels neither: {DEFAULT_MODEL} is not here ({fetch})"
            );
            report.facts.push(("model", what));
        }
        print(&if self.json {
            in_json(&report)
        } else {
            shown(&report)
        })?;
        Ok(if report.findings.is_empty() {
            Exit::Done
        } else {
            Exit::Faulty
        })
    }
}

fn in_json(report: &DoctorReport) -> String {
    let checked = report
        .facts
        .iter()
        .map(|(name, value)| json!({ "name": name, "value": value }));
    let faults = report
        .findings
        .iter()
        .map(|finding| json!({ "what": finding.what, "help": finding.help }));
    let (checked, faults): (Vec<Value>, Vec<Value>) = (checked.collect(), faults.collect());
    format!(
        "{}\n",
        json!({ "schema": 1, "checked": checked, "faults": faults })
    )
}

fn shown(report: &DoctorReport) -> String {
    let mut text = String::new();
    for (name, value) in &report.facts {
        let _ = writeln!(text, " {name:<9} {value}");
    }
    for finding in &report.findings {
        let _ = writeln!(text, "\nfault: {}\nhelp: {}", finding.what, finding.help);
    }
    let faults = report.findings.len();
    let _ = match faults {
        0 => writeln!(text, "\nno faults found"),
        1 => writeln!(text, "\n1 fault found"),
        n => writeln!(text, "\n{n} faults found"),
    };
    text
}
