//! A line of a journal: the CRC-32 of its text in eight hexadecimal digits, a space, and the text,
//! which is JSON.

use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::fingerprint::Fingerprint;
use super::manifest::ProcessRecord;
use super::shard::Shard;
use crate::remedy::{Refused, Remedy};
use crate::results::{Failure, Row};
use crate::stage::StageTimes;

/// The version of this format.
const FORMAT: u32 = 1;

/// The run and the shard that a journal belongs to.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Header {
    pub(super) format: u32,
    pub(super) shard: Shard,
    pub(super) fingerprint: Fingerprint,
    /// The run's specification, the text of `run.toml`.
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
pub(super) struct JournalEntry {
    /// The photo's place in the dataset.
    pub(super) place: usize,
    pub(super) rows: Vec<Row>,
    pub(super) failure: Option<Failure>,
    /// CPU time by stage: the one thing here that differs between two identical runs.
    pub(super) cpu_ms: StageTimes,
}

/// What a line says.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum JournalLine {
    Header(Box<Header>),
    #[serde(rename = "session")]
    Process(ProcessRecord),
    Photo(JournalEntry),
}

/// The first line of a journal in any format.
#[derive(Deserialize)]
struct AnyHeader {
    header: AnyFormat,
}

#[derive(Deserialize)]
struct AnyFormat {
    format: u32,
}

/// A line as bytes, with the newline.
pub(super) fn encode(line: &JournalLine) -> Vec<u8> {
    let json = serde_json::to_string(line).expect("a line can be written as JSON");
    format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes())).into_bytes()
}

/// The content of a line; `None` when it is damaged.
pub(super) fn decode(line: &[u8]) -> Option<JournalLine> {
    serde_json::from_slice(checked_json(line)?).ok()
}

/// The JSON of a line whose checksum is right.
fn checked_json(line: &[u8]) -> Option<&[u8]> {
    let (sum, json) = line.strip_suffix(b"\n")?.split_at_checked(8)?;
    let json = json.strip_prefix(b" ")?;
    let correct = format!("{:08x}", crc32fast::hash(json)).as_bytes() == sum;
    correct.then_some(json)
}

/// The header in the first line of a journal. The format is checked first: the header of another
/// format may have other fields.
pub(super) fn read_header(path: &Path, line: &[u8]) -> Result<Header> {
    let shown = path.display();
    if let Some(JournalLine::Header(header)) = decode(line)
        && header.format == FORMAT
    {
        return Ok(*header);
    }
    let other: Option<AnyHeader> = checked_json(line).and_then(|j| serde_json::from_slice(j).ok());
    let (message, remedy) = match other {
        Some(other) if other.header.format != FORMAT => {
            let format = other.header.format;
            let message = format!(
                "{shown}: the journal has format {format}, but this program writes format {FORMAT}"
            );
            (message, Remedy::OtherFolderOrFresh)
        }
        // Same format, but fields this version does not know.
        Some(_) => {
            let message = format!("{shown}: the journal was created by another version");
            (message, Remedy::OtherFolderOrFresh)
        }
        None => {
            let message = format!("{shown}: damaged at byte 0, or not a journal");
            (message, Remedy::Fresh)
        }
    };
    Err(Refused::new(message, remedy).into())
}
