//! Archives in use: their indexes, made when they are first needed and kept for the whole process.

use std::collections::HashMap;
use std::fmt::Display;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use flate2::read::MultiGzDecoder;
use rawzip::FileReader;
use serde::{Deserialize, Serialize};

use super::index::Index;
use super::section::Source;
use super::tar_headers::{self, Tar};
use super::zip_directory;
use crate::remedy::Refused;

/// A compressed tar that is larger when it is unpacked is refused, bytes.
const MAX_UNPACKED: u64 = 1 << 30;

/// By what an archive is recognised again: another version of it has another size or time.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Stamp {
    size: u64,
    /// Seconds and nanoseconds since 1970.
    modified: (i64, i64),
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// An archive and its index.
#[derive(Debug)]
pub(super) struct Archive {
    pub(super) path: PathBuf,
    pub(super) stamp: Stamp,
    pub(super) index: Index,
    /// The content of a compressed tar.
    unpacked: Option<Arc<Vec<u8>>>,
    pub(super) origin: Origin,
}

/// Where an index comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// From all headers of a tar. It is worth saving.
    Headers,
    /// From the file in which it was saved.
    Saved,
    /// From the directory of a zip, or from a tar in memory. It is made at once.
    Quick,
}

/// An archive that is in use, or that is being indexed by the thread that holds the lock.
type Slot = Arc<Mutex<Option<Arc<Archive>>>>;

static ARCHIVES: LazyLock<Mutex<HashMap<PathBuf, Slot>>> = LazyLock::new(Mutex::default);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the archive has been used.
pub(super) fn is_known(path: &Path) -> bool {
    lock(&ARCHIVES).contains_key(path)
}

/// The archives in use, sorted by path.
pub(super) fn in_use() -> Vec<Arc<Archive>> {
    let slots: Vec<Slot> = lock(&ARCHIVES).values().cloned().collect();
    let mut archives: Vec<_> = slots.iter().filter_map(|slot| lock(slot).clone()).collect();
    archives.sort_by(|a, b| a.path.cmp(&b.path));
    archives
}

/// Makes the index of an archive known.
pub(super) fn add(path: &Path, stamp: Stamp, index: Index) {
    let archive = Archive {
        path: path.to_owned(),
        stamp,
        index,
        unpacked: None,
        origin: Origin::Saved,
    };
    let slot = lock(&ARCHIVES).entry(path.to_owned()).or_default().clone();
    *lock(&slot) = Some(Arc::new(archive));
}

/// The archive at this path, whose file has this stamp.
///
/// # Errors
/// When it cannot be opened, or, of kind `Other`, when it cannot be used.
pub(super) fn get(path: &Path, stamp: Stamp) -> io::Result<Arc<Archive>> {
    let slot = lock(&ARCHIVES).entry(path.to_owned()).or_default().clone();
    let mut slot = lock(&slot);
    if let Some(archive) = slot.as_ref().filter(|archive| archive.stamp == stamp) {
        return Ok(archive.clone());
    }
    let archive = Arc::new(Archive::read(path)?);
    *slot = Some(archive.clone());
    Ok(archive)
}

/// An error of the archive as a whole.
pub(super) fn unusable(path: &Path, fault: impl Display) -> io::Error {
    io::Error::other(Refused::from(format!("{}: {fault}", path.display())))
}

impl Archive {
    fn read(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let stamp = Stamp::from(&file.metadata()?);
        let mut start = [0; 8];
        let count = rawzip::ReaderAt::read_at(&FileReader::from(file.try_clone()?), &mut start, 0)?;
        let kind = Kind::recognise(&start[..count], path).map_err(|e| unusable(path, e))?;
        let source: Source = Arc::new(FileReader::from(file.try_clone()?));
        let mut unpacked = None;
        let found = match kind {
            Kind::Tar => tar_headers::read(&whole(&source, stamp.size)),
            Kind::Zip => zip_directory::read(file, &source),
            Kind::GzipTar => {
                let content = unpacked.insert(Arc::new(unpack(path, file)?));
                let in_memory: Source = content.clone();
                tar_headers::read(&whole(&in_memory, content.len() as u64))
            }
        };
        Ok(Self {
            path: path.to_owned(),
            stamp,
            index: Index::new(found.map_err(|e| unusable(path, e))?),
            unpacked,
            origin: match kind {
                Kind::Tar => Origin::Headers,
                Kind::Zip | Kind::GzipTar => Origin::Quick,
            },
        })
    }

    /// The bytes that the index refers to.
    ///
    /// # Errors
    /// When the archive cannot be opened, or is not the one that was indexed.
    pub(super) fn source(&self) -> io::Result<Source> {
        if let Some(content) = &self.unpacked {
            return Ok(content.clone());
        }
        let file = File::open(&self.path)?;
        if Stamp::from(&file.metadata()?) != self.stamp {
            return Err(unusable(&self.path, "it was changed while it was read"));
        }
        Ok(Arc::new(FileReader::from(file)))
    }
}

fn whole(source: &Source, length: u64) -> Tar<'_> {
    Tar {
        source,
        start: 0,
        length,
        name: b"",
        depth: 0,
    }
}

/// The content of a compressed tar.
fn unpack(path: &Path, file: File) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let read = MultiGzDecoder::new(file)
        .take(MAX_UNPACKED + 1)
        .read_to_end(&mut content);
    read.map_err(|e| unusable(path, format!("it is damaged or truncated: {e}")))?;
    if content.len() as u64 > MAX_UNPACKED {
        let (shown, limit) = (path.display(), MAX_UNPACKED >> 30);
        return Err(io::Error::other(Refused::with_advice(
            format!(
                "{shown}: it is compressed as a whole, so that it cannot be read at random, and has \
                 more than {limit} GiB when it is unpacked"
            ),
            "unpack it with gunzip: the tar that it gives is read as it is",
        )));
    }
    Ok(content)
}

/// The kinds of archives.
#[derive(Clone, Copy)]
enum Kind {
    Tar,
    Zip,
    GzipTar,
}

impl Kind {
    /// The kind of an archive by its first bytes. A zip may have a program in front of it, which its
    /// name then tells.
    fn recognise(start: &[u8], path: &Path) -> Result<Self, String> {
        let others: [(&[u8], &str); 4] = [
            (b"BZh", "bzip2"),
            (b"\xFD7zXZ\0", "xz"),
            (b"\x28\xB5\x2F\xFD", "zstd"),
            (b"7z\xBC\xAF\x27\x1C", "7-Zip"),
        ];
        if let Some((_, name)) = others.iter().find(|(magic, _)| start.starts_with(magic)) {
            return Err(format!("it is compressed by {name}, which is not read"));
        }
        let is_named_zip = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("zip"));
        Ok(if start.starts_with(b"PK") || is_named_zip {
            Self::Zip
        } else if start.starts_with(b"\x1F\x8B") {
            Self::GzipTar
        } else {
            Self::Tar
        })
    }
}
