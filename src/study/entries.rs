//! The pipelines of a study: each row, with every combination of the values that it varies.

use std::collections::HashSet;

use anyhow::{Context, Result, bail};

use super::file::{ParameterGrid, Study, StudyRow};
use crate::pipeline::Pipeline;
use crate::remedy::Refused;

/// One pipeline of a study.
#[derive(Clone, Debug)]
pub(super) struct StudyEntry {
    /// The index of its row in the study.
    pub(super) row: usize,
    /// The row's name, followed by the values that it varies.
    pub(super) name: String,
    /// The pipeline, with all changes made.
    pub(super) pipeline: Pipeline,
    /// The names of the models that it is for; all models where it is `None`.
    pub(super) models: Option<Vec<String>>,
}

impl StudyEntry {
    /// Whether the entry is for the model of this name.
    pub(super) fn is_for(&self, model: &str) -> bool {
        self.models
            .as_ref()
            .is_none_or(|models| models.iter().any(|name| name == model))
    }
}

/// A study shares the answers of one model among its pipelines.
fn ensure_one_model(pipeline: &Pipeline) -> Result<(), Refused> {
    if pipeline.members.is_empty() {
        return Ok(());
    }
    Err(Refused::with_advice(
        "a study asks one model at a time, and this pipeline asks several",
        "score it with `localise run`, and compare that run with others",
    ))
}

impl Study {
    /// The pipelines in the order of the rows, and within a row in the order of its combinations.
    pub(super) fn entries(&self) -> Result<Vec<StudyEntry>> {
        let mut entries = Vec::new();
        for (row, settings) in self.rows.iter().enumerate() {
            let StudyRow {
                name,
                pipeline,
                set,
                models,
                ..
            } = settings;
            for varied in combinations(&self.varied(settings)?) {
                let changes = [&set[..], &varied].concat();
                let pipeline =
                    Pipeline::load(pipeline, &changes).with_context(|| format!("row {name}"))?;
                ensure_one_model(&pipeline).with_context(|| format!("row {name}"))?;
                let name = [&[name.clone()][..], &varied].concat().join(" ");
                let models = models.clone();
                entries.push(StudyEntry {
                    row,
                    name,
                    pipeline,
                    models,
                });
            }
        }
        self.ensure_names_differ()?;
        self.ensure_against_exists(&entries)?;
        Ok(entries)
    }

    /// The values that a row varies: its own, and those of its grid.
    fn varied(&self, row: &StudyRow) -> Result<ParameterGrid> {
        let name = &row.name;
        let mut varied = row.vary.clone();
        if let Some(grid) = &row.grid {
            let Some(values) = self.grids.get(grid) else {
                let grids: Vec<&str> = self.grids.keys().map(String::as_str).collect();
                bail!(Refused::with_advice(
                    format!("row {name}: no grid is called {grid}"),
                    format!("the study's grids are {}", grids.join(", ")),
                ));
            };
            varied.extend(values.clone());
        }
        if let Some((key, _)) = varied.iter().find(|(_, values)| values.is_empty()) {
            bail!(Refused::with_advice(
                format!("row {name}: {key} has no values to vary"),
                "list some, or leave the key out",
            ));
        }
        Ok(varied)
    }

    fn ensure_names_differ(&self) -> Result<()> {
        let mut names = HashSet::new();
        if let Some(second) = self.rows.iter().find(|row| !names.insert(&row.name)) {
            bail!(Refused::with_advice(
                format!("two rows are called {}", second.name),
                "give one of them another name",
            ));
        }
        Ok(())
    }

    /// Refuses a study whose row for comparison does not exist, or may be left out by the choice of
    /// values.
    fn ensure_against_exists(&self, entries: &[StudyEntry]) -> Result<()> {
        let Some(against) = &self.against else {
            return Ok(());
        };
        if !entries.iter().any(|entry| entry.name == *against) {
            let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
            bail!(Refused::with_advice(
                format!("against: no row is called {against}"),
                format!("the rows are {}", names.join(", ")),
            ));
        }
        if self.choose_on.is_some() && !self.rows.iter().any(|row| row.name == *against) {
            let message = format!(
                "against: {against} is one of several combinations, and may not be the one that is \
                 chosen"
            );
            bail!(Refused::with_advice(
                message,
                "name a row that varies nothing"
            ));
        }
        Ok(())
    }
}

/// Every combination of the values, as settings `key=value`; the last key varies fastest. Where
/// nothing is varied, there is one empty combination.
fn combinations(vary: &ParameterGrid) -> Vec<Vec<String>> {
    let mut combinations = vec![vec![]];
    for (key, values) in vary {
        let mut extended = Vec::new();
        for settings in &combinations {
            for value in values {
                extended.push([&settings[..], &[format!("{key}={value}")]].concat());
            }
        }
        combinations = extended;
    }
    combinations
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use toml::Value;

    use super::*;
    use crate::assets::STUDIES;

    #[test]
    fn every_combination_is_a_row() {
        let vary = BTreeMap::from([
            ("a".to_owned(), vec![Value::Integer(1), Value::Integer(2)]),
            (
                "b".to_owned(),
                vec![Value::Float(0.5), Value::String("x".into())],
            ),
        ]);
        let expected = [
            ["a=1", "b=0.5"],
            ["a=1", "b=\"x\""],
            ["a=2", "b=0.5"],
            ["a=2", "b=\"x\""],
        ];
        assert_eq!(combinations(&vary), expected);
        assert_eq!(combinations(&BTreeMap::new()), [Vec::<String>::new()]);
    }

    #[test]
    fn every_shipped_study_names_pipelines_that_load() {
        let names = STUDIES.names();
        assert!(!names.is_empty());
        for name in names {
            let study = Study::load(Path::new(&name)).unwrap_or_else(|e| panic!("{e:#}"));
            study.entries().unwrap_or_else(|e| panic!("{name}: {e:#}"));
        }
    }
}
