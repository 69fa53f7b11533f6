//! The results' folder: nothing that lies there is lost.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::files;
use super::shard::{self, Shard};
use crate::publish::{OutputError, publish, try_place};

/// Publishes a photo's file in a folder of the results: `FOLDER/ID.EXTENSION`. An id never leads
/// out of it: datasets refuse such ids.
pub(super) fn publish_for(
    folder: &Path,
    id: &str,
    extension: &str,
    bytes: &[u8],
) -> Result<(), OutputError> {
    let path = folder.join(id).with_added_extension(extension);
    fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(OutputError::at(&path))?;
    publish(&path, bytes)
}

/// What a run leaves in its folder besides journals: files, and folders with a file a photo.
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

/// A folder for a run that was not given one: the first of this name in which no run is finished,
/// so that the same command goes on.
#[must_use]
pub fn default_folder(dataset: &str, pipeline: &str, model: &str) -> PathBuf {
    let name = format!("{}-{dataset}-{pipeline}-{model}", super::manifest::today());
    let numbered = (2..).map(|n| Path::new("runs").join(format!("{name}-{n}")));
    let names = std::iter::once(Path::new("runs").join(&name)).chain(numbered);
    names
        .into_iter()
        .find(|path| !path.join(files::SUMMARY).exists())
        .expect("numbers do not end")
}

/// Makes the folder of a run, and tries it: before anything that takes long. Says whether it was
/// not there.
///
/// One that holds files of the names of results, and was not made by a run, is left alone: a
/// dataset's folder has a boxes.csv and masks too.
pub(super) fn prepare(folder: &Path, fresh: bool) -> Result<bool> {
    if folder.exists() && !folder.is_dir() {
        bail!(
            "{}: it is a file, and a folder for the results is wanted\nhelp: name another --out",
            folder.display()
        );
    }
    let holds = RESULTS.iter().any(|name| folder.join(name).exists());
    if holds && shard::journals(folder).is_empty() {
        let shown = folder.display();
        match (folder.join(files::RUN).exists(), fresh) {
            (true, true) => {}
            (true, false) => {
                bail!("{shown} holds results without a journal\nhelp: use another --out or --fresh")
            }
            (false, _) => bail!(
                "{shown} holds files of the names of results, and no run's\nhelp: use another --out"
            ),
        }
    }
    let new = !folder.exists();
    fs::create_dir_all(folder).map_err(OutputError::at(folder))?;
    try_place(&folder.join("journal"))?;
    Ok(new)
}

/// Sets aside what a shard and a merge left in the folder, as `NAME.old`. Folders with a file a
/// photo belong to all shards: they stay for the others, and each file is replaced in its time. A
/// whole run sets aside the journals of all.
pub(super) fn set_aside(folder: &Path, shard: Shard) -> Result<(), OutputError> {
    let shared = |path: &PathBuf| shard != Shard::WHOLE && path.is_dir();
    let results = RESULTS
        .iter()
        .map(|name| folder.join(name))
        .filter(|path| !shared(path));
    let own = |index: usize| shard == Shard::WHOLE || index == shard.index;
    let journals = shard::journals(folder)
        .into_iter()
        .filter(|&(index, ..)| own(index))
        .map(|(.., path)| path);
    results
        .chain(journals)
        .try_for_each(|path| rename_to_old(&path))
}

/// The first free name of `NAME.old`, `NAME.old-2`, ... is taken; a file that is not there is left.
fn rename_to_old(path: &Path) -> Result<(), OutputError> {
    let old = |i: usize| {
        path.with_added_extension(if i == 1 {
            "old".into()
        } else {
            format!("old-{i}")
        })
    };
    let free = (1..)
        .map(old)
        .find(|path| !path.exists())
        .expect("numbers do not end");
    match fs::rename(path, free) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(OutputError::at(path)(error)),
        _ => Ok(()),
    }
}
