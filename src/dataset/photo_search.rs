//! The photos in a folder and its subfolders, and what else is there.
//!
//! A file is a photo by the extension of its name, or else by its content. Everything that is left
//! out is counted and named in a note, and so is what only may be a mistake: links that lead
//! nowhere, links to photos that are there under their own names, and photos whose names do not say
//! so.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use image::ImageFormat;

use super::decode::{RECOGNISED_BY, read_size, recognise};
use super::error::DatasetError;
use super::folder_files::FolderFiles;
use crate::listing::first_few;
use crate::path_text;
use crate::storage;

/// The extensions of photos, in lower case.
const PHOTOS: [&str; 10] = [
    "bmp", "gif", "jfif", "jpe", "jpeg", "jpg", "png", "tif", "tiff", "webp",
];

/// The extensions of pictures that cannot be decoded, in lower case: those of phones, of other
/// codecs, of drawing programs, and the raw data of cameras. Some of the latter begin like a TIFF.
const OTHER_PICTURES: [&str; 28] = [
    "3fr", "arw", "avif", "cr2", "cr3", "dng", "eps", "erf", "heic", "heif", "hif", "ico", "j2k",
    "jp2", "jxl", "nef", "nrw", "orf", "pef", "pgm", "ppm", "psd", "raf", "rw2", "srw", "svg",
    "tga", "xcf",
];

/// What was found in a folder.
#[derive(Debug)]
pub(crate) struct PhotoSearch {
    /// The paths of the photos, which begin with that of the folder, sorted.
    pub(crate) photos: Vec<PathBuf>,
    /// The files that are not pictures.
    pub(super) others: Vec<PathBuf>,
    /// What was left out or may be a mistake, each kind a sentence.
    pub(crate) notes: Vec<String>,
}

/// What a file is.
enum FileKind {
    /// A photo by the extension of its name.
    Photo,
    /// A photo by its content.
    PhotoByContent,
    /// A picture in a format that is not supported.
    OtherPicture,
    /// Not a picture.
    Other,
}

/// The files of a folder by what they are.
#[derive(Default)]
struct SortedFiles<'a> {
    /// The photos, those that are photos by their content among them.
    photos: Vec<PathBuf>,
    by_content: Vec<&'a PathBuf>,
    other_pictures: Vec<&'a PathBuf>,
    others: Vec<&'a PathBuf>,
}

impl PhotoSearch {
    /// Searches `root` and all folders below it, as [`FolderFiles`] does.
    ///
    /// # Errors
    /// [`DatasetError`] with the folder that cannot be read.
    pub(crate) fn new(root: &Path) -> Result<Self, DatasetError> {
        let found = FolderFiles::new(root)?;
        let sorted = SortedFiles::new(&found);
        Ok(Self {
            notes: notes(root, &found, &sorted),
            others: sorted.others.into_iter().cloned().collect(),
            photos: sorted.photos,
        })
    }
}

impl<'a> SortedFiles<'a> {
    fn new(found: &'a FolderFiles) -> Self {
        let mut sorted = Self::default();
        for path in &found.files {
            match FileKind::from_path(path) {
                FileKind::Photo => sorted.photos.push(path.clone()),
                FileKind::PhotoByContent => {
                    sorted.photos.push(path.clone());
                    sorted.by_content.push(path);
                }
                FileKind::OtherPicture => sorted.other_pictures.push(path),
                FileKind::Other => sorted.others.push(path),
            }
        }
        // A photo that is gone is an error of the photo: it must not be missing from the results.
        let is_photo = |path: &&PathBuf| matches!(FileKind::from_path(path), FileKind::Photo);
        sorted
            .photos
            .extend(found.broken.iter().filter(is_photo).cloned());
        sorted.photos.sort();
        sorted
    }
}

/// What is to be said of the files, each kind a sentence.
fn notes(root: &Path, found: &FolderFiles, sorted: &SortedFiles<'_>) -> Vec<String> {
    let named = |paths: &[PathBuf]| (paths.len(), first_paths(paths, root));
    let counted = |paths: &[&PathBuf]| (paths.len(), by_extension(paths));
    let notes = [
        (
            "hidden files and folders were left out",
            named(&found.hidden),
        ),
        (
            "files that are not pictures were left out",
            counted(&sorted.others),
        ),
        (
            "pictures in formats that are not supported were left out; convert them to JPEG or PNG",
            counted(&sorted.other_pictures),
        ),
        (
            "folders were left out where they occur again through a link",
            named(&found.repeated),
        ),
        ("links lead nowhere", named(&found.broken)),
        (
            "archives were left out because their files are beside them too, unpacked",
            named(&found.unpacked),
        ),
        (
            "archives were left out because they are compressed as a whole, so that they cannot be \
             read at random; unpack them",
            named(&found.compressed),
        ),
        (
            "photos are links to others of these photos and count again",
            named(&links_to_others(&sorted.photos)),
        ),
        (
            "files are photos by their content, not by their names",
            counted(&sorted.by_content),
        ),
    ];
    let notes = notes.into_iter().filter(|(_, (count, _))| *count > 0);
    let notes = notes.map(|(what, (count, which))| format!("{count} {what}: {which}"));
    notes.chain(found.notes.iter().cloned()).collect()
}

impl FileKind {
    fn from_path(path: &Path) -> Self {
        let extension = extension(path);
        if PHOTOS.contains(&&*extension) {
            Self::Photo
        } else if is_photo_by_content(path, &extension) {
            Self::PhotoByContent
        } else if OTHER_PICTURES.contains(&&*extension) {
            Self::OtherPicture
        } else {
            Self::Other
        }
    }
}

/// The extension in lower case; empty for a name without one.
fn extension(path: &Path) -> String {
    path_text::encode(path.extension().unwrap_or_default()).to_lowercase()
}

/// Whether a file has the header of a photo. Pipes and the like are not opened. Much that is not a
/// photo begins like a TIFF, so a TIFF with another extension is not taken for one.
fn is_photo_by_content(path: &Path, extension: &str) -> bool {
    if !storage::is_file(path) {
        return false;
    }
    let Ok(start) = storage::read_start(path, RECOGNISED_BY) else {
        return false;
    };
    let is_photo = |format| format != ImageFormat::Tiff || extension.is_empty();
    recognise(&start).is_ok_and(is_photo) && read_size(path).is_ok()
}

/// The photos that are links to files that are among the photos themselves.
fn links_to_others(photos: &[PathBuf]) -> Vec<PathBuf> {
    let (links, files): (Vec<&PathBuf>, Vec<&PathBuf>) =
        photos.iter().partition(|path| path.is_symlink());
    if links.is_empty() {
        return Vec::new();
    }
    let mut known: HashSet<PathBuf> = files
        .iter()
        .filter_map(|path| path.canonicalize().ok())
        .collect();
    let is_known = |link: &&&PathBuf| link.canonicalize().is_ok_and(|file| !known.insert(file));
    let repeated: Vec<&&PathBuf> = links.iter().filter(is_known).collect();
    repeated.into_iter().map(|path| (*path).clone()).collect()
}

/// The first few paths, as they are below `root`.
pub(super) fn first_paths(paths: &[PathBuf], root: &Path) -> String {
    let below = |path: &PathBuf| path_text::encode(path.strip_prefix(root).unwrap_or(path));
    first_few(paths.iter().map(below))
}

/// How many files there are of each extension: `2 .txt, 1 without extension`.
pub(super) fn by_extension(paths: &[&PathBuf]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for path in paths {
        *counts.entry(extension(path)).or_default() += 1;
    }
    let named = counts
        .iter()
        .map(|(extension, count)| match &extension[..] {
            "" => format!("{count} without extension"),
            extension => format!("{count} .{extension}"),
        });
    named.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use image::RgbImage;

    use super::*;

    fn picture(path: &Path, format: ImageFormat) {
        let picture = RgbImage::new(4, 3);
        picture.save_with_format(path, format).expect("a picture");
    }

    fn search(folder: &Path) -> (Vec<String>, Vec<String>) {
        let PhotoSearch { photos, notes, .. } =
            PhotoSearch::new(folder).unwrap_or_else(|e| panic!("{e}"));
        let below = photos.iter().map(|path| path.strip_prefix(folder));
        let below = below.map(|path| path_text::encode(path.expect("below the folder")));
        (below.collect(), notes)
    }

    #[test]
    fn the_content_decides_where_the_name_does_not() {
        use ImageFormat::{Bmp, Gif, Jpeg, Png, Tiff, WebP};
        let folder = tempfile::tempdir().expect("a folder");
        for (name, format) in [
            ("a.JFIF", Jpeg),
            ("b.webp", WebP),
            ("c", Jpeg),
            ("d.orig", Bmp),
            ("e.jpg_large", Jpeg),
            ("f.jpg?size=4", Png),
            ("g.jpg~", Gif),
            ("h", Tiff),
            ("h.heic", Jpeg),
            // The raw data of cameras: their first picture is a thumbnail.
            ("i.nef", Tiff),
            ("j.unknown-raw", Tiff),
        ] {
            picture(&folder.path().join(name), format);
        }
        for (name, content) in [
            ("k.jpg", ""),
            ("l.heic", "\0\0\0\x18ftypheic"),
            ("m.txt", "BM is how a BMP begins"),
            ("n.TXT", "GIF89a"),
            ("o", ""),
        ] {
            fs::write(folder.path().join(name), content).expect("a file");
        }
        let (photos, notes) = search(folder.path());
        let expected = [
            "a.JFIF",
            "b.webp",
            "c",
            "d.orig",
            "e.jpg_large",
            "f.jpg?size=4",
            "g.jpg~",
            "h",
            "h.heic",
            "k.jpg",
        ];
        assert_eq!(photos, expected);
        let expected_notes = [
            "4 files that are not pictures were left out: 1 without extension, 2 .txt, 1 \
             .unknown-raw",
            "2 pictures in formats that are not supported were left out; convert them to JPEG or \
             PNG: 1 .heic, 1 .nef",
            "7 files are photos by their content, not by their names: 2 without extension, 1 .heic, \
             1 .jpg?size=4, 1 .jpg_large, 1 .jpg~, 1 .orig",
        ];
        assert_eq!(notes, expected_notes);
    }

    #[test]
    fn what_is_left_out_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in [".a", ".b", ".c", ".d"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        picture(&folder.path().join("x.png"), ImageFormat::Png);
        let links = [
            ("x.png", "y.png"),
            ("gone", "cats"),
            ("gone", "z.png"),
            (".", "again"),
        ];
        for (target, name) in links {
            symlink(target, folder.path().join(name)).expect("a link");
        }
        let (photos, notes) = search(folder.path());
        assert_eq!(photos, ["x.png", "y.png", "z.png"]);
        let expected = [
            "4 hidden files and folders were left out: .a, .b, .c, ...",
            "1 folders were left out where they occur again through a link: again",
            "2 links lead nowhere: cats, z.png",
            "1 photos are links to others of these photos and count again: y.png",
        ];
        assert_eq!(notes, expected);
    }

    #[test]
    fn a_folder_of_photos_alone_needs_no_note() {
        let folder = tempfile::tempdir().expect("a folder");
        picture(&folder.path().join("x.png"), ImageFormat::Png);
        let linked = tempfile::tempdir().expect("a folder");
        picture(&linked.path().join("y.png"), ImageFormat::Png);
        symlink(linked.path(), folder.path().join("linked")).expect("a link");
        let photos = ["linked/y.png", "x.png"].map(str::to_owned).to_vec();
        assert_eq!(search(folder.path()), (photos, vec![]));
    }
}
