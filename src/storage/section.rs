//! A range of an archive's bytes, which is read at its own position.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::sync::Arc;

use rawzip::ReaderAt;

/// The bytes of an archive: a file, or what a compressed file was unpacked to.
pub(super) type Source = Arc<dyn ReaderAt + Send + Sync>;

/// A range of bytes as a file of its own.
#[derive(Clone)]
pub(super) struct Section {
    source: Source,
    start: u64,
    length: u64,
    position: u64,
}

impl Section {
    pub(super) fn new(source: Source, start: u64, length: u64) -> Self {
        Self {
            source,
            start,
            length,
            position: 0,
        }
    }
}

impl Read for Section {
    /// Fails where the source ends before the range does.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(self.position);
        let wanted = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        if wanted == 0 {
            return Ok(0);
        }
        let at = self.start + self.position;
        let count = self.source.read_at(&mut buffer[..wanted], at)?;
        if count == 0 {
            let message = format!("the archive ends at byte {at}");
            return Err(io::Error::new(ErrorKind::InvalidData, message));
        }
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Section {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
