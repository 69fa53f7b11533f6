//! The results' folder: rows as they come, everything else published whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::{Failure, Manifest, Row};
use crate::report::Summary;

/// The output cannot be written. What lies in the folder is as it was, or holds the rows written so far.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}")]
pub struct OutputError {
    path: PathBuf,
    source: io::Error,
}

impl OutputError {
    pub(crate) fn at(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self { path: path.into(), source }
    }
}

/// Whether a file can be written here: asked before long work, which a mistyped folder should not cost.
pub(crate) fn try_place(path: &Path) -> Result<(), OutputError> {
    let part = path.with_added_extension("part");
    File::create(&part).and_then(|_| fs::remove_file(&part)).map_err(OutputError::at(path))
}

/// Publishes a file whole: written beside its place, synced, renamed.
pub(crate) fn publish(path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
    let part = path.with_added_extension("part");
    let publish = || {
        let mut file = File::create(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    publish().map_err(OutputError::at(path))
}

const FILES: [&str; 7] =
    ["boxes.csv", "summary.json", "manifest.json", "run.toml", "truth.csv", "classes.csv", "failures.jsonl"];

/// Folders with a file a photo.
const FOLDERS: [&str; 2] = ["maps", "masks"];

/// The folder while a run writes into it.
#[derive(Debug)]
pub(super) struct Output {
    folder: PathBuf,
    part: PathBuf,
    rows: csv::Writer<File>,
}

/// A folder for a run that was not given one, that does not exist yet.
#[must_use]
pub fn default_folder(dataset: &str, pipeline: &str, model: &str) -> PathBuf {
    let name = format!("{}-{dataset}-{pipeline}-{model}", super::manifest::today());
    let numbered = (2..).map(|n| Path::new("runs").join(format!("{name}-{n}")));
    std::iter::once(Path::new("runs").join(&name)).chain(numbered).find(|p| !p.exists()).expect("numbers do not end")
}

impl Output {
    /// Opens the folder and begins a file in it. Results of another run there are an error, unless `fresh` says that
    /// they may go; they go in [`Output::clear`].
    pub(super) fn create(folder: &Path, fresh: bool) -> Result<Self> {
        if folder.exists() && !folder.is_dir() {
            bail!("{}: it is a file, and a folder for the results is wanted", folder.display());
        }
        let holds = FILES.iter().chain(&FOLDERS).any(|name| folder.join(name).exists());
        if holds && !fresh {
            bail!(
                "{} holds the results of a run already\nhelp: use another --out, or --fresh to start over",
                folder.display()
            );
        }
        // --fresh removes files: a dataset's folder has a boxes.csv and masks too.
        if holds && !folder.join("run.toml").exists() {
            bail!("{} holds files of the names of results, and no run.toml\nhelp: use another --out", folder.display());
        }
        fs::create_dir_all(folder).map_err(OutputError::at(folder))?;
        let part = folder.join("boxes.csv.part");
        let file = File::create(&part).map_err(OutputError::at(&part))?;
        let rows = csv::Writer::from_writer(file);
        Ok(Self { folder: folder.into(), part, rows })
    }

    /// Removes the results of another run. Called when nothing but the photos can stop this one any more.
    pub(super) fn clear(&self) -> Result<(), OutputError> {
        for path in FILES.iter().map(|name| self.folder.join(name)).filter(|path| path.exists()) {
            fs::remove_file(&path).map_err(OutputError::at(&path))?;
        }
        for path in FOLDERS.iter().map(|name| self.folder.join(name)).filter(|path| path.exists()) {
            fs::remove_dir_all(&path).map_err(OutputError::at(&path))?;
        }
        Ok(())
    }

    /// Appends a photo's rows; they are in the file when this returns.
    pub(super) fn rows(&mut self, rows: &[Row]) -> Result<(), OutputError> {
        let failed = OutputError::at(&self.part);
        for row in rows {
            self.rows.serialize(row).map_err(|e| failed(io::Error::other(e)))?;
        }
        self.rows.flush().map_err(failed)
    }

    /// Publishes a file whole: written beside its place, synced, renamed.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), OutputError> {
        publish(&self.folder.join(name), bytes)
    }

    /// Publishes a photo's file in a folder of the results: `FOLDER/ID.EXTENSION`. An id never leads out of it: datasets
    /// refuse such ids.
    pub(super) fn write_for(&self, folder: &str, id: &str, extension: &str, bytes: &[u8]) -> Result<(), OutputError> {
        let path = self.folder.join(folder).join(id).with_added_extension(extension);
        fs::create_dir_all(path.parent().unwrap_or(&self.folder)).map_err(OutputError::at(&path))?;
        publish(&path, bytes)
    }

    /// Publishes the rows and the summary.
    pub(super) fn finish(mut self, summary: &Summary, failures: &[Failure], manifest: &Manifest) -> Result<()> {
        self.rows.flush().map_err(OutputError::at(&self.part))?;
        let publish = || {
            self.rows.get_ref().sync_all()?;
            fs::rename(&self.part, self.folder.join("boxes.csv"))
        };
        publish().map_err(OutputError::at(&self.part))?;
        if !failures.is_empty() {
            let lines: Result<Vec<_>, _> = failures.iter().map(serde_json::to_string).collect();
            self.write("failures.jsonl", (lines?.join("\n") + "\n").as_bytes())?;
        }
        self.write("manifest.json", &serde_json::to_vec_pretty(manifest)?)?;
        self.write("summary.json", &serde_json::to_vec_pretty(summary)?)?;
        Ok(())
    }
}
