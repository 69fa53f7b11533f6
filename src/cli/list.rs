//! `localise list`

use std::fmt::Write;
use std::iter::once;
use std::path::Path;

use anyhow::{Error, Result};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value};

use super::{Exit, print};
use crate::classes::ClassList;
use crate::classifier::describe;
use crate::pipeline::Pipeline;
use crate::dataset;
use onnx_grad::gradient::rules::RULES;
use crate::saliency::METHODS;
use crate::score::{METRICS, Metric};
use crate::assets::{Catalog, DATASETS, MODELS, Origin, PIPELINES, STUDIES};
use crate::study::Study;

const EXAMPLES: &str = "Examples:
  localise list pipelines                        what `run --pipeline` knows
  localise list models                           what `run --model` knows, and which are here
  localise list metrics                          what the lines of a summary mean
  localise list methods --json                   for scripts";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct ListArgs {
    /// What to list.
    what: What,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// ImageNet's classes, which `--class` knows by index, WordNet id or name.
    Classes,
    /// Datasets that `--dataset` knows.
    Datasets,
    /// Layouts of datasets that are read.
    Layouts,
    /// The numbers of a summary: what each means, and which way is better.
    Metrics,
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

/// What there is of a kind, as a table. Text and JSON are made of the same rows.
struct Listing {
    /// The names of the columns that stand side by side.
    beside: &'static [&'static str],
    /// Those of the longer ones behind them, which stand below, each on a line of its own.
    below: &'static [&'static str],
    /// A cell for each column.
    rows: Vec<Vec<Value>>,
}

impl ListArgs {
    pub(super) fn run(self) -> Result<Exit> {
        let listing = self.what.listing()?;
        let kind = self.what.to_possible_value().expect("no kind is hidden");
        print(&if self.json {
            listing.json(kind.get_name())
        } else {
            listing.text()
        })?;
        Ok(Exit::Done)
    }
}

impl What {
    fn listing(self) -> Result<Listing> {
        let (beside, below): (&'static [&'static str], &'static [&'static str]) = match self {
            Self::Classes => (&["index", "wnid", "name"], &[]),
            Self::Layouts => (&["name", "title"], &[]),
            Self::Datasets | Self::Pipelines | Self::Studies => {
                (&["name", "title"], &["source"])
            }
            Self::Metrics => (&["name", "profile", "range", "better"], &["what", "json"]),
            Self::Models => (&["name", "title", "state"], &["source"]),
            Self::Ops => (&["operator", "since_opset"], &[]),
            Self::Methods => (&["name", "paper"], &["published"]),
        };
        Ok(Listing {
            beside,
            below,
            rows: self.rows()?,
        })
    }

    /// A row for each thing, in the order of the columns.
    fn rows(self) -> Result<Vec<Vec<Value>>> {
        Ok(match self {
            Self::Classes => {
                let list = ClassList::read(ClassList::IMAGENET).map_err(Error::msg)?;
                let row = |class: usize| {
                    vec![
                        class.into(),
                        list.key(class).into(),
                        list.title(class).into(),
                    ]
                };
                (0..list.len()).map(row).collect()
            }
            Self::Datasets => titled(&DATASETS, |name| Ok(dataset::title(name)?))?,
            Self::Layouts => dataset::LAYOUTS
                .iter()
                .map(|&(name, title)| [name, title].map(Value::from).into())
                .collect(),
            Self::Metrics => METRICS.iter().map(metric).collect(),
            Self::Models => MODELS
                .names()
                .into_iter()
                .map(model)
                .collect::<Result<_>>()?,
            Self::Ops => RULES
                .iter()
                .map(|rule| vec![rule.operator.into(), rule.since.into()])
                .collect(),
            Self::Pipelines => titled(&PIPELINES, |name| Ok(Pipeline::load(name, &[])?.title))?,
            Self::Studies => titled(&STUDIES, |name| Ok(Study::load(name)?.title))?,
            Self::Methods => METHODS
                .iter()
                .map(|m| [m.name, m.paper, m.published].map(Value::from).into())
                .collect(),
        })
    }
}

/// Everything in a catalog, each with its title and where it comes from.
fn titled(catalog: &Catalog, title: impl Fn(&Path) -> Result<String>) -> Result<Vec<Vec<Value>>> {
    let mut rows = Vec::new();
    for name in catalog.names() {
        let path = Path::new(&name);
        rows.push(vec![name.as_str().into(), title(path)?.into(), source(catalog, path)]);
    }
    Ok(rows)
}

/// Where a description comes from: the binary, or a file that wins over it.
fn source(catalog: &Catalog, name: &Path) -> Value {
    match catalog.origin(name) {
        Some(Origin::Embedded) => "embedded".into(),
        _ => catalog.path(name).display().to_string().into(),
    }
}

fn metric(metric: &Metric) -> Vec<Value> {
    let better = if metric.higher_is_better {
        "higher"
    } else {
        "lower"
    };
    [
        metric.name,
        metric.profile,
        Metric::RANGE,
        better,
        metric.what,
        metric.key,
    ]
    .map(Value::from)
    .into()
}

fn model(name: String) -> Result<Vec<Value>> {
    let model = describe(Path::new(&name))?;
    let state = match (model.model.exists(), &model.fetch) {
        (true, _) => "here".into(),
        (false, Some(fetch)) => format!("not fetched: {fetch}"),
        (false, None) => "bring your own: --model PATH.onnx".into(),
    };
    let source = source(&MODELS, Path::new(&name));
    Ok(vec![name.into(), model.title.into(), state.into(), source])
}

impl Listing {
    /// `{"schema": 1, "KIND": [{"COLUMN": CELL, ...}, ...]}`
    fn json(&self, kind: &str) -> String {
        let columns = || {
            self.beside
                .iter()
                .chain(self.below)
                .map(|column| (*column).to_owned())
        };
        let row = |row: &Vec<Value>| columns().zip(row.iter().cloned()).collect::<Map<_, _>>();
        let rows: Vec<_> = self.rows.iter().map(row).collect();
        format!("{}\n", serde_json::json!({ "schema": 1, kind: rows }))
    }

    fn text(&self) -> String {
        let header: Vec<String> = self
            .beside
            .iter()
            .map(|column| column.replace('_', " "))
            .collect();
        let rows = self.rows.iter().map(|row| row.iter().map(shown).collect());
        let rows: Vec<Vec<String>> = once(header).chain(rows).collect();
        let width = |column: usize| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.beside.len()).map(width).collect();
        let mut text = String::new();
        for row in &rows {
            let (beside, below) = row.split_at(widths.len());
            let cells: Vec<_> = beside
                .iter()
                .zip(&widths)
                .map(|(cell, &width)| format!("{cell:<width$}"))
                .collect();
            let _ = writeln!(text, "{}", cells.join("  ").trim_end());
            for (name, cell) in self.below.iter().zip(below) {
                let _ = writeln!(text, "{:1$}  {name}: {cell}", "", widths[0]);
            }
        }
        text
    }
}

/// A cell as text.
fn shown(cell: &Value) -> String {
    cell.as_str()
        .map_or_else(|| cell.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_json_are_of_the_same_rows() {
        let rows = vec![
            vec!["a".into(), 7.into(), "x".into()],
            vec!["long".into(), 12.into(), "y".into()],
        ];
        let listing = Listing {
            beside: &["name", "since_opset"],
            below: &["what"],
            rows,
        };
        let text = "name  since opset\na     7\n      what: x\nlong  12\n      what: y\n";
        assert_eq!(listing.text(), text);
        let json: Value = serde_json::from_str(&listing.json("ops")).expect("JSON");
        assert_eq!(
            (&json["schema"], &json["ops"][1]["since_opset"]),
            (&1.into(), &12.into())
        );
    }
}
