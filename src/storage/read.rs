//! The content of files and members.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use flate2::bufread::DeflateDecoder;
use rustix::io::Errno;

use super::index::{Member, Place};
use super::location::{Location, locate};
use super::section::{Section, Source};

/// Opens a file or member for reading from its beginning.
///
/// # Errors
/// When it is not there, or its archive cannot be used. A member whose checksum differs is an error
/// when its end is read.
pub(crate) fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    let Some(place) = locate(path)? else {
        return Ok(Box::new(BufReader::new(File::open(path)?)));
    };
    let member = place.member()?;
    let source = place.archive.source()?;
    Ok(match member.place {
        Place::Tar { start } => {
            Box::new(BufReader::new(Section::new(source, start, member.length)))
        }
        Place::Zip { .. } => Box::new(BufReader::new(zip_content(&source, member)?)),
    })
}

/// Reads a whole file or member.
///
/// # Errors
/// When it cannot be read, or a member is damaged.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    if locate(path)?.is_none() {
        return fs::read(path);
    }
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a whole file or member as UTF-8.
///
/// # Errors
/// As [`read`], and when it is not UTF-8.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    let text = String::from_utf8(read(path)?);
    text.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
}

/// Reads the first bytes of a file or member: `count`, or all if there are fewer.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn read_start(path: &Path, count: u64) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    open(path)?.take(count).read_to_end(&mut start)?;
    Ok(start)
}

/// The length of a file or member in bytes; `None` for anything else, such as a folder or a pipe.
///
/// # Errors
/// When there is nothing at this path, or its archive cannot be used.
pub(crate) fn length(path: &Path) -> io::Result<Option<u64>> {
    if let Some(place) = locate(path)? {
        let is_folder = place.archive.index.has_folder(&place.name);
        return match place.member() {
            Err(_) if is_folder => Ok(None),
            member => member.map(|member| Some(member.length)),
        };
    }
    let metadata = fs::metadata(path)?;
    Ok(metadata.is_file().then_some(metadata.len()))
}

impl Location {
    /// The member at this place. The error is that of a missing file.
    fn member(&self) -> io::Result<&Member> {
        let missing = || io::Error::from(Errno::NOENT);
        self.archive.index.get(&self.name).ok_or_else(missing)
    }
}

/// The content of a member of a zip archive, which is checked when its end is read.
pub(super) fn zip_content(source: &Source, member: &Member) -> io::Result<impl Read + use<>> {
    let Place::Zip {
        header,
        stored,
        is_deflated,
        crc32,
    } = member.place
    else {
        return Err(damaged("it is not the member of a zip"));
    };
    let start = header + local_header_length(source, header)?;
    let section = BufReader::new(Section::new(source.clone(), start, stored));
    let content: Box<dyn Read> = if is_deflated {
        Box::new(DeflateDecoder::new(section))
    } else {
        Box::new(section)
    };
    Ok(Checked {
        content,
        hash: crc32fast::Hasher::new(),
        left: member.length,
        crc32,
    })
}

/// The length of the header in front of a member (APPNOTE.TXT, 4.3.7): 30 bytes, the name and the
/// extra fields.
fn local_header_length(source: &Source, at: u64) -> io::Result<u64> {
    let mut header = [0; 30];
    Section::new(source.clone(), at, 30).read_exact(&mut header)?;
    if !header.starts_with(b"PK\x03\x04") {
        return Err(damaged("the header in front of it is missing"));
    }
    let name = u16::from_le_bytes([header[26], header[27]]);
    let extra = u16::from_le_bytes([header[28], header[29]]);
    Ok(30 + u64::from(name) + u64::from(extra))
}

fn damaged(fault: &str) -> io::Error {
    io::Error::new(
        ErrorKind::InvalidData,
        format!("the archive is damaged: {fault}"),
    )
}

/// A content whose length and checksum must be those that the directory states.
struct Checked<R> {
    content: R,
    hash: crc32fast::Hasher,
    left: u64,
    crc32: u32,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self
            .content
            .read(buffer)
            .map_err(|error| match error.kind() {
                // What the decoder says of its input.
                ErrorKind::InvalidInput | ErrorKind::InvalidData | ErrorKind::UnexpectedEof => {
                    damaged(&error.to_string())
                }
                _ => error,
            })?;
        self.hash.update(&buffer[..count]);
        let left = self.left.checked_sub(count as u64);
        self.left = left.ok_or_else(|| damaged("it is longer than the directory says"))?;
        if count == 0 && !buffer.is_empty() {
            if self.left > 0 {
                return Err(damaged("it is shorter than the directory says"));
            }
            if self.hash.clone().finalize() != self.crc32 {
                return Err(damaged("its CRC-32 is not the one in the directory"));
            }
        }
        Ok(count)
    }
}
