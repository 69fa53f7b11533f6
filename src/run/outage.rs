//! Photos that cannot be read for a reason that is not theirs: reading is tried again, and they never
//! count as failed.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use image::RgbImage;

use crate::dataset::{self, Jpeg, Photo, PhotoReadError};
use crate::storage;

/// How long to wait before each new try when the file system fails.
const WAITS: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(6),
];

/// How many times a photo is tried.
pub(super) const TRIES: usize = 1 + WAITS.len();

/// The folder that holds all photos.
pub(super) fn root(photos: &[Photo]) -> PathBuf {
    let mut folders = photos.iter().filter_map(|photo| photo.path.parent());
    let mut root = folders.next().unwrap_or(Path::new("")).to_owned();
    for folder in folders {
        while !folder.starts_with(&root) && root.pop() {}
    }
    if root.as_os_str().is_empty() {
        ".".into()
    } else {
        root
    }
}

/// Reads a photo. When the file system fails, or the folder of all photos is gone, it tries again for
/// ten seconds: an outage must not be scored as a bad photo.
pub(super) fn read_patiently(
    path: &Path,
    root: &Path,
    jpeg: Jpeg,
    stop: &impl Fn() -> bool,
) -> Result<RgbImage, PhotoReadError> {
    let mut waits = WAITS.iter();
    loop {
        let error = match dataset::read(path, jpeg) {
            Err(PhotoReadError::Outage(error)) => error,
            Err(PhotoReadError::File(error)) if !storage::is_dir(root) => error,
            read => return read,
        };
        let Some(wait) = waits.next().filter(|_| !stop()) else {
            return Err(PhotoReadError::Outage(error));
        };
        tracing::warn!(
            "{}: {error}; trying again in {} s",
            path.display(),
            wait.as_secs()
        );
        let until = Instant::now() + *wait;
        while Instant::now() < until && !stop() {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    #[test]
    fn an_archive_that_is_gone_is_an_outage_and_a_missing_member_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = folder.path().join("a.tar");
        let mut tar = tar::Builder::new(File::create(&archive).expect("a file"));
        let mut header = tar::Header::new_gnu();
        header.set_size(4);
        tar.append_data(&mut header, "a.png", &b"text"[..])
            .expect("a member");
        tar.finish().expect("an archive");
        let read = |name: &str| {
            let path = archive.join(name);
            let read = read_patiently(&path, folder.path(), Jpeg::Strict, &|| true);
            read.expect_err("not a photo")
        };
        assert!(matches!(read("a.png"), PhotoReadError::Picture(_)));
        assert!(matches!(read("b.png"), PhotoReadError::File(_)));
        fs::remove_file(&archive).expect("removed");
        assert!(matches!(read("a.png"), PhotoReadError::Outage(_)));
    }
}
