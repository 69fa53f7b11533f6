//! `localise doctor`

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Command};
use serde_json::{Value, json};

use super::exit::Exit;
use super::help::{line, remedy};
use super::option_owners::{Invocation, with_owners};
use super::output::print;
use super::run::DEFAULT_MODEL;
use crate::classes::ClassList;
use crate::classifier::{Preset, describe_like};
use crate::dataset::{Dataset, Request};
use crate::doctor::{self, DoctorReport, Finding};

const EXAMPLES: &str = "Examples:
  localise doctor                                      check ONNX Runtime and the default model
  localise doctor --dataset sample                     check photos, boxes and labels
  localise doctor --model squeezenet1.1                check that it loads and has gradients
  localise doctor --dataset ilsvrc-val --data-dir DIR  before a long run
  localise doctor --dataset sample --json              for scripts; exit code 2 means a fault";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct DoctorArgs {
    /// A dataset to check: a name, a folder or a file.
    #[arg(long, value_name = "NAME|PATH")]
    dataset: Option<PathBuf>,
    /// The folder of the dataset's files.
    #[arg(long, value_name = "DIR", env = "LOCALISE_DATA")]
    data_dir: Option<PathBuf>,
    /// Check only the photos named in this file, one per line, or only those in this folder.
    #[arg(long, value_name = "FILE|DIR")]
    images: Option<PathBuf>,
    /// A model to check, and to check the dataset's labels with [default: squeezenet1.1, if it was
    /// fetched]
    #[arg(long, value_name = "NAME|PATH")]
    model: Option<PathBuf>,
    /// How the pixels of an ONNX file without a description are scaled.
    #[arg(long, value_name = "PRESET", value_enum, requires = "model")]
    like: Option<Preset>,
    /// How many photos to run through the model.
    #[arg(long, value_name = "N", default_value_t = 300)]
    photos: usize,
    /// How many photos to decode; of the others, only the header is read.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    decode: usize,
    /// Print one JSON object: what was checked, and the faults.
    #[arg(long)]
    json: bool,
}

impl DoctorArgs {
    pub(super) fn run(self, command: &Command) -> Result<Exit> {
        let invocation = Invocation {
            command,
            subcommand: "doctor",
        };
        let mut report = DoctorReport::default();
        let has_runtime = doctor::check_runtime(&mut report);
        let model = self.model.as_deref().unwrap_or(DEFAULT_MODEL.as_ref());
        let description = describe_like(model, self.like, None)?;
        let has_model = self.model.is_some() || description.model.is_file();
        let dataset = self.check_dataset(&mut report, &description.classes);
        if !has_model {
            let fetch = description.fetch.as_deref().unwrap_or("--model");
            let text = format!(
                "not checked, and neither are the labels: {DEFAULT_MODEL} is missing ({fetch})"
            );
            report.facts.push(("model", text));
        } else if has_runtime {
            let classifier = doctor::check_model(&mut report, description);
            if let (Some(dataset), Some(classifier)) = (dataset, classifier) {
                doctor::check_labels(
                    &mut report,
                    &dataset,
                    &classifier,
                    self.photos,
                    self.model.is_some(),
                );
            }
        }
        print(&if self.json {
            report_json(&report, invocation)
        } else {
            report_text(&report, invocation)
        })?;
        Ok(if report.findings.is_empty() {
            Exit::Done
        } else {
            Exit::FaultFound
        })
    }

    /// Checks the dataset, if one is named. With a named model it must have the model's `classes`.
    fn check_dataset(&self, report: &mut DoctorReport, classes: &ClassList) -> Option<Dataset> {
        let request = Request {
            dataset: Some(self.dataset.as_deref()?),
            data_dir: self.data_dir.as_deref(),
            images: self.images.as_deref(),
            classes: self.model.is_some().then_some(classes),
            ..Request::default()
        };
        doctor::check_dataset(report, &request, self.decode)
    }
}

fn report_json(report: &DoctorReport, invocation: Invocation<'_>) -> String {
    let checked = report
        .facts
        .iter()
        .map(|(name, value)| json!({ "name": name, "value": value }));
    let faults = report
        .findings
        .iter()
        .map(|finding| json!({ "what": finding.what, "help": help(finding, invocation) }));
    let (checked, faults): (Vec<Value>, Vec<Value>) = (checked.collect(), faults.collect());
    format!(
        "{}\n",
        json!({ "schema": 1, "checked": checked, "faults": faults })
    )
}

/// What to do about a finding, in the words of the command line.
fn help(finding: &Finding, invocation: Invocation<'_>) -> String {
    let remedies: Vec<String> = finding.remedies.iter().map(remedy).collect();
    with_owners(&remedies.join("; "), invocation)
}

fn report_text(report: &DoctorReport, invocation: Invocation<'_>) -> String {
    let mut text = String::new();
    for (name, value) in &report.facts {
        let _ = writeln!(text, " {name:<9} {value}");
    }
    for finding in &report.findings {
        let _ = writeln!(
            text,
            "\nfault: {}\n{}",
            finding.what,
            line(&help(finding, invocation))
        );
    }
    let _ = match report.findings.len() {
        0 => writeln!(text, "\nno faults found"),
        1 => writeln!(text, "\n1 fault found"),
        n => writeln!(text, "\n{n} faults found"),
    };
    text
}
