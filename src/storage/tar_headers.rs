//! The members of a tar archive, by its headers. The content of members is skipped.
//!
//! Long names of GNU tar and the extended headers of POSIX (PAX) are understood, and names may be any
//! bytes. A tar in a tar is read in place.

use std::io::{self, Read};
use std::panic::resume_unwind;

use tar::{Archive, EntryType, Header};

use super::index::{Entries, Entry, Member, Place, as_path, folder_of, joined, shown};
use super::section::{Section, Source};

/// Archives are made of blocks of this size.
const BLOCK: u64 = 512;

/// How deep a tar may be in other tars. Deeper ones are plain files.
const MAX_DEPTH: usize = 4;

/// The longest padding at the end of an archive. Programs fill the last record, of 10 KiB by default.
const MAX_PADDING: u64 = 1 << 20;

/// A tar archive: a whole file, or a part of one.
pub(super) struct Tar<'a> {
    pub(super) source: &'a Source,
    pub(super) start: u64,
    pub(super) length: u64,
    /// The path of this archive in the file; empty for the file itself.
    pub(super) name: &'a [u8],
    /// How many tars this one is in.
    pub(super) depth: usize,
}

/// What is in an archive, in its order.
///
/// # Errors
/// A text when the archive is damaged or truncated, or has a member that cannot be read as it is
/// meant.
pub(super) fn read(tar: &Tar<'_>) -> Result<Entries, String> {
    let (mut found, end) = read_headers(tar)?;
    found.notes.extend(check_end(tar, end)?);
    let inner: Vec<Entry> = found
        .entries
        .extract_if(.., |entry| tar.inner(entry).is_some())
        .collect();
    for part in read_all(tar, &inner) {
        let part = part?;
        found.entries.extend(part.entries);
        found.notes.extend(part.notes);
    }
    Ok(found)
}

/// What is in the tars that are members of this one, in their order.
///
/// The threads are not rayon's: the caller holds a lock, and a thread of rayon that waits may begin
/// other work that needs the same lock.
fn read_all(tar: &Tar<'_>, inner: &[Entry]) -> Vec<Result<Entries, String>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let chunks = inner.chunks(inner.len().div_ceil(threads).max(1));
    std::thread::scope(|scope| {
        let running: Vec<_> = chunks
            .map(|chunk| scope.spawn(|| read_chunk(tar, chunk)))
            .collect();
        running
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    })
}

fn read_chunk(tar: &Tar<'_>, chunk: &[Entry]) -> Vec<Result<Entries, String>> {
    let inner = chunk.iter().filter_map(|entry| tar.inner(entry));
    inner.map(|inner| read(&inner)).collect()
}

impl Tar<'_> {
    fn section(&self, start: u64, length: u64) -> Section {
        Section::new(self.source.clone(), self.start + start, length)
    }

    /// The tar that a member is, if it is one.
    fn inner<'a>(&'a self, entry: &'a Entry) -> Option<Tar<'a>> {
        let Entry::File(Member {
            name,
            length,
            place: Place::Tar { start },
        }) = entry
        else {
            return None;
        };
        let is_named_so = as_path(name)
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("tar"));
        let inner = Tar {
            source: self.source,
            start: *start,
            length: *length,
            name,
            depth: self.depth + 1,
        };
        let mut beginning = inner.section(0, inner.length);
        let is_tar = is_named_so && inner.depth < MAX_DEPTH && begins_with_header(&mut beginning);
        is_tar.then_some(inner)
    }

    /// An error's text with the name of the archive in front, if it is in another one.
    fn fault(&self, fault: impl std::fmt::Display) -> String {
        if self.name.is_empty() {
            fault.to_string()
        } else {
            format!("{}: {fault}", shown(self.name))
        }
    }

    /// The path in the file of the member with this name.
    fn member_name(&self, raw: &[u8]) -> Result<Box<[u8]>, String> {
        let leads_out = raw.split(|&byte| byte == b'/').any(|part| part == b"..");
        let name = joined(self.name, raw).filter(|_| !leads_out);
        name.ok_or_else(|| {
            self.fault(format!(
                "{}: this name leads out of the archive",
                shown(raw)
            ))
        })
    }

    fn entry<R: Read>(&self, entry: &mut tar::Entry<'_, R>) -> Result<Option<Entry>, String> {
        let raw = entry.path_bytes().into_owned();
        let name = self.member_name(&raw)?;
        let (kind, length, start) = (
            entry.header().entry_type(),
            entry.size(),
            entry.raw_file_position(),
        );
        let end = start.checked_add(length);
        if end.is_none_or(|end| end > self.length) {
            let archive = self.length;
            let fault = format!(
                "it is truncated: it ends at byte {archive}, inside of {}, which begins at byte \
                 {start} and has {length} bytes",
                shown(&raw)
            );
            return Err(self.fault(fault));
        }
        // Before there was a type for folders, their names ended with a slash.
        if kind.is_dir() || raw.ends_with(b"/") {
            return Ok(None);
        }
        if is_sparse(entry, kind) {
            let fault = format!(
                "{} is stored as a sparse file, which is not read",
                shown(&raw)
            );
            return Err(self.fault(fault));
        }
        let target = entry.link_name_bytes();
        let target = target.as_deref().unwrap_or_default();
        Ok(match kind {
            EntryType::Regular | EntryType::Continuous => Some(Entry::File(Member {
                name,
                length,
                place: Place::Tar {
                    start: self.start + start,
                },
            })),
            EntryType::Link => Some(Entry::Link {
                name,
                target: joined(self.name, target),
            }),
            EntryType::Symlink => Some(Entry::Link {
                target: joined(folder_of(&name), target).filter(|_| !target.starts_with(b"/")),
                name,
            }),
            _ => None,
        })
    }
}

/// The entries of the archive itself, and the position behind the last one.
fn read_headers(tar: &Tar<'_>) -> Result<(Entries, u64), String> {
    let mut archive = Archive::new(tar.section(0, tar.length));
    let mut found = Entries::default();
    let (mut end, mut others) = (0, 0);
    let damaged = |end: u64, error: io::Error| {
        tar.fault(if end == 0 {
            "it is not a tar archive".to_owned()
        } else {
            format!("it is damaged at byte {end}: {error}")
        })
    };
    let entries = archive.entries_with_seek();
    for entry in entries.map_err(|e| damaged(0, e))? {
        let mut entry = entry.map_err(|e| damaged(end, e))?;
        let kind = entry.header().entry_type();
        end = entry.raw_file_position() + entry.size().next_multiple_of(BLOCK);
        match tar.entry(&mut entry)? {
            Some(entry) => found.entries.push(entry),
            None if kind.is_dir() || kind.is_pax_global_extensions() => {}
            None => others += usize::from(!kind.is_file()),
        }
    }
    if others > 0 {
        let note = format!("{others} members that are neither files nor links were left out");
        found.notes.push(tar.fault(note));
    }
    Ok((found, end))
}

/// Checks that there is nothing behind the end of an archive. A note where its mark is missing.
fn check_end(tar: &Tar<'_>, end: u64) -> Result<Option<String>, String> {
    let left = tar.length.saturating_sub(end);
    if left < BLOCK {
        let note = "the mark at the end of the archive is missing: it may be incomplete";
        return Ok(Some(tar.fault(note)));
    }
    let mut rest = Vec::new();
    let mut section = tar.section(end, left).take(MAX_PADDING);
    section.read_to_end(&mut rest).map_err(|e| tar.fault(e))?;
    if left > MAX_PADDING || rest.iter().any(|&byte| byte != 0) {
        let fault = format!(
            "it ends at byte {end}, but the file has {} bytes: it was not downloaded completely, or \
             several archives were joined",
            tar.length
        );
        return Err(tar.fault(fault));
    }
    Ok(None)
}

/// Whether a member is a sparse file, in one of the two ways of GNU tar.
fn is_sparse<R: Read>(entry: &mut tar::Entry<'_, R>, kind: EntryType) -> bool {
    let mut extensions = entry.pax_extensions().ok().flatten().into_iter().flatten();
    kind.is_gnu_sparse()
        || extensions.any(|e| e.is_ok_and(|e| e.key_bytes().starts_with(b"GNU.sparse.")))
}

/// Whether a section begins with the header of a member.
fn begins_with_header(section: &mut Section) -> bool {
    let mut header = Header::new_old();
    let read = section.read_exact(header.as_mut_bytes());
    // The checksum is the sum of all bytes, where its own eight bytes are taken as blanks.
    let bytes = header.as_bytes();
    let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u32::from(byte)).sum::<u32>();
    let expected = sum(&bytes[..148]) + 8 * u32::from(b' ') + sum(&bytes[156..]);
    read.is_ok() && header.cksum().is_ok_and(|found| found == expected)
}
