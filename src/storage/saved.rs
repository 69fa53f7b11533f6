//! The indexes of a run's tar archives, on disk: a run that is resumed, and the other shards, need not
//! seek through the archives again.
//!
//! The file is gzip-compressed JSON. gzip's checksum shows whether it is damaged; a damaged file, and
//! an index of another version of its archive, are ignored.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use super::archive::{self, Archive, Stamp};
use super::index::{Index, Member, Place, shown};
use crate::fs::write_atomically_with;
use crate::path_text;

/// The file in the folder of a run.
const FILE: &str = "archives.json.gz";

/// An index as it is saved.
#[derive(Deserialize, PartialEq, Serialize)]
struct SavedIndex {
    #[serde(with = "crate::path_text")]
    archive: PathBuf,
    stamp: Stamp,
    /// Name, first byte and length of each member.
    members: Vec<(String, u64, u64)>,
    broken: Vec<String>,
    notes: Vec<String>,
}

/// Makes the indexes that are saved in a folder known, if their archives are still the same.
pub(crate) fn load_indexes(folder: &Path) {
    for saved in read(&folder.join(FILE)).unwrap_or_default() {
        let metadata = fs::metadata(&saved.archive);
        if metadata.is_ok_and(|metadata| Stamp::from(&metadata) == saved.stamp) {
            archive::add(&saved.archive.clone(), saved.stamp, saved.into());
        }
    }
}

/// Saves the indexes of all tar archives in use, unless they are in the folder already.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn save_indexes(folder: &Path) -> io::Result<()> {
    let archives = archive::in_use();
    let tars = archives.iter().filter(|archive| archive.is_plain_tar);
    let saved: Vec<SavedIndex> = tars.map(|archive| SavedIndex::from(&**archive)).collect();
    let path = folder.join(FILE);
    if saved.is_empty() || read(&path).is_ok_and(|old| old == saved) {
        return Ok(());
    }
    // Shards may do this at the same time.
    let own = folder.join(format!("{FILE}.{}", std::process::id()));
    write_atomically_with(&own, |file| {
        let mut packed = GzEncoder::new(file, Compression::fast());
        serde_json::to_writer(BufWriter::new(&mut packed), &saved)?;
        packed.finish()?.flush()
    })?;
    fs::rename(own, path)
}

fn read(path: &Path) -> io::Result<Vec<SavedIndex>> {
    let packed = GzDecoder::new(File::open(path)?);
    Ok(serde_json::from_reader(BufReader::new(packed))?)
}

impl From<&Archive> for SavedIndex {
    fn from(archive: &Archive) -> Self {
        let index = &archive.index;
        let members = index.members.iter().map(|member| {
            let (Place::Tar { start } | Place::Zip { header: start, .. }) = member.place;
            (shown(&member.name), start, member.length)
        });
        Self {
            archive: archive.path.clone(),
            stamp: archive.stamp,
            members: members.collect(),
            broken: index.broken.iter().map(|name| shown(name)).collect(),
            notes: index.notes.clone(),
        }
    }
}

impl From<SavedIndex> for Index {
    fn from(saved: SavedIndex) -> Self {
        let name = |text: &str| {
            path_text::decode(text)
                .into_os_string()
                .into_encoded_bytes()
        };
        let members = saved
            .members
            .into_iter()
            .map(|(text, start, length)| Member {
                name: name(&text).into(),
                length,
                place: Place::Tar { start },
            });
        Self {
            members: members.collect(),
            broken: saved.broken.iter().map(|text| name(text).into()).collect(),
            notes: saved.notes,
        }
    }
}
