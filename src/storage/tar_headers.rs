//! The members of a tar archive, by its headers. The content of members is skipped.
//!
//! Long names of GNU tar and the extended headers of POSIX (PAX) are understood, and names may be any
//! bytes. A tar in a tar is read in place.

use std::io::{self, Read};
use std::panic::resume_unwind;

use tar::{Archive, EntryType, Header};

use super::index::{Entries, Entry, Link, Member, Place, as_path, folder_of, joined, shown};
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
        // The length of a sparse member is not that of its bytes in the archive.
        if is_sparse(entry, kind) {
            let fault = format!(
                "{} is stored as a sparse file, which is not read",
                shown(&raw)
            );
            return Err(self.fault(fault));
        }
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
            EntryType::Link => Some(Entry::Link(Link {
                name,
                target: joined(self.name, target),
            })),
            EntryType::Symlink => Some(Entry::Link(Link {
                target: joined(folder_of(&name), target).filter(|_| !target.starts_with(b"/")),
                name,
            })),
            _ => None,
        })
    }
}

/// The entries of the archive itself, and the position behind the last one.
fn read_headers(tar: &Tar<'_>) -> Result<(Entries, u64), String> {
    let mut archive = Archive::new(tar.section(0, tar.length));
    let mut found = Entries::default();
    let (mut end, mut others) = (0, 0);
    let damaged = |at: u64, error: io::Error| {
        tar.fault(if at == 0 {
            "it is not a tar archive".to_owned()
        } else {
            format!("it is damaged at byte {at}: {error}")
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
    let sum = |part: &[u8]| part.iter().map(|&byte| u32::from(byte)).sum::<u32>();
    let expected = sum(&bytes[..148]) + 8 * u32::from(b' ') + sum(&bytes[156..]);
    read.is_ok() && header.cksum().is_ok_and(|found| found == expected)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use crate::storage::{Contents, contents, is_dir, is_file, read};

    /// What GNU tar makes of `names` in `folder`.
    fn pack(folder: &Path, archive: &str, options: &[&str], names: &[&OsStr]) -> PathBuf {
        let archive = folder.join(archive);
        let mut tar = Command::new("tar");
        tar.arg("-cf").arg(&archive).arg("-C").arg(folder);
        let status = tar.args(options).args(names).status().expect("tar");
        assert!(status.success());
        archive
    }

    fn found(archive: &Path) -> Contents {
        contents(archive).unwrap_or_else(|e| panic!("{e}"))
    }

    fn fault(archive: &Path) -> String {
        contents(archive).expect_err("a fault").to_string()
    }

    /// Names of 300 bytes, of any bytes, with links to files, to folders and out of the archive, in
    /// each format of GNU tar: the content is that of the files.
    #[test]
    fn members_are_those_that_tar_stored() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("in");
        let long = format!("{}/{}/c.jpg", "a".repeat(150), "b".repeat(150));
        let odd = OsStr::from_bytes(b"K\xE4tzchen \n\\xE4.jpg");
        let names = [
            Path::new(&long),
            Path::new(odd),
            Path::new("empty"),
            Path::new("x/y.jpg"),
        ];
        for (content, name) in ["one", "two", "", "four"].iter().zip(names) {
            let path = root.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, content.repeat(400)).expect("a file");
        }
        fs::hard_link(root.join("x/y.jpg"), root.join("x/z.jpg")).expect("a link");
        for (target, name) in [
            ("../empty", "x/to-file"),
            ("to-file", "x/to-link"),
            ("x", "to-folder"),
            ("../../../etc/passwd", "outside"),
            ("/etc/passwd", "absolute"),
            ("loop", "loop"),
        ] {
            symlink(target, root.join(name)).expect("a link");
        }
        for format in ["gnu", "pax", "posix"] {
            let option = format!("--format={format}");
            let archive = pack(&root, "../a.tar", &[&option], &[".".as_ref()]);
            let Contents {
                files,
                broken,
                notes,
            } = found(&archive);
            let mut expected: Vec<PathBuf> = names.iter().map(|&name| name.to_owned()).collect();
            expected.extend(["x/to-file", "x/to-link", "x/z.jpg"].map(PathBuf::from));
            expected.sort_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
            assert_eq!(files, expected, "{format}");
            for name in &files {
                let member = read(&archive.join(name)).expect("a member");
                assert_eq!(member, fs::read(root.join(name)).expect("a file"));
            }
            let expected_links = ["absolute", "loop", "outside", "to-folder"];
            assert_eq!(broken, expected_links.map(PathBuf::from), "{format}");
            assert!(notes.is_empty(), "{notes:?}");
            assert!(is_dir(&archive.join("x")) && !is_dir(&archive.join("x/y.jpg")));
            assert!(is_file(&archive.join("x/y.jpg")) && !is_file(&archive.join("x")));
            assert!(!is_file(&archive.join("outside")) && !is_file(&archive));
        }
    }

    #[test]
    fn what_cannot_be_read_as_it_is_meant_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str| folder.path().join(name);
        fs::write(file("a"), "a".repeat(600)).expect("a file");
        fs::write(file("b"), "b").expect("a file");
        let sparse = fs::File::create(file("s")).expect("a file");
        sparse.set_len(1 << 20).expect("a hole");
        let names: [&OsStr; 2] = ["a".as_ref(), "b".as_ref()];
        for format in ["gnu", "pax"] {
            let option = format!("--format={format}");
            let options = ["--sparse", &option];
            let archive = pack(folder.path(), "s.tar", &options, &["s".as_ref()]);
            assert!(fault(&archive).ends_with("s is stored as a sparse file, which is not read"));
        }
        let options = ["-P", "--transform=s,^b,../b,"];
        let archive = pack(folder.path(), "out.tar", &options, &names);
        assert!(fault(&archive).ends_with("../b: this name leads out of the archive"));

        let whole = fs::read(pack(folder.path(), "a.tar", &[], &names)).expect("an archive");
        // A header, two blocks, a header, a block, and the end.
        for (length, expected) in [
            (100, "it is not a tar archive"),
            (
                600,
                "it ends at byte 600, inside of a, which begins at byte 512 and has 600 bytes",
            ),
            (1700, "it is damaged at byte 1536: "),
            (
                2048,
                "it ends at byte 2048, inside of b, which begins at byte 2048 and has 1 bytes",
            ),
        ] {
            fs::write(file("cut.tar"), &whole[..length]).expect("a file");
            let fault = fault(&file("cut.tar"));
            assert!(fault.contains(expected), "{length}: {fault}");
        }
        let joined = [&whole[..], &whole[..]].concat();
        fs::write(file("joined.tar"), joined).expect("a file");
        assert!(fault(&file("joined.tar")).contains("several archives were joined"));
        fs::write(file("page.tar"), "<html>".repeat(1000)).expect("a file");
        assert!(fault(&file("page.tar")).ends_with("it is not a tar archive"));
        fs::write(file("cut.tar"), &whole[..2560]).expect("a file");
        let notes = found(&file("cut.tar")).notes;
        let expected = "the mark at the end of the archive is missing: it may be incomplete";
        assert_eq!(notes, [expected]);
    }

    /// The last of two members with one name counts, as for tar itself. A tar in a tar is a folder.
    #[test]
    fn tars_in_tars_and_repeated_names_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        for (archive, content) in [("n01.tar", "first"), ("n02.tar", "second")] {
            fs::write(path.join("a.jpg"), content).expect("a file");
            pack(path, archive, &[], &["a.jpg".as_ref()]);
        }
        fs::write(path.join("not.tar"), "text").expect("a file");
        let names: [&OsStr; 3] = ["n01.tar".as_ref(), "n02.tar".as_ref(), "not.tar".as_ref()];
        let outer = pack(path, "outer.tar", &[], &names);
        let expected = ["n01.tar/a.jpg", "n02.tar/a.jpg", "not.tar"];
        assert_eq!(found(&outer).files, expected.map(PathBuf::from));
        assert!(is_dir(&outer.join("n01.tar")) && is_file(&outer.join("not.tar")));
        let content = |name: &str| read(&outer.join(name)).expect("a member");
        assert_eq!(content("n02.tar/a.jpg"), b"second");

        fs::write(path.join("a.jpg"), "third").expect("a file");
        let twice = pack(path, "twice.tar", &["a.jpg"], &["n01.tar".as_ref()]);
        fs::write(path.join("a.jpg"), "fourth").expect("a file");
        let mut append = Command::new("tar");
        append
            .arg("-rf")
            .arg(&twice)
            .arg("-C")
            .arg(path)
            .arg("a.jpg");
        assert!(append.status().expect("tar").success());
        let Contents { files, notes, .. } = found(&twice);
        assert_eq!(files, ["a.jpg", "n01.tar/a.jpg"].map(PathBuf::from));
        assert_eq!(read(&twice.join("a.jpg")).expect("a member"), b"fourth");
        assert_eq!(
            notes,
            ["1 members have the name of a later one, which counts: a.jpg"]
        );
    }
}
