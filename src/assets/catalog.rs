//! Descriptions that are called by name: a name stands for a TOML file.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::embedded::{self, Origin, home};
use super::spelling::{nearest, none_called};
use crate::remedy::Refused;

/// A folder of TOML files.
#[derive(Debug)]
pub(crate) struct Catalog {
    /// What one of them is called.
    kind: &'static str,
    /// What several are called, also by `localise list`.
    plural: &'static str,
    /// The folder, relative to [`home`].
    folder: &'static str,
    /// What can be given in place of a name.
    alternative: &'static str,
}

pub(crate) const PIPELINES: Catalog = Catalog {
    kind: "pipeline",
    plural: "pipelines",
    folder: "pipelines",
    alternative: "or give a TOML file",
};
pub(crate) const STUDIES: Catalog = Catalog {
    kind: "study",
    plural: "studies",
    folder: "pipelines/studies",
    alternative: "or give a TOML file",
};
pub(crate) const MODELS: Catalog = Catalog {
    kind: "model",
    plural: "models",
    folder: "data/models",
    alternative: "or give an ONNX file",
};
pub(crate) const HEADS: Catalog = Catalog {
    kind: "head",
    plural: "heads",
    folder: "data/heads",
    alternative: "or give a TOML file",
};
pub(crate) const DATASETS: Catalog = Catalog {
    kind: "dataset",
    plural: "datasets",
    folder: "data",
    alternative: "or give a folder or file (data/README.md)",
};

impl Catalog {
    /// The file of this name, relative to [`home`].
    fn relative(&self, name: &str) -> String {
        format!("{}/{name}.toml", self.folder)
    }

    /// The path of this name, whether the file is on disk, embedded, or missing.
    pub(crate) fn path(&self, name: &Path) -> PathBuf {
        home()
            .join(self.folder)
            .join(name)
            .with_added_extension("toml")
    }

    /// Where the file of this name comes from; `None` where the name is not known.
    pub(crate) fn origin(&self, name: &Path) -> Option<Origin> {
        let name = name.to_str().filter(|name| !name.contains('/'))?;
        embedded::origin(&self.relative(name))
    }

    /// All names, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(home().join(self.folder))
            .into_iter()
            .flatten()
            .flatten();
        let on_disk = entries.map(|entry| entry.path());
        let embedded = embedded::names().map(|name| PathBuf::from(&*name));
        let embedded = embedded.filter(|path| path.parent() == Some(Path::new(self.folder)));
        let toml = on_disk.chain(embedded).filter(|path| is_toml(path));
        let stem = |path: PathBuf| Some(path.file_stem()?.to_string_lossy().into_owned());
        BTreeSet::from_iter(toml.filter_map(stem))
            .into_iter()
            .collect()
    }

    /// The path and the text of what is given: a name, or the path of a TOML file.
    ///
    /// # Errors
    /// [`Refused`] with the nearest name, or why the file cannot be read.
    pub(crate) fn read(&self, given: &Path) -> Result<(PathBuf, String), Refused> {
        let path = if is_toml(given) {
            given.to_owned()
        } else {
            self.path(given)
        };
        let text = match path.strip_prefix(home()).ok().and_then(Path::to_str) {
            Some(relative) => embedded::text(relative),
            None => std::fs::read_to_string(&path),
        };
        match text {
            Ok(text) => Ok((path, text)),
            Err(e) if e.kind() == ErrorKind::NotFound && !is_toml(given) => {
                Err(self.unknown(given))
            }
            Err(e) => {
                let advice = format!("`localise list {}` lists those that are known", self.plural);
                Err(Refused::with_advice(e, advice).context(path.display()))
            }
        }
    }

    /// The error for a name that is not known: the nearest name, and all names.
    pub(crate) fn unknown(&self, name: &Path) -> Refused {
        let Self {
            kind,
            plural,
            alternative,
            ..
        } = self;
        let names = self.names();
        let known = names.iter().map(String::as_str);
        let none = none_called(kind, &name.display().to_string(), known);
        let names = names.join(", ");
        let advice = format!("{plural} are {names} (`localise list {plural}`); {alternative}");
        Refused::with_advice(none, advice)
    }

    /// Parses a TOML file of this kind. A word that is not understood is answered with the most
    /// similar word of the shipped files.
    ///
    /// # Errors
    /// [`Refused`] with `origin`, line, column and the text around the fault.
    pub(crate) fn parse<T>(&self, text: &str, origin: &str) -> Result<T, Refused>
    where
        T: DeserializeOwned,
    {
        toml::from_str(text).map_err(|error| {
            let word = error
                .span()
                .and_then(|span| text.get(span))
                .unwrap_or_default();
            let word = word.trim_matches(['"', '[', ']', ' ']);
            let known = self.vocabulary();
            // A value of the wrong type is not a misspelt word.
            let is_word = !error.message().contains("invalid type");
            let near = nearest(word, known.iter().map(String::as_str))
                .filter(|near| is_word && *near != word);
            let message = format!("{origin}: {}", error.to_string().trim_end());
            match near {
                Some(near) => Refused::with_advice(message, format!("did you mean {near}?")),
                None => message.into(),
            }
        })
    }

    /// All keys and words in the shipped files of this kind.
    fn vocabulary(&self) -> BTreeSet<String> {
        let mut words = BTreeSet::new();
        for name in embedded::names() {
            if Path::new(&*name).parent() == Some(Path::new(self.folder))
                && let Ok(text) = embedded::text(&name)
                && let Ok(table) = text.parse::<toml::Table>()
            {
                collect_words(&table, &mut words);
            }
        }
        words
    }
}

fn collect_words(table: &toml::Table, words: &mut BTreeSet<String>) {
    for (key, value) in table {
        words.insert(key.clone());
        match value {
            toml::Value::Table(inner) => collect_words(inner, words),
            toml::Value::Array(items) => {
                items
                    .iter()
                    .filter_map(toml::Value::as_table)
                    .for_each(|t| collect_words(t, words));
            }
            toml::Value::String(word) if !word.contains(' ') => drop(words.insert(word.clone())),
            _ => {}
        }
    }
}

fn is_toml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "toml")
}
