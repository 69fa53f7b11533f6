//! `localise list`

use std::fmt::Write;
use std::iter::once;
use std::path::Path;

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde_json::{Map, Value};

use super::exit::Exit;
use super::output::print;
use crate::assets::{Catalog, DATASETS, HEADS, MODELS, Origin, PIPELINES, STUDIES};
use crate::classes::ClassList;
use crate::classifier::describe;
use crate::dataset;
use crate::head::Head;
use crate::path_text;
use crate::pipeline::Pipeline;
use crate::saliency::METHODS;
use crate::score::{METRICS, Metric};
use crate::study::Study;
use onnx_grad::gradient::rules::RULES;

const EXAMPLES: &str = "Examples:
  localise list pipelines                        the names for `run --pipeline`
  localise list models                           the names for `run --model`, and what is here
  localise list metrics                          the meaning of the lines of a summary
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
    /// The classes of ImageNet: index, WordNet id and name, each of which `--class` takes.
    Classes,
    /// The datasets that `--dataset` takes by name.
    Datasets,
    /// The foreground heads that `head.file` in a pipeline takes by name.
    Heads,
    /// The layouts of datasets that can be read.
    Layouts,
    /// The numbers of a summary: what each means, and whether higher or lower is better.
    Metrics,
    /// The models that `--model` takes by name.
    Models,
    /// The operators that have a gradient rule.
    Ops,
    /// The pipelines that `--pipeline` takes by name.
    Pipelines,
    /// The studies that `localise study` takes by name.
    Studies,
    /// The saliency methods, with their papers and published results.
    Methods,
}

/// A table of things of one kind. Text and JSON are made from the same rows.
struct Listing {
    /// The names of the first columns, whose cells are printed on one line.
    beside: &'static [&'static str],
    /// The names of the other columns. Each of their cells is printed on a line of its own below.
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
            Self::Datasets | Self::Heads | Self::Pipelines | Self::Studies => {
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

    /// The rows, each with its cells in the order of the columns.
    fn rows(self) -> Result<Vec<Vec<Value>>> {
        Ok(match self {
            Self::Classes => {
                let list = ClassList::read(ClassList::IMAGENET)?;
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
            Self::Heads => titled(&HEADS, |name| Ok(Head::read(name)?.0.title()))?,
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

/// A row for each entry of a catalog: its name, its title and where it comes from.
fn titled(catalog: &Catalog, title: impl Fn(&Path) -> Result<String>) -> Result<Vec<Vec<Value>>> {
    let mut rows = Vec::new();
    for name in catalog.names() {
        let path = Path::new(&name);
        rows.push(vec![
            name.as_str().into(),
            title(path)?.into(),
            source(catalog, path),
        ]);
    }
    Ok(rows)
}

/// Where a description comes from: the program itself, or a file, which wins over it.
fn source(catalog: &Catalog, name: &Path) -> Value {
    match catalog.origin(name) {
        Some(Origin::Embedded) => "embedded".into(),
        _ => path_text::encode(catalog.path(name)).into(),
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
    let state = if model.model.exists() {
        "here".into()
    } else if let Some(fetch) = &model.fetch {
        format!("not fetched: {fetch}")
    } else {
        "bring your own: --model PATH.onnx".into()
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
        let rows = self
            .rows
            .iter()
            .map(|row| row.iter().map(cell_text).collect());
        let rows: Vec<Vec<String>> = once(header).chain(rows).collect();
        let max_width = |column: usize| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.beside.len()).map(max_width).collect();
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

/// A cell as text: a string without its quotation marks.
fn cell_text(cell: &Value) -> String {
    match cell {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_json_have_the_same_rows() {
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
