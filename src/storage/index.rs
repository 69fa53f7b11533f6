//! The members of an archive by name, sorted: 1.28 million of them take about 150 MB.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::path_text;

/// A file in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// Its path in the archive: components that are neither empty nor `.` nor `..`.
    pub(super) name: Box<[u8]>,
    /// How many bytes its content has.
    pub(super) length: u64,
    pub(super) place: Place,
}

/// Where the bytes of a member are in its archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// As they are, from this position on.
    Tar { start: u64 },
    /// Behind a header at this position.
    Zip {
        header: u64,
        /// How many bytes are stored.
        stored: u64,
        is_deflated: bool,
        crc32: u32,
    },
}

/// An entry of an archive as it is met.
pub(super) enum Entry {
    File(Member),
    Link(Link),
}

/// A link in an archive.
pub(super) struct Link {
    pub(super) name: Box<[u8]>,
    /// The name of another member; `None` where it is outside the archive.
    pub(super) target: Option<Box<[u8]>>,
}

/// What was met in an archive, in its order.
#[derive(Default)]
pub(super) struct Entries {
    pub(super) entries: Vec<Entry>,
    /// What the user should know about the archive, each a sentence.
    pub(super) notes: Vec<String>,
}

/// See the module.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Index {
    /// Sorted by name.
    pub(super) members: Vec<Member>,
    /// Links that lead to no file in the archive, sorted.
    pub(super) broken: Vec<Box<[u8]>>,
    pub(super) notes: Vec<String>,
}

impl Entry {
    pub(super) fn name(&self) -> &[u8] {
        match self {
            Self::File(member) => &member.name,
            Self::Link(link) => &link.name,
        }
    }
}

/// How many links may lead from one to the next, as in Linux.
const MAX_LINKS: usize = 40;

impl Index {
    /// Of several entries with one name the last counts, as when the archive is unpacked. A link to
    /// a file has the file's content.
    pub(super) fn new(found: Entries) -> Self {
        let Entries {
            mut entries,
            mut notes,
        } = found;
        // The sort is stable: in reverse order, the last of several entries becomes the first.
        entries.reverse();
        entries.sort_by(|a, b| a.name().cmp(b.name()));
        let mut repeated = Vec::new();
        entries.dedup_by(|later, kept| {
            let is_same = later.name() == kept.name();
            if is_same {
                repeated.push(shown(kept.name()));
            }
            is_same
        });
        if let Some(first) = repeated.first() {
            let count = repeated.len();
            notes.push(format!(
                "{count} members have the name of a later one, which counts: {first}{}",
                if count > 1 { ", ..." } else { "" }
            ));
        }
        let (mut members, mut links) = (Vec::with_capacity(entries.len()), Vec::new());
        for entry in entries {
            match entry {
                Entry::File(member) => members.push(member),
                Entry::Link(link) => links.push(link),
            }
        }
        let mut index = Self {
            members,
            broken: Vec::new(),
            notes,
        };
        index.resolve(links);
        index
    }

    /// Adds each link as a member with the content of its target.
    fn resolve(&mut self, links: Vec<Link>) {
        let mut linked = Vec::new();
        for link in &links {
            match self.target(link, &links) {
                Some(member) => linked.push(Member {
                    name: link.name.clone(),
                    ..member.clone()
                }),
                None => self.broken.push(link.name.clone()),
            }
        }
        if !linked.is_empty() {
            self.members.extend(linked);
            self.members.sort_by(|a, b| a.name.cmp(&b.name));
        }
    }

    /// The file that a link leads to, through other links where necessary.
    fn target(&self, link: &Link, links: &[Link]) -> Option<&Member> {
        let mut name = link.target.as_ref()?;
        for _ in 0..MAX_LINKS {
            if let Some(member) = self.get(name) {
                return Some(member);
            }
            let next = links.binary_search_by(|other| other.name.cmp(name)).ok()?;
            name = links[next].target.as_ref()?;
        }
        None
    }

    /// The member of this name.
    pub(super) fn get(&self, name: &[u8]) -> Option<&Member> {
        let at = self
            .members
            .binary_search_by(|member| (*member.name).cmp(name));
        at.ok().map(|at| &self.members[at])
    }

    /// The members in a folder of the archive and below it. The empty name is the archive itself.
    pub(super) fn below(&self, folder: &[u8]) -> &[Member] {
        if folder.is_empty() {
            return &self.members;
        }
        let prefix = [folder, b"/"].concat();
        let start = self
            .members
            .partition_point(|member| *member.name < *prefix);
        let count =
            self.members[start..].partition_point(|member| member.name.starts_with(&prefix));
        &self.members[start..start + count]
    }

    /// Whether this is a folder of the archive: the archive itself, or one with a file below it.
    pub(super) fn has_folder(&self, name: &[u8]) -> bool {
        name.is_empty() || !self.below(name).is_empty()
    }
}

/// The path in an archive that `path` means in the folder `folder` of it. `None` if it leads out of
/// the archive.
pub(super) fn joined(folder: &[u8], path: &[u8]) -> Option<Box<[u8]>> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in [folder, path]
        .into_iter()
        .flat_map(|p| p.split(|&byte| byte == b'/'))
    {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join(&b'/').into())
}

/// The folder of a member; empty for one that is in none.
pub(super) fn folder_of(name: &[u8]) -> &[u8] {
    let end = name.iter().rposition(|&byte| byte == b'/');
    &name[..end.unwrap_or(0)]
}

/// A name as a path.
pub(super) fn as_path(name: &[u8]) -> &Path {
    OsStr::from_bytes(name).as_ref()
}

/// A name as a message shows it.
pub(super) fn shown(name: &[u8]) -> String {
    path_text::encode(as_path(name))
}
