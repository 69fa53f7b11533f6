//! `localise list`

use std::fmt::Write;
use std::path::Path;

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::{Outcome, print};
use crate::classifier::describe;
use crate::config::{Pipeline, home, names};
use crate::dataset;
use crate::gradient::rules::RULES;
use crate::saliency::{METHODS, Method};
use crate::study::Study;

#[derive(Args, Debug)]
pub(super) struct List {
    /// What to list.
    what: What,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// Datasets that `--dataset` knows.
    Datasets,
    /// Layouts of datasets that are read.
    Layouts,
    /// Models that `--model` knows.
    Models,
    /// Operators that can be differentiated.
    Ops,
    /// Pipelines that `--pipeline` knows.
    Pipelines,
    /// Studies that `localise study` knows.
    Studies,
    /// Saliency methods, with their papers and published figures.
    Methods,
}

impl List {
    pub(super) fn run(self) -> Result<Outcome> {
        let mut text = String::new();
        match self.what {
            What::Ops => {
                writeln!(text, "{:<22} {:>5}", "operator", "since opset")?;
                for rule in RULES {
                    writeln!(text, "{:<22} {:>5}", rule.operator, rule.since)?;
                }
            }
            What::Pipelines => {
                for name in names(&home().join("pipelines")) {
                    let pipeline = Pipeline::load(Path::new(&name), &[])?;
                    writeln!(text, "{name:<16} {}", pipeline.title)?;
                }
            }
            What::Studies => {
                for name in names(&home().join("pipelines/studies")) {
                    writeln!(text, "{name:<16} {}", Study::load(Path::new(&name))?.title)?;
                }
            }
            What::Methods => {
                for Method { name, paper, published, .. } in METHODS {
                    writeln!(text, "{name:<21} {paper}\n{:21} published: {published}", "")?;
                }
            }
            What::Models => {
                for name in names(&home().join("data/models")) {
                    let model = describe(Path::new(&name))?;
                    let fetched = match (model.model.exists(), &model.fetch) {
                        (true, _) => "here".into(),
                        (false, Some(fetch)) => format!("not fetched: {fetch}"),
                        (false, None) => "bring your own: --model PATH.onnx".into(),
                    };
                    writeln!(text, "{name:<20} {:<22} {fetched}", model.title)?;
                }
            }
            What::Layouts => {
                for (name, title) in dataset::LAYOUTS {
                    writeln!(text, "{name:<16} {title}")?;
                }
            }
            What::Datasets => {
                for (name, title) in dataset::known()? {
                    writeln!(text, "{name:<16} {title}")?;
                }
            }
        }
        print(&text)?;
        Ok(Outcome::Done)
    }
}
