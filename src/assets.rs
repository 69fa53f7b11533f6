//! What ships with the program: pipelines, studies, models and datasets, each described by a TOML
//! file that people call by its name. A name that is not known is answered with the nearest.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

/// A folder of TOML files.
#[derive(Debug)]
pub(crate) struct Catalog {
    /// What one of them is called, and what several are, to `localise list` too.
    one: &'static str,
    several: &'static str,
    folder: &'static str,
    /// What may be given in place of a name.
    other: &'static str,
}

pub(crate) const PIPELINES: Catalog = Catalog {
    one: "pipeline",
    several: "pipelines",
    folder: "pipelines",
    other: "or give a TOML file",
};
pub(crate) const STUDIES: Catalog = Catalog {
    one: "study",
    several: "studies",
    folder: "pipelines/studies",
    other: "or give a TOML file",
};
pub(crate) const MODELS: Catalog = Catalog {
    one: "model",
    several: "models",
    folder: "data/models",
    other: "or give an ONNX file",
};
pub(crate) const DATASETS: Catalog = Catalog {
    one: "dataset",
    several: "datasets",
    folder: "data",
    other: "or give a folder or file (data/README.md)",
};

impl Catalog {
    /// The file of this name, whether it is there or not.
    pub(crate) fn path(&self, name: &Path) -> PathBuf {
        home()
            .join(self.folder)
            .join(name)
            .with_added_extension("toml")
    }

    /// The file that `given` names; `None` where it is no name, or none that is known.
    pub(crate) fn named(&self, given: &Path) -> Option<PathBuf> {
        Some(self.path(given)).filter(|path| given.components().count() == 1 && path.is_file())
    }

    /// All names, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let files = std::fs::read_dir(home().join(self.folder))
            .into_iter()
            .flatten()
            .flatten();
        let toml = files.map(|entry| entry.path()).filter(|path| is_toml(path));
        let mut names: Vec<_> = toml
            .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
            .collect();
        names.sort();
        names
    }

    /// The path and the text of what is given: a name, or the path of a TOML file.
    ///
    /// # Errors
    /// A text with the nearest name, or why the file cannot be read.
    pub(crate) fn read(&self, given: &Path) -> Result<(PathBuf, String), String> {
        let path = if is_toml(given) {
            given.to_owned()
        } else {
            self.path(given)
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok((path, text)),
            Err(e) if e.kind() == ErrorKind::NotFound && !is_toml(given) => {
                Err(self.unknown(given))
            }
            Err(e) => {
                let (path, several) = (path.display(), self.several);
                Err(format!(
                    "{path}: {e}\nhelp: `localise list {several}` lists those that are known"
                ))
            }
        }
    }

    /// What is said where nothing is called `name`: the nearest, all, and the verb that lists them.
    pub(crate) fn unknown(&self, name: &Path) -> String {
        let Self {
            one,
            several,
            folder,
            other,
        } = self;
        let (name, names) = (name.display(), self.names());
        if names.is_empty() {
            let folder = home().join(folder);
            return format!(
                "no {one} is called {name}: {} holds none\nhelp: set LOCALISE_HOME to the folder that holds pipelines/ \
                 and data/, {other}",
                folder.display()
            );
        }
        let none = none_called(one, &name.to_string(), names.iter().map(String::as_str));
        format!(
            "{none}\nhelp: {several} are {} (`localise list {several}`); {other}",
            names.join(", ")
        )
    }
}

fn is_toml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "toml")
}

/// "no method is called guidedd, the nearest is guided"
pub(crate) fn none_called<'a>(
    one: &str,
    name: &str,
    known: impl Iterator<Item = &'a str>,
) -> String {
    let near =
        nearest(name, known).map_or(String::new(), |near| format!(", the nearest is {near}"));
    format!("no {one} is called {name}{near}")
}

/// The candidate that is spelt most like `name`, where any is near.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let near = candidates
        .map(|c| (strsim::jaro_winkler(name, c), c))
        .filter(|(likeness, _)| *likeness > 0.7);
    near.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, c)| c)
}

/// Parses TOML; an unknown key is answered with the nearest known one.
///
/// # Errors
/// A text with `origin`, line, column and the text around.
pub(crate) fn parse<T: DeserializeOwned>(text: &str, origin: &str) -> Result<T, String> {
    toml::from_str(text).map_err(|e| {
        let message = e.to_string();
        let quoted: Vec<_> = message.split('`').skip(1).step_by(2).collect();
        let near = match quoted.as_slice() {
            [unknown, known @ ..] if e.message().starts_with("unknown") => {
                nearest(unknown, known.iter().copied())
            }
            _ => None,
        };
        let near = near.map(|near| format!("did you mean {near}?"));
        let is_method = e.message().starts_with("unknown method");
        let list = is_method.then(|| "`localise list methods` lists them".to_owned());
        let help = near.into_iter().chain(list).collect::<Vec<_>>().join(" ");
        let help = if help.is_empty() {
            help
        } else {
            format!("help: {help}")
        };
        format!("{origin}: {message}{help}")
    })
}

/// The folder that holds `pipelines/` and `data/`: `LOCALISE_HOME`, or the nearest folder above the
/// working folder or above the executable that has both, or the working copy that the program was
/// built from; else the working folder.
pub(crate) fn home() -> PathBuf {
    if let Some(home) = std::env::var_os("LOCALISE_HOME").filter(|v| !v.is_empty()) {
        return home.into();
    }
    let built = Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    let starts = [
        std::env::current_dir().ok(),
        std::env::current_exe().ok(),
        built,
    ];
    let above = starts.iter().flatten().flat_map(|start| start.ancestors());
    let mut homes = above
        .filter(|folder| folder.join("pipelines").is_dir() && folder.join("data/models").is_dir());
    homes.next().map_or_else(|| ".".into(), Path::to_owned)
}
