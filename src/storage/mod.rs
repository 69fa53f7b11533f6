//! Files on disk and members of archives, under one kind of path.
//!
//! `photos/val.tar/a.JPEG` is the member `a.JPEG` of the archive `photos/val.tar`, which is neither
//! unpacked nor changed. A component of a path is an archive if it has the extension `tar`, `zip`,
//! `tgz` or `tar.gz` and is a file; its content decides which kind of archive it is. An archive is a
//! folder: [`is_file`] is false for it, and [`is_dir`] is true. Everything else is a plain path, and
//! is treated as the standard library does.
//!
//! * **tar:** an index of the members' names and places is made when the archive is first used, by
//!   seeking from header to header. A tar in a tar is read in place, as a folder of it. The index is
//!   kept in memory, and [`save_indexes`] keeps it on disk.
//! * **zip:** the archive's own directory is the index. Stored and deflated members are read, and
//!   their checksums are compared.
//! * **gzip-compressed tar:** it cannot be read at random. It is unpacked in memory when it is first
//!   used, if it is small enough.
//!
//! Each read opens the archive anew and reads at a position, so that threads do not wait for each
//! other, and a disk that fails is noticed as with plain files. An archive that was replaced is
//! indexed again. A damaged member is an error of kind `InvalidData` when it is read; an archive
//! that is damaged as a whole is an error of kind `Other` whenever anything in it is asked for.

mod archive;
mod index;
mod location;
mod places;
mod read;
mod saved;
mod section;
mod tar_headers;
mod zip_directory;

pub(crate) use location::{
    archive_of, as_unpacked, extension_length, is_archive, is_compressed, is_inside,
};
pub(crate) use places::{Contents, children, contents, exists, is_dir, is_file, members};
pub(crate) use read::{length, open, read, read_start};
pub(crate) use saved::{load_indexes, save_indexes};
