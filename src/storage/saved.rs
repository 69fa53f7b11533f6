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
use serde::{Deserialize, Serialize, Serializer};

use super::archive::{self, Archive, Origin, Stamp};
use super::index::{Index, Member, Place, shown};
use crate::path_text;

/// The file in the folder of a run.
const FILE: &str = "archives.json.gz";

/// An index as it is read back.
#[derive(Deserialize)]
struct SavedIndex {
    #[serde(with = "crate::path_text")]
    archive: PathBuf,
    stamp: Stamp,
    /// Name, first byte and length of each member.
    members: Vec<(String, u64, u64)>,
    broken: Vec<String>,
    notes: Vec<String>,
}

/// The same as it is written.
#[derive(Serialize)]
struct IndexToSave<'a> {
    archive: String,
    stamp: Stamp,
    members: MembersToSave<'a>,
    broken: Vec<String>,
    notes: &'a [String],
}

/// The members are written one by one: there may be more than a million.
struct MembersToSave<'a>(&'a [Member]);

impl Serialize for MembersToSave<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().map(|member| {
            let (Place::Tar { start } | Place::Zip { header: start, .. }) = member.place;
            (shown(&member.name), start, member.length)
        }))
    }
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

/// Saves the indexes of all tar archives in use, unless all of them were saved before.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn save_indexes(folder: &Path) -> io::Result<()> {
    let archives = archive::in_use();
    if !archives
        .iter()
        .any(|archive| archive.origin == Origin::Headers)
    {
        return Ok(());
    }
    let tars = archives
        .iter()
        .filter(|archive| archive.origin != Origin::Quick);
    let saved: Vec<IndexToSave<'_>> = tars.map(|archive| IndexToSave::from(&**archive)).collect();
    // Shards may do this at the same time. The file is not synced: a damaged one is made again.
    let own = folder.join(format!("{FILE}.{}", std::process::id()));
    let written = write(&own, &saved).and_then(|()| fs::rename(&own, folder.join(FILE)));
    if written.is_err() {
        let _ = fs::remove_file(own);
    }
    written
}

fn write(path: &Path, saved: &[impl Serialize]) -> io::Result<()> {
    let packed = GzEncoder::new(File::create(path)?, Compression::fast());
    let mut text = BufWriter::new(packed);
    serde_json::to_writer(&mut text, saved)?;
    text.into_inner()?.finish().map(drop)
}

fn read(path: &Path) -> io::Result<Vec<SavedIndex>> {
    let packed = GzDecoder::new(File::open(path)?);
    Ok(serde_json::from_reader(BufReader::new(packed))?)
}

impl<'a> From<&'a Archive> for IndexToSave<'a> {
    fn from(archive: &'a Archive) -> Self {
        let index = &archive.index;
        Self {
            archive: path_text::encode(&archive.path),
            stamp: archive.stamp,
            members: MembersToSave(&index.members),
            broken: index.broken.iter().map(|name| shown(name)).collect(),
            notes: &index.notes,
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
        let mut index = Index::from(saved.remove(0));
        index.members[0].name = Box::from(&b"from the index"[..]);
        let metadata = fs::metadata(&other).expect("a file");
        let changed = IndexToSave {
            archive: path_text::encode(&other),
            stamp: Stamp::from(&metadata),
            members: MembersToSave(&index.members),
            broken: vec![],
            notes: &[],
        };
        write(&file(FILE), &[changed]).expect("an index");
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
