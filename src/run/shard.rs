//! Shards: a run split into equal parts, each for its own process, on any machine.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Every `count`-th photo of a dataset, beginning with photo `index`, counted from 0.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(try_from = "ShardFields")]
pub struct Shard {
    /// The part, in 0..count.
    pub index: usize,
    /// The number of parts, at most [`Shard::MAX_COUNT`].
    pub count: usize,
}

/// A shard as a journal states it.
#[derive(Deserialize)]
struct ShardFields {
    index: usize,
    count: usize,
}

impl TryFrom<ShardFields> for Shard {
    type Error = String;

    fn try_from(fields: ShardFields) -> Result<Self, String> {
        let ShardFields { index, count } = fields;
        if count > Self::MAX_COUNT {
            return Err(format!(
                "{count} shards; at most {} can be",
                Self::MAX_COUNT
            ));
        }
        if index >= count {
            return Err(format!("{index}/{count} is not a shard"));
        }
        Ok(Self { index, count })
    }
}

impl Shard {
    /// The largest number of shards, which is more than schedulers start as one job. Whatever lists
    /// shards stays small.
    pub const MAX_COUNT: usize = 1_000_000;

    /// All photos.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Whether the photo at this place of the dataset belongs to the shard.
    #[must_use]
    pub fn holds(self, place: usize) -> bool {
        place % self.count == self.index
    }

    /// The places of its photos in a dataset of this many `photos`.
    pub fn places(self, photos: usize) -> impl Iterator<Item = usize> {
        (self.index..photos).step_by(self.count)
    }

    /// The journal of the finished shard.
    pub(super) fn finished(self, folder: &Path) -> PathBuf {
        folder.join(format!("shard-{}.jsonl", self.index))
    }

    /// The journal of the unfinished shard.
    pub(super) fn part(self, folder: &Path) -> PathBuf {
        folder.join(format!("shard-{}.part", self.index))
    }

    /// The file that the process that runs the shard locks.
    pub(super) fn lock(self, folder: &Path) -> PathBuf {
        folder.join(format!("shard-{}.lock", self.index))
    }
}

/// A journal found in a folder. Its name tells which shard it belongs to.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct JournalFile {
    pub(super) shard_index: usize,
    pub(super) finished: bool,
    pub(super) path: PathBuf,
}

/// The journals in a folder, by shard.
pub(super) fn journals(folder: &Path) -> Vec<JournalFile> {
    let journal = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.strip_prefix("shard-")?;
        let (index, extension) = name.split_once('.')?;
        Some(JournalFile {
            shard_index: index.parse().ok()?,
            finished: match extension {
                "jsonl" => true,
                "part" => false,
                _ => return None,
            },
            path,
        })
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut journals: Vec<_> = entries.filter_map(|entry| journal(entry.path())).collect();
    journals.sort();
    journals
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("'{text}' is not a shard: expected I/N with I from 0 to N - 1, such as 0/4");
        let (index, count) = text.split_once('/').ok_or_else(wrong)?;
        let fields = ShardFields {
            index: index.parse().map_err(|_| wrong())?,
            count: count.parse().map_err(|_| wrong())?,
        };
        fields.try_into().map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_photo_is_in_one_shard() {
        for count in 1..9 {
            let shards = (0..count).map(|index| Shard { index, count });
            let mut places: Vec<_> = shards.clone().flat_map(|shard| shard.places(20)).collect();
            assert!(
                shards
                    .flat_map(|s| s.places(20).map(move |p| (s, p)))
                    .all(|(s, p)| s.holds(p))
            );
            places.sort_unstable();
            assert_eq!(places, Vec::from_iter(0..20));
        }
        assert_eq!("2/7".parse(), Ok(Shard { index: 2, count: 7 }));
        for wrong in ["7/7", "1", "-1/3", "a/b", "1/0", "0/", "0/1000001"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    /// A journal that states no shard: dividing by 0 would panic, and listing what is missing of
    /// very many would fill the memory.
    #[test]
    fn shards_of_damaged_journals_are_refused() {
        for wrong in [
            r#"{"index":0,"count":0}"#,
            r#"{"index":3,"count":3}"#,
            r#"{"index":0,"count":9000000000000000000}"#,
        ] {
            assert!(serde_json::from_str::<Shard>(wrong).is_err(), "{wrong}");
        }
    }
}
