//! The folder of what was computed of each photo.

use std::fs;
use std::path::Path;

use crate::fs::{OutputError, write_atomically};
use crate::head::LearnedOn;
use crate::remedy::{Refused, Remedy};

/// Says what the files in the folder were computed with.
const STAMP: &str = "learn.toml";

/// Creates the folder, or checks that it is of the same call.
///
/// # Errors
/// [`Refused`] if its files were computed with something else.
pub(super) fn begin(
    folder: &Path,
    learned_on: &LearnedOn,
    tensors: &[String],
) -> anyhow::Result<()> {
    // What each photo's files depend on. More photos may follow.
    let LearnedOn {
        program,
        model_sha256,
        pipeline_sha256,
        ..
    } = learned_on;
    let stamp = format!(
        "{program}\n{model_sha256}\n{pipeline_sha256}\n{}\n",
        tensors.join(" ")
    );
    let path = folder.join(STAMP);
    match fs::read_to_string(&path) {
        Ok(found) if found == stamp => return Ok(()),
        Ok(_) => {
            let shown = folder.display();
            let message = format!(
                "{shown}: it has the photos of another model, pipeline or layers, for which learning \
                 was interrupted"
            );
            return Err(Refused::new(message, Remedy::OtherFolderOrFresh).into());
        }
        Err(_) => {}
    }
    fs::create_dir_all(folder).map_err(OutputError::at(folder))?;
    Ok(write_atomically(&path, stamp.as_bytes())?)
}

/// Removes the folder.
pub(super) fn end(folder: &Path) -> Result<(), OutputError> {
    fs::remove_dir_all(folder).map_err(OutputError::at(folder))
}
