//! A dataset: photos with their truth.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use super::box_edges::BoxEdges;
use super::decode::MAX_SIDE;
use super::error::{DatasetError, Faults};
use super::ilsvrc;
use super::photo::Photo;
use super::photo_list::PhotoList;
use super::profile::Profile;
use super::suspicion::Suspicion;
use crate::classes::ClassList;
use crate::digest;
use crate::listing::first_few;

/// Photos with their truth.
#[derive(Clone, Debug, Default)]
pub struct Dataset {
    /// The dataset's name.
    pub name: String,
    /// The metric profile of its boxes.
    pub profile: Profile,
    /// The classes; [`Photo::class`] is an index into them.
    pub classes: ClassList,
    /// The ILSVRC ID (1..=1000) of each class, if it is known. Devkit submissions use these IDs.
    pub ilsvrc_ids: Option<Vec<usize>>,
    /// The photos, in the order of their results.
    pub photos: Vec<Photo>,
    /// The number of photos before some of them were selected.
    pub total_photos: usize,
    /// Whether weights were given.
    pub weighted: bool,
    /// What the user should know about the reading, for example that boxes were cut off at the
    /// photo's edge.
    pub notes: Vec<String>,
    /// What is read as it is written although it probably means something else.
    pub suspicions: Vec<Suspicion>,
    /// Where the boxes were before they were clipped.
    pub edges: BoxEdges,
    /// What was found where, for people, of a dataset whose parts are searched for: what it is, and
    /// in which folders and archives.
    pub sources: Vec<(&'static str, String)>,
    /// The lists of numbers that were read, by what they are (`blacklist`, `label order`,
    /// `ground truth`), so that they can be checked.
    pub files: Vec<(&'static str, PathBuf)>,
}

/// The index of each photo of a dataset, by its name or its file.
#[derive(Clone, Debug)]
pub struct PhotoIndex<'a> {
    by_name: HashMap<&'a str, usize>,
    photos: &'a [Photo],
    /// By the name of the file without its extension; made when it is first needed.
    by_file: OnceLock<HashMap<&'a OsStr, Vec<usize>>>,
}

impl PhotoIndex<'_> {
    /// The index of the photo with this name or, if there is none, of the only photo whose file has
    /// this name: `coffee.jpg` and `images/coffee.jpg` are the photo `coffee` whose file is
    /// `images/coffee.jpg`, and `a` is `a.jpg`. A photo of ILSVRC's validation set is found by its
    /// path in any layout.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<usize> {
        let by_number = || self.named(&ilsvrc::name_of(ilsvrc::number_in_path(id)?));
        self.named(id)
            .or_else(|| self.by_file(Path::new(id)))
            .or_else(by_number)
    }

    /// The index of the photo with exactly this name.
    pub(crate) fn named(&self, id: &str) -> Option<usize> {
        self.by_name.get(canonical(id)).copied()
    }

    fn by_file(&self, file: &Path) -> Option<usize> {
        let is_file = |&&i: &&usize| {
            let path = &self.photos[i].path;
            path.ends_with(file) || path.with_extension("").ends_with(file)
        };
        let same_stem = [file.file_stem(), file.file_name()];
        let same_stem = same_stem.into_iter().flatten();
        let by_file = self.by_file.get_or_init(|| by_file(self.photos));
        let mut found: Vec<usize> = same_stem
            .filter_map(|stem| by_file.get(stem))
            .flatten()
            .filter(is_file)
            .copied()
            .collect();
        found.dedup();
        match found[..] {
            [photo] => Some(photo),
            _ => None,
        }
    }
}

/// The indices of photos by the names of their files without extensions.
fn by_file(photos: &[Photo]) -> HashMap<&OsStr, Vec<usize>> {
    let mut by_file: HashMap<&OsStr, Vec<usize>> = HashMap::new();
    for (photo, i) in photos.iter().zip(0..) {
        let stem = photo.path.file_stem().unwrap_or_default();
        by_file.entry(stem).or_default().push(i);
    }
    by_file
}

/// The one name under which a photo is looked up.
fn canonical(id: &str) -> &str {
    ilsvrc::photo_name(id).unwrap_or(id)
}

impl Dataset {
    /// Keeps the first `count` photos of a fixed shuffle, in the dataset's order. The sample for a
    /// larger `count` contains the one for a smaller.
    pub fn limit(&mut self, count: usize) {
        let hashes = self.photos.iter().map(|photo| Sha256::digest(&photo.id));
        let mut shuffled: Vec<_> = hashes.zip(0..).collect();
        shuffled.sort();
        self.keep(shuffled.into_iter().take(count).map(|(_, i)| i).collect());
    }

    /// SHA-256 of the truth, in hexadecimal: names, sizes, classes, boxes and weights, in order.
    #[must_use]
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        for Photo {
            id,
            size,
            class,
            boxes,
            blacklisted,
            weight,
            ..
        } in &self.photos
        {
            let size = size.map(|size| [size.width, size.height]);
            hash.update(format!(
                "{id:?} {size:?} {class:?} {boxes:?} {blacklisted} {weight}\n"
            ));
        }
        digest::hex(hash)
    }

    /// The indices of the photos by name. A photo of ILSVRC's validation set is found by either of
    /// its names, `ILSVRC2012_val_00000001` and `val/ILSVRC2012_val_00000001.JPEG`.
    #[must_use]
    pub fn photo_index(&self) -> PhotoIndex<'_> {
        let names = self.photos.iter().map(|photo| canonical(&photo.id));
        PhotoIndex {
            by_name: names.zip(0..).collect(),
            photos: &self.photos,
            by_file: OnceLock::new(),
        }
    }

    /// The dataset with only the photos at these indices.
    pub(crate) fn part(&self, indices: &[usize]) -> Self {
        Self {
            name: self.name.clone(),
            profile: self.profile,
            classes: self.classes.clone(),
            ilsvrc_ids: self.ilsvrc_ids.clone(),
            photos: indices.iter().map(|&i| self.photos[i].clone()).collect(),
            total_photos: self.total_photos,
            weighted: self.weighted,
            ..Self::default()
        }
    }

    /// Keeps the photos that are named in a file, one per line, or that are in a folder, and returns
    /// the indices that they had. Other photos in the folder are noted.
    ///
    /// # Errors
    /// [`DatasetError`] with each name in the file that is not in the dataset, or if none of the
    /// photos in the folder is.
    pub fn select(&mut self, images: &Path) -> Result<Vec<usize>, DatasetError> {
        self.select_list(&PhotoList::read(images)?)
    }

    pub(super) fn select_list(&mut self, list: &PhotoList) -> Result<Vec<usize>, DatasetError> {
        let index = self.photo_index();
        let mut faults = Faults::default();
        let (mut selected, mut others) = (Vec::new(), Vec::new());
        for (line, name) in &list.names {
            match index.get(name) {
                Some(i) => selected.push(i),
                None if list.is_folder => others.push(name),
                None => faults.add(format!(
                    "{}:{line}: {name} is not in the dataset {}",
                    list.path.display(),
                    self.name
                )),
            }
        }
        let (folder, example) = (list.path.display(), self.photos.first());
        if list.names.is_empty() && !list.is_folder {
            faults.add(format!("{folder}: it names no photos"));
        }
        if list.is_folder && selected.is_empty() {
            let found = others.len();
            faults.add(format!(
                "{folder}: none of the {found} photos in it is in the dataset {}",
                self.name
            ));
        } else if !others.is_empty() {
            let (count, names) = (others.len(), first_few(others));
            self.notes.push(format!(
                "{folder}: {count} photos in it are not in the dataset: {names}"
            ));
        }
        faults.into_result().map_err(|error| match example {
            Some(photo) => error.or_advice(format!("its photos have names like {}", photo.id)),
            None => error,
        })?;
        Ok(self.keep(selected))
    }

    /// Keeps the photos at these indices, and returns the indices sorted and without duplicates.
    fn keep(&mut self, mut indices: Vec<usize>) -> Vec<usize> {
        indices.sort_unstable();
        indices.dedup();
        self.photos = indices.iter().map(|&i| self.photos[i].clone()).collect();
        indices
    }

    /// Checks the sizes and names of the photos. No photo is larger than a JPEG can be. Results are
    /// filed under the photos' names, so names differ and none leads out of the folder of results.
    pub(super) fn check_photos(&self) -> Result<(), DatasetError> {
        let mut faults = Faults::default();
        let mut names = HashSet::new();
        let dataset = &self.name;
        for Photo { id, size, .. } in &self.photos {
            let sides = 1..=MAX_SIDE;
            if let Some(size) = size
                && !(sides.contains(&size.width) && sides.contains(&size.height))
            {
                faults.add(format!(
                    "{dataset}: {id} is {size}; sides are 1 to {MAX_SIDE} pixels"
                ));
            }
            if !names.insert(canonical(id)) {
                faults.add(format!(
                    "{dataset}: {id} occurs twice, possibly under two names"
                ));
            }
            if !is_valid_name(id) {
                faults.add(format!(
                    "{dataset}: '{id}' is not a valid name of a photo: it is empty or leads out \
                     of its folder"
                ));
            }
        }
        faults.into_result()
    }
}

/// Whether files in a folder can be named after the photo.
fn is_valid_name(id: &str) -> bool {
    let stays_inside =
        |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    !id.is_empty() && Path::new(id).components().all(stays_inside)
}
