//! The journal of a shard: what is known of each photo, appended as it comes and synced, readable
//! after any cut.
//!
//! A line is the CRC-32 of its text in eight hexadecimal digits, a blank, and the text, which is
//! JSON: first the [`Header`], then an [`Entry`] a photo in the order in which they were done, and
//! a [`Session`] for each process that worked on it. Of two entries of one photo the later one
//! counts. A process that dies leaves at most one damaged line, the last, which is dropped; damage
//! anywhere else is nobody's crash, and an error.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::manifest::Session;
use super::{Failure, Fingerprint, Row, Shard, StageTimes};
use crate::publish::{OutputError, publish, sync_folder};

/// The version of this layout.
const FORMAT: u32 = 1;

/// What a journal belongs to.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Header {
    format: u32,
    pub(super) shard: Shard,
    pub(super) fingerprint: Fingerprint,
    /// The run as `run.toml` says it.
    pub(super) run: String,
}

impl Header {
    pub(super) fn new(shard: Shard, fingerprint: Fingerprint, run: String) -> Self {
        Self {
            format: FORMAT,
            shard,
            fingerprint,
            run,
        }
    }
}

/// What is known of a photo.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Entry {
    /// Its place in the dataset.
    pub(super) place: usize,
    pub(super) rows: Vec<Row>,
    pub(super) failure: Option<Failure>,
    /// CPU time by stage. The one thing here that is not the same in every run.
    pub(super) cpu_ms: StageTimes,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Line {
    Header(Box<Header>),
    Session(Session),
    Photo(Entry),
}

/// Where an entry stands in the file.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u64,
    length: usize,
    failed: bool,
}

/// A journal, read and open.
#[derive(Debug)]
pub(super) struct Journal {
    pub(super) path: PathBuf,
    pub(super) header: Header,
    pub(super) sessions: Vec<Session>,
    file: File,
    entries: BTreeMap<usize, Span>,
    /// Where the lines end that are whole and synced.
    end: u64,
    /// Whether a damaged line follows.
    pub(super) torn: bool,
}

impl Journal {
    /// A new journal, which holds its header.
    pub(super) fn create(path: &Path, header: Header) -> Result<Self, OutputError> {
        let line = Line::Header(Box::new(header.clone()));
        let bytes = text(&line);
        publish(path, &bytes)?;
        let (path, end) = (path.to_owned(), bytes.len() as u64);
        let file = open_to_append(&path, end)?;
        Ok(Self {
            path,
            header,
            sessions: vec![],
            file,
            entries: BTreeMap::new(),
            end,
            torn: false,
        })
    }

    /// Reads a journal.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged before its last line, or is of another version.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let unread = OutputError::reading(path);
        let mut reader = BufReader::with_capacity(1 << 16, File::open(path).map_err(&unread)?);
        let mut line = Vec::new();
        let mut next = |line: &mut Vec<u8>| {
            line.clear();
            reader.read_until(b'\n', line).map_err(&unread)
        };
        let mut at = next(&mut line)? as u64;
        let Some(Line::Header(header)) = parsed(&line) else {
            bail!(
                "{shown}: damaged at byte 0\nhelp: --fresh starts over and keeps it beside the new one"
            );
        };
        ensure!(
            header.format == FORMAT,
            "{shown}: its format is {}, this program's {FORMAT}; use another --out or --fresh",
            header.format
        );
        let (mut entries, mut sessions) = (BTreeMap::new(), Vec::new());
        let (mut end, mut torn) = (at, false);
        loop {
            let (start, length) = (at, next(&mut line)?);
            at += length as u64;
            match parsed(&line) {
                _ if length == 0 => break,
                None => torn = true,
                Some(_) if torn => {
                    bail!(
                        "{shown}: damaged at byte {end}, before its end\nhelp: restore it, or start over with --fresh"
                    )
                }
                Some(Line::Photo(entry)) => {
                    entries.insert(
                        entry.place,
                        Span {
                            start,
                            length,
                            failed: entry.failure.is_some(),
                        },
                    );
                }
                Some(Line::Session(session)) => sessions.push(session),
                Some(Line::Header(_)) => {
                    bail!(
                        "{shown}: a second header at byte {start}\nhelp: restore it, or start over with --fresh"
                    )
                }
            }
            if !torn {
                end = at;
            }
        }
        let file = reader.into_inner();
        Ok(Self {
            path: path.into(),
            header: *header,
            sessions,
            file,
            entries,
            end,
            torn,
        })
    }

    /// Refuses the journal of a finished shard that does not hold all its photos.
    pub(super) fn must_be_whole(&self) -> Result<()> {
        let (path, shard) = (self.path.display(), self.header.shard);
        ensure!(
            !self.torn,
            "{path}: damaged at its end\nhelp: restore it, or remove it and run the shard again"
        );
        ensure!(
            self.places().all(|place| shard.holds(place)),
            "{path} overlaps with another shard\nhelp: remove it and run the shard again"
        );
        let (have, want) = (
            self.places().count(),
            shard.places(self.header.fingerprint.images).count(),
        );
        ensure!(
            have == want,
            "{path} holds {have} of its {want} photos\nhelp: remove it and run the shard again"
        );
        Ok(())
    }

    /// Makes a journal that was read ready for more lines; a damaged end is cut off.
    pub(super) fn reopen(&mut self) -> Result<(), OutputError> {
        self.file = open_to_append(&self.path, self.end)?;
        self.torn = false;
        Ok(())
    }

    /// Appends lines and syncs them. When that fails, none of them counts: what a failed sync left
    /// in the system's memory is cut off again, lest it be read as though it were on the disk.
    pub(super) fn append(&mut self, lines: Vec<Line>) -> Result<(), OutputError> {
        let mut bytes = Vec::new();
        let mut added = Vec::new();
        for line in &lines {
            let start = bytes.len();
            bytes.extend(text(line));
            if let Line::Photo(entry) = line {
                let (length, failed) = (bytes.len() - start, entry.failure.is_some());
                added.push((
                    entry.place,
                    Span {
                        start: self.end + start as u64,
                        length,
                        failed,
                    },
                ));
            }
        }
        if let Err(error) = self
            .file
            .write_all(&bytes)
            .and_then(|()| self.file.sync_data())
        {
            let _ = self.file.set_len(self.end);
            return Err(OutputError::at(&self.path)(error));
        }
        self.end += bytes.len() as u64;
        self.entries.extend(added);
        self.sessions
            .extend(lines.into_iter().filter_map(|line| match line {
                Line::Session(session) => Some(session),
                _ => None,
            }));
        Ok(())
    }

    /// Gives the journal of a shard in which every photo is done its final name.
    pub(super) fn finish(&mut self, path: &Path) -> Result<(), OutputError> {
        let finish = || {
            self.file.sync_all()?;
            fs::rename(&self.path, path)?;
            sync_folder(path)
        };
        finish().map_err(OutputError::at(path))?;
        self.path = path.into();
        Ok(())
    }

    /// How many photos are done. Those that failed are not among them: they are done again when a
    /// shard goes on, since what made them fail may have been mended.
    pub(super) fn done(&self) -> usize {
        self.entries.values().filter(|span| !span.failed).count()
    }

    /// How many photos failed.
    pub(super) fn failed(&self) -> usize {
        self.entries.len() - self.done()
    }

    /// Whether the photo is done.
    pub(super) fn has(&self, place: usize) -> bool {
        self.entries.get(&place).is_some_and(|span| !span.failed)
    }

    /// The places of all photos that have an entry, ascending.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> {
        self.entries.keys().copied()
    }

    /// The entry of a photo, which has one.
    pub(super) fn entry(&self, place: usize) -> Result<Entry> {
        let Span { start, length, .. } = self.entries[&place];
        let mut line = vec![0; length];
        self.file
            .read_exact_at(&mut line, start)
            .map_err(OutputError::reading(&self.path))?;
        match parsed(&line) {
            Some(Line::Photo(entry)) => Ok(entry),
            _ => bail!(
                "{}: changed at byte {start} while it was read\nhelp: run the same command again, alone",
                self.path.display()
            ),
        }
    }
}

/// The file, cut off at `end`.
fn open_to_append(path: &Path, end: u64) -> Result<File, OutputError> {
    let open = || {
        let file = File::options().read(true).append(true).open(path)?;
        file.set_len(end)?;
        Ok(file)
    };
    open().map_err(OutputError::at(path))
}

fn text(line: &Line) -> Vec<u8> {
    let json = serde_json::to_string(line).expect("a line has a form");
    format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes())).into_bytes()
}

/// What a line says; `None` when it is damaged.
fn parsed(line: &[u8]) -> Option<Line> {
    let (sum, json) = line.strip_suffix(b"\n")?.split_at_checked(8)?;
    let json = json.strip_prefix(b" ")?;
    let whole = format!("{:08x}", crc32fast::hash(json)).as_bytes() == sum;
    if whole {
        serde_json::from_slice(json).ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Status;

    fn entry(place: usize, failed: bool) -> Line {
        let id = format!("photo {place}");
        let failure = failed.then(|| Failure {
            id: id.clone(),
            path: id.clone(),
            kind: "image".into(),
            reason: "torn, \"cut\"\nand more".into(),
        });
        let row = Row {
            status: Status::Ok,
            ..Row::failed(&id, Some(3), "")
        };
        let rows = vec![row.with_box(crate::geometry::BBox::new(0.1, 1.0 / 3.0, 17.0, 99.9))];
        Line::Photo(Entry {
            place,
            rows,
            failure,
            cpu_ms: StageTimes::default(),
        })
    }

    fn header() -> Header {
        let fingerprint = serde_json::json!({
            "program": "p", "commit": "c", "onnx_runtime": "o", "provider": "cpu", "model": "m", "model_sha256": "1",
            "description_sha256": "2", "pipeline_name": "n", "pipeline_sha256": "3", "dataset": "d",
            "dataset_sha256": "4", "images": 3, "boxes_for": "gt", "seed": 0, "jpeg": "strict", "maps": false,
            "masks": false,
        });
        Header::new(
            Shard::WHOLE,
            serde_json::from_value(fingerprint).expect("a fingerprint"),
            "run".into(),
        )
    }

    /// A journal of three photos, the second of which failed, and where its lines begin.
    fn three(folder: &Path) -> (PathBuf, Vec<usize>) {
        let path = folder.join("shard-0.part");
        let mut journal = Journal::create(&path, header()).expect("a journal");
        for (place, failed) in [(2, false), (0, true), (1, false)] {
            journal.append(vec![entry(place, failed)]).expect("a line");
        }
        assert_eq!(
            (
                journal.done(),
                journal.failed(),
                journal.has(0),
                journal.has(2)
            ),
            (2, 1, false, true)
        );
        let bytes = fs::read(&path).expect("bytes");
        let starts = std::iter::once(0).chain(
            bytes
                .iter()
                .enumerate()
                .filter(|(_, b)| **b == b'\n')
                .map(|(i, _)| i + 1),
        );
        (path, starts.collect())
    }

    /// Cut at every byte of its last line, a journal loses that line and no other.
    #[test]
    fn a_torn_end_is_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, starts) = three(folder.path());
        let whole = fs::read(&path).expect("bytes");
        for cut in starts[3]..whole.len() {
            fs::write(&path, &whole[..cut]).expect("a file");
            let mut journal = Journal::read(&path).expect("a journal");
            assert_eq!(
                (journal.done(), journal.torn),
                (1, cut > starts[3]),
                "cut at {cut}"
            );
            journal.reopen().expect("a journal");
            journal.append(vec![entry(1, false)]).expect("a line");
            assert_eq!(fs::read(&path).expect("bytes"), whole, "cut at {cut}");
        }
    }

    /// A changed byte is never taken for a result: damage at the end is dropped, damage before it
    /// is named.
    #[test]
    fn a_changed_byte_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, starts) = three(folder.path());
        let whole = fs::read(&path).expect("bytes");
        for (place, bit) in (0..whole.len()).flat_map(|place| [1, 32, 128].map(|bit| (place, bit)))
        {
            let mut changed = whole.clone();
            changed[place] ^= bit;
            fs::write(&path, &changed).expect("a file");
            match Journal::read(&path) {
                Ok(journal) => {
                    // Without the end of the line before it, the last one is two.
                    let lost = if place + 1 == starts[3] {
                        (1, 0)
                    } else {
                        (1, 1)
                    };
                    assert!(journal.torn && place + 1 >= starts[3], "byte {place}");
                    assert_eq!((journal.done(), journal.failed()), lost, "byte {place}");
                }
                Err(error) => {
                    let error = format!("{error:#}");
                    let line = starts
                        .iter()
                        .rev()
                        .find(|start| **start <= place)
                        .expect("a line");
                    assert!(
                        place < starts[3] && error.contains(&format!("damaged at byte {line}")),
                        "{place}: {error}"
                    );
                }
            }
        }
    }

    /// What is no journal of this version is refused.
    #[test]
    fn other_files_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("shard-0.part");
        let old = Header {
            format: 0,
            ..header()
        };
        let cases = [
            (vec![], "damaged at byte 0"),
            (b"image_id,class_index\n".to_vec(), "damaged at byte 0"),
            (text(&entry(0, false)), "damaged at byte 0"),
            (
                text(&Line::Header(Box::new(old))),
                "its format is 0, this program's 1",
            ),
        ];
        for (bytes, expected) in cases {
            fs::write(&path, bytes).expect("a file");
            let error = format!("{:#}", Journal::read(&path).expect_err(expected));
            assert!(
                error.contains(expected) && error.contains("--fresh"),
                "{error}"
            );
        }
    }

    /// The later of two entries counts, and numbers come back to the last bit.
    #[test]
    fn entries_come_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, _) = three(folder.path());
        let mut journal = Journal::read(&path).expect("a journal");
        journal.reopen().expect("a journal");
        journal.append(vec![entry(0, false)]).expect("a line");
        let journal = Journal::read(&path).expect("a journal");
        assert_eq!(
            (
                journal.done(),
                journal.failed(),
                journal.places().collect::<Vec<_>>()
            ),
            (3, 0, vec![0, 1, 2])
        );
        let Line::Photo(expected) = entry(0, false) else {
            unreachable!("an entry")
        };
        let found = journal.entry(0).expect("an entry");
        assert_eq!(
            (found.rows, found.place, found.failure.is_none()),
            (expected.rows, 0, true)
        );
    }
}
