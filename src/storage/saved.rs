//! The indexes of a run's tar archives, on disk: a run that is resumed, and the other shards, need not
//! seek through the archives again.
//!
//! The file is gzip-compressed JSON. gzip's checksum shows whether it is damaged; a damaged file, and
//! an index of another version of its archive, are ignored.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use super::archive::{self, Archive, Stamp};
use super::index::{Index, Member, Place, shown};
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
    // Shards may do this at the same time. The file is not synced: a damaged one is made again.
    let own = folder.join(format!("{FILE}.{}", std::process::id()));
    let written = write(&own, &saved).and_then(|()| fs::rename(&own, path));
    if written.is_err() {
        let _ = fs::remove_file(own);
    }
    written
}

fn write(path: &Path, saved: &[SavedIndex]) -> io::Result<()> {
    let packed = GzEncoder::new(File::create(path)?, Compression::fast());
    let mut text = BufWriter::new(packed);
    serde_json::to_writer(&mut text, saved)?;
    text.into_inner()?.finish().map(drop)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::members;

    #[test]
    fn a_saved_index_is_used_unless_it_is_damaged_or_old() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str| folder.path().join(name);
        fs::write(file("K\\xE4\n.jpg"), "a").expect("a file");
        let pack = |archive: &Path| {
            let file_of = File::create(archive).expect("a file");
            let mut tar = tar::Builder::new(file_of);
            tar.append_path_with_name(file("K\\xE4\n.jpg"), "x/K\\xE4\n.jpg")
                .expect("a member");
            tar.finish().expect("an archive");
        };
        let archive = file("a.tar");
        pack(&archive);
        let found = members(&archive).expect("an archive");
        save_indexes(folder.path()).expect("an index");
        let whole = fs::read(file(FILE)).expect("an index");
        let mut saved = read(&file(FILE)).expect("an index");
        // Other tests of this process have used other archives.
        saved.retain(|saved| saved.archive == archive);
        assert_eq!(
            saved[0].members,
            [("x/K\\x5CxE4\\x0A.jpg".to_owned(), 512, 1)]
        );

        // The index of a file of the same size and time is used: it says what no archive says.
        let other = file("b.tar");
        fs::hard_link(&archive, &other).expect("a link");
        saved[0].archive.clone_from(&other);
        saved[0].members[0].0 = "from the index".into();
        write(&file(FILE), &saved).expect("an index");
        let damaged = fs::read(file(FILE)).expect("an index");
        for cut in [0, 1, damaged.len() / 2, damaged.len() - 5] {
            fs::write(file(FILE), &damaged[..cut]).expect("a file");
            load_indexes(folder.path());
            assert!(!archive::is_known(&other), "cut at {cut}");
        }
        fs::write(file(FILE), damaged).expect("a file");
        load_indexes(folder.path());
        assert_eq!(
            members(&other).expect("an index"),
            [Path::new("from the index")]
        );

        // A damaged file is replaced, and an archive that was replaced is indexed again.
        fs::write(file(FILE), &whole[..9]).expect("a file");
        fs::write(file("d"), vec![0; 1024]).expect("a file");
        fs::rename(file("d"), &other).expect("a file");
        assert!(members(&other).expect("an index").is_empty());
        save_indexes(folder.path()).expect("an index");
        assert!(read(&file(FILE)).is_ok());
        assert_eq!(found, [Path::new("x/K\\xE4\n.jpg")]);
    }
}
