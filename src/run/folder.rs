//! The folder of a run's results. Nothing that is in it is ever lost.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::manifest::today;
use super::shard::{self, Shard};
use crate::dataset::Photo;
use crate::fs::{OutputError, ensure_writable, write_atomically};
use crate::remedy::{Refused, Remedy};
use crate::results::files;

/// Writes a photo's file in a folder of the results: `FOLDER/ID.EXTENSION`. An id never leads out
/// of the folder: datasets refuse such ids.
pub(super) fn write_for_photo(
    folder: &Path,
    id: &str,
    extension: &str,
    bytes: &[u8],
) -> Result<(), OutputError> {
    let path = folder.join(id).with_added_extension(extension);
    fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(OutputError::at(&path))?;
    write_atomically(&path, bytes)
}

/// The longest name of a file or folder on Linux, bytes.
const MAX_NAME: usize = 255;

/// Refuses photos whose maps and masks could not be written, because their names are too long.
pub(super) fn ensure_names_fit(photos: &[Photo]) -> Result<(), Refused> {
    let is_too_long = |part: &str| part.len() + ".npy.tmp".len() > MAX_NAME;
    match photos
        .iter()
        .find(|photo| photo.id.split('/').any(is_too_long))
    {
        None => Ok(()),
        Some(photo) => Err(Refused::with_advice(
            format!(
                "{}: the name is too long for the file of a map or mask",
                photo.id
            ),
            "rename the photo, or write neither maps nor masks",
        )),
    }
}

/// What a run leaves in its folder besides journals: files, and folders with one file per photo.
const RESULTS: [&str; 11] = [
    files::BOXES,
    files::SUMMARY,
    files::MANIFEST,
    files::RUN,
    files::TRUTH,
    files::CLASSES,
    files::FAILURES,
    files::PICTURES,
    files::REPORT,
    files::MAPS,
    files::MASKS,
];

/// The folder for a run whose caller names none: `runs/DATE-DATASET-PIPELINE-MODEL`, or the first
/// of `...-2`, `...-3` that holds no finished run, so that the same command resumes a stopped run.
#[must_use]
pub fn default_folder(dataset: &str, pipeline: &str, model: &str) -> PathBuf {
    let base = format!("{}-{dataset}-{pipeline}-{model}", today());
    let numbered = (2..).map(|n| format!("{base}-{n}"));
    let names = std::iter::once(base.clone()).chain(numbered);
    let mut folders = names.map(|name| Path::new("runs").join(name));
    let free = |folder: &PathBuf| !folder.join(files::SUMMARY).exists();
    folders.find(free).expect("there is always a larger number")
}

/// Creates the folder of a run and checks that it can be written to, before anything that takes
/// long. Returns whether the folder is new.
///
/// A folder that holds files with the names of results, but was not written by a run, is refused: a
/// dataset's folder also has a `boxes.csv` and masks.
pub(super) fn prepare(folder: &Path, fresh: bool) -> Result<bool> {
    let shown = folder.display();
    let refuse = |what: &str, remedy| Err(Refused::new(format!("{shown} {what}"), remedy).into());
    if folder.exists() && !folder.is_dir() {
        return refuse("is a file, not a folder for results", Remedy::OtherFolder);
    }
    let has_results = RESULTS.iter().any(|name| folder.join(name).exists());
    if has_results && shard::journals(folder).is_empty() {
        if !folder.join(files::RUN).exists() {
            let what = "holds files named like results, but no run";
            return refuse(what, Remedy::OtherFolder);
        }
        if !fresh {
            return refuse(
                "holds results without a journal",
                Remedy::OtherFolderOrFresh,
            );
        }
    }
    let new = !folder.exists();
    fs::create_dir_all(folder).map_err(OutputError::at(folder))?;
    ensure_writable(&folder.join("journal"))?;
    Ok(new)
}

/// Renames to `NAME.old` what a shard and a merge left in the folder. Folders with one file per
/// photo belong to all shards, so they stay: each of their files is replaced when its photo is done
/// again. A run in one shard sets aside the journals of all shards.
pub(super) fn set_aside(folder: &Path, shard: Shard) -> Result<(), OutputError> {
    let whole = shard == Shard::WHOLE;
    for path in RESULTS.map(|name| folder.join(name)) {
        if whole || !path.is_dir() {
            rename_to_old(&path)?;
        }
    }
    for journal in shard::journals(folder) {
        if whole || journal.shard_index == shard.index {
            rename_to_old(&journal.path)?;
        }
    }
    Ok(())
}

/// Takes the first free name of `NAME.old`, `NAME.old-2`, ... A file that does not exist is ignored.
fn rename_to_old(path: &Path) -> Result<(), OutputError> {
    let numbered = (2..).map(|n| path.with_added_extension(format!("old-{n}")));
    let mut names = std::iter::once(path.with_added_extension("old")).chain(numbered);
    let free = names
        .find(|name| !name.exists())
        .expect("there is always a larger number");
    match fs::rename(path, free) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(OutputError::at(path)(error)),
        _ => Ok(()),
    }
}
