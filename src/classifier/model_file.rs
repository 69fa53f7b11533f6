//! The ONNX file that a model is given by, and the folder that has the configuration of the library
//! that exported it.

use std::path::{Path, PathBuf};

use crate::path_text;
use crate::remedy::Refused;

/// The name under which libraries export a model.
const EXPORTED: &str = "model";
/// The folder in which the ONNX files of a repository of models are.
const ONNX_FOLDER: &str = "onnx";

/// An ONNX file, and what it is called.
#[derive(Clone, Debug)]
pub(super) struct ModelFile {
    pub(super) path: PathBuf,
    /// The name of the file or, where that is `model.onnx`, of its folder.
    pub(super) name: String,
    /// The folder with the configuration of the library that exported the model. `None` where the
    /// folder has several models, so that a configuration could be that of another one.
    pub(super) configuration: Option<PathBuf>,
}

impl ModelFile {
    /// The ONNX file at `given`, or in the folder `given` as Optimum, transformers and timm export
    /// it: the only one, or `model.onnx`, in the folder itself or in its folder `onnx`.
    ///
    /// # Errors
    /// [`Refused`], which names the files, where it is not clear which one is meant.
    pub(super) fn find(given: &Path) -> Result<Self, Refused> {
        if !given.is_dir() {
            return Ok(Self::new(given.to_owned()));
        }
        let inner = given.join(ONNX_FOLDER);
        let folder = if onnx_files(given).is_empty() && inner.is_dir() {
            &inner
        } else {
            given
        };
        let files = onnx_files(folder);
        let exported = folder.join(EXPORTED).with_extension("onnx");
        match &files[..] {
            [only] => Ok(Self::new(only.clone())),
            _ if files.contains(&exported) => Ok(Self::new(exported)),
            [] => Err(Refused::with_advice(
                format!("{}: the folder has no ONNX file", given.display()),
                "export the model into it as model.onnx, or name an ONNX file",
            )),
            several => Err(Refused::with_advice(
                format!(
                    "{}: the folder has {} ONNX files ({}), and none is called model.onnx",
                    given.display(),
                    several.len(),
                    names(several)
                ),
                "name one of the files",
            )),
        }
    }

    fn new(path: PathBuf) -> Self {
        let path_in_full = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
        let mut folder = path_in_full.parent().unwrap_or(Path::new(".")).to_owned();
        let stem = path_text::encode(path.file_stem().unwrap_or_default());
        let is_alone = stem.starts_with(EXPORTED) || onnx_files(&folder).len() == 1;
        if folder.ends_with(ONNX_FOLDER) && !folder.join("config.json").is_file() {
            folder.pop();
        }
        let name = match folder.file_name() {
            Some(name) if stem == EXPORTED => path_text::encode(name),
            _ => stem,
        };
        Self {
            path,
            name,
            configuration: is_alone.then_some(folder),
        }
    }
}

/// The ONNX files in a folder, sorted.
fn onnx_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "onnx") && path.is_file())
        .collect();
    files.sort();
    files
}

/// The names of the first few files.
fn names(files: &[PathBuf]) -> String {
    const SHOWN: usize = 4;
    let mut names: Vec<String> = files
        .iter()
        .take(SHOWN)
        .map(|path| path_text::encode(path.file_name().unwrap_or_default()))
        .collect();
    if files.len() > SHOWN {
        names.push("...".into());
    }
    names.join(", ")
}
