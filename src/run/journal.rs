//! The journal of a shard: what is known of each photo, appended and synced as results come, readable
//! after any interruption.
//!
//! The first line is the [`Header`]. After it come a [`JournalEntry`] for each photo, in the order in
//! which they were done, and a [`ProcessRecord`] for each process that worked on the shard. If a photo
//! has two entries, the later one counts. A process that dies can leave damaged lines at the end only;
//! these are dropped. Damage that is followed by a readable line cannot be caused by a crash, so it is
//! an error.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::journal_line::{Header, JournalEntry, JournalLine, decode, encode, read_header};
use super::manifest::ProcessRecord;
use crate::fs::{OutputError, sync_folder, write_atomically};
use crate::remedy::{Refused, Remedy};

/// Where an entry is in the file.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u64,
    length: usize,
    failed: bool,
}

/// An open journal.
#[derive(Debug)]
pub(super) struct Journal {
    pub(super) path: PathBuf,
    pub(super) header: Header,
    pub(super) processes: Vec<ProcessRecord>,
    file: File,
    entries: BTreeMap<usize, Span>,
    /// The end of the lines that are complete and synced.
    end: u64,
    /// Whether damaged lines follow.
    pub(super) torn: bool,
}

impl Journal {
    /// Creates a journal that holds its header.
    pub(super) fn create(path: &Path, header: Header) -> Result<Self, OutputError> {
        let line = JournalLine::Header(Box::new(header.clone()));
        let bytes = encode(&line);
        write_atomically(path, &bytes)?;
        let end = bytes.len() as u64;
        Ok(Self {
            path: path.to_owned(),
            header,
            processes: vec![],
            file: open_to_append(path, end)?,
            entries: BTreeMap::new(),
            end,
            torn: false,
        })
    }

    /// Reads a journal.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged before a readable line, or has another format.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let cannot_read = OutputError::reading(path);
        let file = File::open(path).map_err(&cannot_read)?;
        let mut reader = BufReader::with_capacity(1 << 16, &file);
        let mut line = Vec::new();
        let mut start = reader.read_until(b'\n', &mut line).map_err(&cannot_read)? as u64;
        let header = read_header(path, &line)?;
        let mut lines = Lines {
            end: start,
            ..Lines::default()
        };
        loop {
            line.clear();
            let length = reader.read_until(b'\n', &mut line).map_err(&cannot_read)?;
            if length == 0 {
                break;
            }
            lines.take(path, &line, start)?;
            start += length as u64;
        }
        let Lines {
            processes,
            entries,
            end,
            torn,
        } = lines;
        Ok(Self {
            path: path.to_owned(),
            header,
            processes,
            file,
            entries,
            end,
            torn,
        })
    }

    /// Refuses the journal of a finished shard that does not hold exactly the shard's photos.
    pub(super) fn ensure_complete(&self) -> Result<()> {
        let (path, shard) = (self.path.display(), self.header.shard);
        if self.torn {
            bail!(Refused::with_advice(
                format!("{path}: damaged at its end"),
                "restore it, or remove it and run the shard again",
            ));
        }
        if !self.places().all(|place| shard.holds(place)) {
            bail!(Refused::with_advice(
                format!("{path} contains photos of another shard"),
                "remove it and run the shard again",
            ));
        }
        let found = self.places().count();
        let expected = shard.places(self.header.fingerprint.images).count();
        if found != expected {
            bail!(Refused::with_advice(
                format!("{path} holds {found} of its {expected} photos"),
                "remove it and run the shard again",
            ));
        }
        Ok(())
    }

    /// Makes a journal that was read ready for more lines. A damaged end is cut off.
    pub(super) fn reopen(&mut self) -> Result<(), OutputError> {
        self.file = open_to_append(&self.path, self.end)?;
        self.torn = false;
        Ok(())
    }

    /// Appends lines and syncs them. If that fails, none of them counts: whatever a failed sync left
    /// in the system's cache is cut off again, so that it cannot be mistaken for data on the disk.
    pub(super) fn append(&mut self, lines: Vec<JournalLine>) -> Result<(), OutputError> {
        let mut bytes = Vec::new();
        let mut added = Vec::new();
        for line in &lines {
            let start = bytes.len();
            bytes.extend(encode(line));
            if let JournalLine::Photo(entry) = line {
                let span = Span {
                    start: self.end + start as u64,
                    length: bytes.len() - start,
                    failed: entry.failure.is_some(),
                };
                added.push((entry.place, span));
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
        self.processes
            .extend(lines.into_iter().filter_map(|line| match line {
                JournalLine::Process(process) => Some(process),
                _ => None,
            }));
        Ok(())
    }

    /// Gives the journal of a finished shard its final name.
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

    /// How many photos are done. Photos that failed do not count: they are tried again when the
    /// shard is resumed, since the cause may have been fixed.
    pub(super) fn done(&self) -> usize {
        self.entries.values().filter(|span| !span.failed).count()
    }

    /// How many photos failed.
    pub(super) fn failed(&self) -> usize {
        self.entries.len() - self.done()
    }

    /// Whether a photo is done.
    pub(super) fn is_done(&self, place: usize) -> bool {
        self.entries.get(&place).is_some_and(|span| !span.failed)
    }

    /// The places of all photos that have an entry, ascending.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> {
        self.entries.keys().copied()
    }

    /// The entry of a photo that has one.
    pub(super) fn entry(&self, place: usize) -> Result<JournalEntry> {
        let Span { start, length, .. } = self.entries[&place];
        let mut line = vec![0; length];
        let read = self.file.read_exact_at(&mut line, start);
        read.map_err(OutputError::reading(&self.path))?;
        match decode(&line) {
            Some(JournalLine::Photo(entry)) => Ok(entry),
            _ => {
                let path = self.path.display();
                bail!(Refused::with_advice(
                    format!("{path}: changed at byte {start} while it was read"),
                    "run the same command again, and nothing else in this folder meanwhile",
                ))
            }
        }
    }
}

/// What is known after some lines of a journal.
#[derive(Default)]
struct Lines {
    processes: Vec<ProcessRecord>,
    entries: BTreeMap<usize, Span>,
    end: u64,
    torn: bool,
}

impl Lines {
    /// Takes the line that begins at `start`.
    fn take(&mut self, path: &Path, line: &[u8], start: u64) -> Result<()> {
        let Some(content) = decode(line) else {
            // Only an error if a readable line follows: see above.
            self.torn = true;
            return Ok(());
        };
        let damaged = |what: String| {
            let message = format!("{}: {what}", path.display());
            Err(Refused::new(message, Remedy::RestoreOrFresh).into())
        };
        if self.torn {
            let end = self.end;
            return damaged(format!(
                "damaged at byte {end}, with readable lines after it"
            ));
        }
        match content {
            JournalLine::Photo(entry) => {
                let span = Span {
                    start,
                    length: line.len(),
                    failed: entry.failure.is_some(),
                };
                self.entries.insert(entry.place, span);
            }
            JournalLine::Process(process) => self.processes.push(process),
            JournalLine::Header(_) => return damaged(format!("a second header at byte {start}")),
        }
        self.end = start + line.len() as u64;
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::super::shard::Shard;
    use super::*;
    use crate::localiser::FailureKind;
    use crate::results::{Failure, Row, RowStatus};
    use crate::stage::StageTimes;

    fn entry(place: usize, failed: bool) -> JournalLine {
        let id = format!("photo {place}");
        let failure = failed.then(|| Failure {
            id: id.clone(),
            path: id.clone(),
            kind: FailureKind::Image,
            reason: "torn, \"cut\"\nand more".into(),
        });
        let row = Row {
            status: RowStatus::Ok,
            ..Row::failed(&id, Some(3), "")
        };
        let rows = vec![row.with_box(crate::geometry::BBox::new(0.1, 1.0 / 3.0, 17.0, 99.9))];
        JournalLine::Photo(JournalEntry {
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
                journal.is_done(0),
                journal.is_done(2)
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
                    // If the newline before the last line is damaged, the last two lines are read
                    // as one, and both are lost.
                    let left = if place + 1 == starts[3] {
                        (1, 0)
                    } else {
                        (1, 1)
                    };
                    assert!(journal.torn && place + 1 >= starts[3], "byte {place}");
                    assert_eq!((journal.done(), journal.failed()), left, "byte {place}");
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

    /// A file that is not a journal of this version is refused.
    #[test]
    fn other_files_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("shard-0.part");
        let old = Header {
            format: 0,
            ..header()
        };
        let cases = [
            (vec![], "damaged at byte 0, or not a journal"),
            (
                b"image_id,class_index\n".to_vec(),
                "damaged at byte 0, or not a journal",
            ),
            (
                encode(&entry(0, false)),
                "damaged at byte 0, or not a journal",
            ),
            (
                encode(&JournalLine::Header(Box::new(old))),
                "the journal has format 0, but this program writes format 1",
            ),
        ];
        for (bytes, expected) in cases {
            fs::write(&path, bytes).expect("a file");
            let error = format!("{:#}", Journal::read(&path).expect_err(expected));
            assert!(error.contains(expected), "{error}");
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
        let again = Journal::read(&path).expect("a journal");
        assert_eq!(
            (
                again.done(),
                again.failed(),
                again.places().collect::<Vec<_>>()
            ),
            (3, 0, vec![0, 1, 2])
        );
        let JournalLine::Photo(expected) = entry(0, false) else {
            unreachable!("an entry")
        };
        let found = again.entry(0).expect("an entry");
        assert_eq!(
            (found.rows, found.place, found.failure.is_none()),
            (expected.rows, 0, true)
        );
    }
}
