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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::process::Command;

    use super::*;
    use crate::storage::{Contents, contents, members};

    /// Writes an archive with Python's `zipfile`.
    fn pack(folder: &Path, script: &str) -> PathBuf {
        let mut python = Command::new("python3");
        python.current_dir(folder).arg("-c").arg(format!(
            "import zipfile\nz = zipfile.ZipFile('a.zip', 'w')\n{script}\nz.close()"
        ));
        assert!(python.status().expect("python3").success());
        folder.join("a.zip")
    }

    const TWO: &str = "z.writestr('x/a.jpg', b'a' * 5000, zipfile.ZIP_DEFLATED)
z.writestr('x/b.jpg', b'b' * 5000)";

    #[test]
    fn members_of_zips_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = format!(
            "{TWO}
link = zipfile.ZipInfo('y/link')
link.create_system, link.external_attr = 3, 0o120777 << 16
z.writestr(link, '../x/a.jpg')
z.mkdir('empty')
with z.open('big', 'w', force_zip64=True) as big: big.write(b'c')"
        );
        let archive = pack(folder.path(), &script);
        let Contents { files, broken, .. } = contents(&archive).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(
            files,
            ["big", "x/a.jpg", "x/b.jpg", "y/link"].map(PathBuf::from)
        );
        assert!(broken.is_empty());
        let content = |name: &str| read(&archive.join(name)).expect("a member");
        assert_eq!(content("x/a.jpg"), [b'a'; 5000]);
        assert_eq!(content("x/b.jpg"), [b'b'; 5000]);
        assert_eq!(content("y/link"), [b'a'; 5000]);
        assert_eq!(content("big"), b"c");
        assert_eq!(
            read_start(&archive.join("x/a.jpg"), 3).expect("a member"),
            b"aaa"
        );
        assert_eq!(
            length(&archive.join("x/a.jpg")).expect("a member"),
            Some(5000)
        );
        assert_eq!(length(&archive.join("x")).expect("a folder"), None);
        let missing = read(&archive.join("x/c.jpg")).expect_err("a missing member");
        assert_eq!(missing.kind(), ErrorKind::NotFound);
    }

    /// Every byte of a member changed, one after the other.
    #[test]
    fn a_damaged_member_is_an_error_of_its_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = pack(folder.path(), TWO);
        let whole = fs::read(&archive).expect("an archive");
        let name = |bytes: &[u8]| whole.windows(7).position(|window| window == bytes);
        let deflated = name(b"x/a.jpg").expect("a header") + 7;
        let stored = name(b"x/b.jpg").expect("a header") + 7;
        let mut faults = 0;
        for at in (deflated..stored - 37).chain([stored, stored + 4999]) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x55;
            let path = folder.path().join(format!("{at}.zip"));
            fs::write(&path, bytes).expect("a file");
            let mut names = ["x/a.jpg", "x/b.jpg"];
            if at >= stored {
                names.reverse();
            }
            let [damaged, other] = names;
            let error = read(&path.join(damaged)).expect_err("damage");
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{at}: {error}");
            assert!(read(&path.join(other)).is_ok());
            faults += 1;
        }
        assert!(faults > 10, "{faults}");
    }

    #[test]
    fn zips_that_cannot_be_read_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let fault = |archive: &Path| members(archive).expect_err("a fault").to_string();
        let uncommon = "z.writestr('a.jpg', b'a' * 500, zipfile.ZIP_BZIP2)";
        let archive = pack(folder.path(), uncommon);
        assert!(fault(&archive).contains("a.jpg: it is compressed by "));
        let whole = fs::read(pack(folder.path(), TWO)).expect("an archive");
        for length in [0, 100, whole.len() - 30] {
            fs::write(&archive, &whole[..length]).expect("a file");
            let fault = fault(&archive);
            assert!(
                fault.contains("its directory is missing or damaged"),
                "{fault}"
            );
        }
        // Bit 0 of the flags in the directory: the member is encrypted.
        let mut encrypted = whole;
        let at = encrypted
            .windows(4)
            .position(|bytes| bytes == b"PK\x01\x02");
        encrypted[at.expect("a directory") + 8] |= 1;
        fs::write(&archive, encrypted).expect("a file");
        assert!(fault(&archive).ends_with("x/a.jpg: it is encrypted"));
        for (start, name) in [(&b"BZh9"[..], "bzip2"), (b"\xFD7zXZ\0", "xz")] {
            let path = folder.path().join("a.tar");
            fs::write(&path, start).expect("a file");
            assert!(fault(&path).ends_with(&format!("by {name}, which is not read")));
        }
    }

    /// A tar that is compressed, whatever its name says.
    #[test]
    fn a_compressed_tar_is_read_from_memory() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a.xml"), "<a/>").expect("a file");
        for name in ["a.tgz", "a.TAR.GZ", "b.tar"] {
            let archive = folder.path().join(name);
            let mut tar = Command::new("tar");
            tar.arg("-czf")
                .arg(&archive)
                .arg("-C")
                .arg(folder.path())
                .arg("a.xml");
            assert!(tar.status().expect("tar").success());
            assert_eq!(read(&archive.join("a.xml")).expect("a member"), b"<a/>");
            let whole = fs::read(&archive).expect("an archive");
            let cut = archive.with_file_name(format!("cut-{name}"));
            fs::write(&cut, &whole[..whole.len() - 9]).expect("a file");
            let fault = members(&cut).expect_err("a fault").to_string();
            assert!(fault.contains("it is damaged or truncated"), "{fault}");
        }
    }

    /// An archive that is replaced is another one; one that is gone is not a missing photo.
    #[test]
    fn an_archive_may_be_replaced_and_may_disappear() {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = pack(folder.path(), "z.writestr('a', 'one')");
        assert_eq!(read(&archive.join("a")).expect("a member"), b"one");
        pack(folder.path(), "z.writestr('a', 'second')");
        assert_eq!(read(&archive.join("a")).expect("a member"), b"second");
        fs::remove_file(&archive).expect("removed");
        let gone = read(&archive.join("a")).expect_err("a missing archive");
        assert_eq!(gone.kind(), ErrorKind::Other);
        let never = read(&folder.path().join("b.zip/a")).expect_err("no archive");
        assert_eq!(never.kind(), ErrorKind::NotFound);
    }
}
