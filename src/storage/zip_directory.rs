//! The members of a zip archive, by its directory.

use std::fs::File;
use std::io::{self, Read};

use rawzip::{CompressionMethod, RECOMMENDED_BUFFER_SIZE, ZipArchive, ZipFileHeaderRecord};

use super::index::{Entries, Entry, Link, Member, Place, folder_of, joined, shown};
use super::read::zip_content;
use super::section::Source;

/// A path is at most this long in Linux, bytes.
const MAX_TARGET: u64 = 4096;

/// What is in an archive, in the order of its directory.
///
/// # Errors
/// A text when the directory is missing or damaged, or a member is encrypted or compressed by an
/// uncommon method.
pub(super) fn read(file: File, source: &Source) -> Result<Entries, String> {
    let length = file.metadata().map_err(|e| e.to_string())?.len();
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive = ZipArchive::from_file(file, &mut buffer).map_err(|e| {
        format!("its directory is missing or damaged, perhaps because it is truncated: {e}")
    })?;
    let mut found = Entries::default();
    let mut directory = archive.entries(&mut buffer);
    let mut count = 0;
    let damaged = |e| format!("its directory is damaged: {e}");
    while let Some(record) = directory.next_entry().map_err(damaged)? {
        count += 1;
        found.entries.extend(entry(&record, source, length)?);
    }
    let expected = archive.entries_hint();
    if count != expected {
        return Err(format!(
            "its directory is damaged: it has {count} entries, and should have {expected}"
        ));
    }
    Ok(found)
}

/// The entry of a record; `None` for a folder.
fn entry(
    record: &ZipFileHeaderRecord<'_>,
    source: &Source,
    length: u64,
) -> Result<Option<Entry>, String> {
    if record.is_dir() {
        return Ok(None);
    }
    let path = record.file_path();
    let raw: &[u8] = path.as_ref();
    let fault = |what: &str| format!("{}: {what}", shown(raw));
    let method = record.compression_method();
    if record.flags().is_encrypted() {
        return Err(fault("it is encrypted"));
    }
    if ![CompressionMethod::STORE, CompressionMethod::DEFLATE].contains(&method) {
        return Err(fault(&format!(
            "it is compressed by {method:?}; stored and deflated members are read"
        )));
    }
    let leads_out = raw.split(|&byte| byte == b'/').any(|part| part == b"..");
    let name = joined(b"", raw).filter(|_| !leads_out);
    let name = name.ok_or_else(|| fault("this name leads out of the archive"))?;
    let (header, stored) = (record.local_header_offset(), record.compressed_size_hint());
    if header.checked_add(stored).is_none_or(|end| end > length) {
        return Err(fault("it is behind the end of the file"));
    }
    let member = Member {
        name,
        length: record.uncompressed_size_hint(),
        place: Place::Zip {
            header,
            stored,
            is_deflated: method == CompressionMethod::DEFLATE,
            crc32: record.crc32(),
        },
    };
    if !record.mode().is_symlink() {
        return Ok(Some(Entry::File(member)));
    }
    let target = link_target(&member, source).map_err(|e| fault(&e.to_string()))?;
    Ok(Some(Entry::Link(Link {
        target: joined(folder_of(&member.name), &target).filter(|_| !target.starts_with(b"/")),
        name: member.name,
    })))
}

/// The target of a symbolic link is its content.
fn link_target(link: &Member, source: &Source) -> io::Result<Vec<u8>> {
    let mut target = Vec::new();
    let content = zip_content(source, link)?;
    content.take(MAX_TARGET).read_to_end(&mut target)?;
    Ok(target)
}
