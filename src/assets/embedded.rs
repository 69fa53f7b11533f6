//! Embedded files, and the folder on disk whose files win over them.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rust_embed::{Embed, EmbeddedFile};

use crate::fs::OutputError;

/// The folder `pipelines/` as it was when the program was built.
#[derive(Embed)]
#[folder = "pipelines"]
#[prefix = "pipelines/"]
#[include = "*.toml"]
struct Pipelines;

/// The folder `data/` as it was when the program was built, without models.
#[derive(Embed)]
#[folder = "data"]
#[prefix = "data/"]
#[include = "*.toml"]
#[include = "*.csv"]
#[include = "*.txt"]
#[include = "*.jpg"]
#[include = "*.png"]
struct Data;

/// Where the content of a shipped file comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A file below [`home`].
    Disk,
    /// The binary.
    Embedded,
}

/// The folder whose `pipelines/` and `data/` win over the embedded ones: `LOCALISE_HOME`, or the
/// nearest folder at or above the working directory, the executable or the working copy that the
/// program was built from that has both; otherwise the working directory.
pub(crate) fn home() -> PathBuf {
    if let Some(home) = std::env::var_os("LOCALISE_HOME").filter(|value| !value.is_empty()) {
        return home.into();
    }
    let starts = [
        std::env::current_dir().ok(),
        std::env::current_exe().ok(),
        Some(PathBuf::from(env!("CARGO_MANIFEST_DIR"))),
    ];
    let is_home =
        |folder: &&Path| folder.join("pipelines").is_dir() && folder.join("data/models").is_dir();
    let above = starts.iter().flatten().flat_map(|start| start.ancestors());
    above
        .filter(|folder| is_home(folder))
        .map(Path::to_owned)
        .next()
        .unwrap_or_else(|| ".".into())
}

fn get(relative: &str) -> Option<EmbeddedFile> {
    Pipelines::get(relative).or_else(|| Data::get(relative))
}

/// The names of all embedded files, relative to [`home`] and with slashes.
pub(super) fn names() -> impl Iterator<Item = Cow<'static, str>> {
    Pipelines::iter().chain(Data::iter())
}

/// Whether a file on disk wins over the embedded one; `None` where there is neither.
pub(super) fn origin(relative: &str) -> Option<Origin> {
    if home().join(relative).is_file() {
        Some(Origin::Disk)
    } else {
        get(relative).map(|_| Origin::Embedded)
    }
}

/// The text of a shipped file, relative to [`home`].
///
/// # Errors
/// [`io::ErrorKind::NotFound`] when it is neither on disk nor embedded; others when it cannot be
/// read.
pub(crate) fn text(relative: &str) -> io::Result<String> {
    match fs::read_to_string(home().join(relative)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let file = get(relative).ok_or(error)?;
            String::from_utf8(file.data.into_owned()).map_err(io::Error::other)
        }
        read => read,
    }
}

/// A path at which a shipped file can be read. An embedded file is unpacked into the user's cache.
///
/// # Errors
/// When the cache cannot be written.
pub(crate) fn file(relative: &Path) -> Result<PathBuf, OutputError> {
    let on_disk = home().join(relative);
    match relative.to_str().and_then(get) {
        Some(file) if !on_disk.is_file() => unpack(relative, &file),
        _ => Ok(on_disk),
    }
}

/// A path at which a shipped folder can be read, relative to [`home`] if `path` is. Embedded files
/// are unpacked into the user's cache.
///
/// # Errors
/// When the cache cannot be written.
pub(crate) fn folder(path: &Path) -> Result<PathBuf, OutputError> {
    let relative = path.strip_prefix(home()).unwrap_or(path);
    let inside = |name: &str| Path::new(name).starts_with(relative);
    if path.is_dir() || !names().any(|name| inside(&name)) {
        return Ok(path.to_owned());
    }
    for name in names().filter(|name| inside(name)) {
        if let Some(file) = get(&name) {
            unpack(Path::new(&*name), &file)?;
        }
    }
    Ok(cache().join(relative))
}

/// Writes an embedded file into the cache, unless it is there already.
fn unpack(relative: &Path, file: &EmbeddedFile) -> Result<PathBuf, OutputError> {
    let path = cache().join(relative);
    if fs::read(&path).is_ok_and(|bytes| bytes == *file.data) {
        return Ok(path);
    }
    fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).map_err(OutputError::at(&path))?;
    // Another process may unpack the same file: each writes its own copy and renames it.
    let part = path.with_added_extension(std::process::id().to_string());
    fs::write(&part, &*file.data)
        .and_then(|()| fs::rename(&part, &path))
        .map_err(OutputError::at(&path))?;
    Ok(path)
}

/// The folder into which this version's embedded files are unpacked.
fn cache() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let caches = variable("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| variable("HOME").map(|home| Path::new(&home).join(".cache")))
        .unwrap_or_else(std::env::temp_dir);
    caches
        .join("localise")
        .join(concat!("assets-", env!("CARGO_PKG_VERSION")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is embedded is what is in the repository, and no model is in it.
    #[test]
    fn embedded_files_are_those_of_the_repository() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut count = 0;
        for name in names() {
            let embedded = get(&name).expect("a listed file").data;
            assert_eq!(
                embedded,
                fs::read(root.join(&*name)).expect("a file"),
                "{name}"
            );
            assert!(!name.ends_with(".onnx"), "{name}");
            count += 1;
        }
        assert!(names().any(|name| name == "data/sample/images/coffee.jpg"));
        assert!(names().any(|name| name == "pipelines/studies/smoke.toml"));
        assert!(
            names().any(|name| name == "data/classes/imagenet1k.csv"),
            "{count} files"
        );
    }
}
