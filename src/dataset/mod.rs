//! Datasets: photos with their classes, true boxes and masks, one file a layout.
//!
//! In: a [`Request`]: a name, which is a description `data/NAME.toml`, or a path to a description,
//! to a file of boxes, or to a folder in a layout that is known by its files. Out: a [`Dataset`].
//! Every reader converts to the one inner convention of [`crate::geometry`]. A photo in which
//! several classes are to be found (VOC, COCO) stands once for each of them, under the name
//! `PHOTO/CLASS`: everything behind this room knows one class a photo.
//!
//! Truth is read at once, all faults of it in one error; photos and masks are read when they are
//! wanted ([`read`], [`Mask::read`]), photos as they are stored. Nothing is downloaded, resized or
//! turned.

mod annotation;
mod box_table;
mod coco;
mod cub;
mod description;
mod faults;
mod folder;
mod ilsvrc;
mod kaggle;
mod label_order;
mod mask;
mod photo;
mod run_lengths;
mod table;
mod text;
mod val;
mod voc;
mod wsol;

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use box_table::write as write_csv;
pub use coco::Segmentation;
pub use description::{LAYOUTS, title};
pub(crate) use faults::Faults;
pub use faults::{BoxEdges, DatasetError};
pub(crate) use mask::grey;
pub use mask::{Mask, TrueMask};
pub(crate) use photo::size as photo_size;
pub use photo::{Jpeg, PhotoReadError, decode, read};
pub(crate) use table::rows as csv_rows;
pub(crate) use text::numbers as read_numbers;
pub(crate) use val::bare;

use crate::classes::ClassList;
use crate::digest;
use crate::geometry::{BBox, Size};

/// The longest side of a photo, pixels: that of a JPEG.
const MAX_SIDE: u32 = 65_535;

/// A photo with its truth.
#[derive(Clone, Debug, PartialEq)]
pub struct Photo {
    /// Its name, unique in the dataset.
    pub id: String,
    /// Its file.
    pub path: PathBuf,
    /// Width and height as the annotations state them, or as the photo's file does where they do
    /// not, pixels. `None` where neither is at hand.
    pub size: Option<Size>,
    /// The true class, where there is one.
    pub class: Option<usize>,
    /// The true boxes of that class. A photo without any counts in classification only.
    pub boxes: Vec<BBox>,
    /// Boxes of that class that are too hard to ask for (VOC's `difficult`): a point in them is
    /// right all the same.
    pub difficult: Vec<BBox>,
    /// Whether objects of other classes are annotated in the photo.
    pub distractors: bool,
    /// The pixels of that class, where they are known.
    pub mask: Option<Mask>,
    /// Left out of localisation, though not of classification (ILSVRC's blacklist).
    pub blacklisted: bool,
    /// Its weight in weighted scores, in 0..=1e9, and 1 where none are given; see
    /// [`Dataset::weighted`].
    pub weight: f64,
}

/// A photo of which nothing is known. It weighs 1, so that one without a weight is not lost from
/// weighted scores.
impl Default for Photo {
    fn default() -> Self {
        Self {
            id: String::new(),
            path: PathBuf::new(),
            size: None,
            class: None,
            boxes: Vec::new(),
            difficult: Vec::new(),
            distractors: false,
            mask: None,
            blacklisted: false,
            weight: 1.0,
        }
    }
}

impl Photo {
    /// Whether the photo counts in localisation.
    #[must_use]
    pub fn localised(&self) -> bool {
        !self.blacklisted && !self.boxes.is_empty()
    }
}

/// Where the rules for a dataset's boxes come from. The name stands on every number.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// The ILSVRC devkit, with its blacklist where the dataset has one.
    #[default]
    Devkit,
    /// Kaggle's ImageNet challenge: the devkit without blacklist.
    Kaggle,
    /// CUB-200-2011.
    Cub,
    /// Pascal VOC.
    Voc,
    /// COCO.
    Coco,
    /// Boxes of no particular origin.
    Boxes,
}

impl Profile {
    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Devkit => "devkit",
            Self::Kaggle => "kaggle",
            Self::Cub => "cub",
            Self::Voc => "voc",
            Self::Coco => "coco",
            Self::Boxes => "boxes",
        }
    }

    /// Whether a photo has one class, which can be guessed. Where it has several, each is asked for
    /// by itself.
    #[must_use]
    pub fn guesses_classes(self) -> bool {
        !matches!(self, Self::Voc | Self::Coco)
    }
}

/// Photos with their truth.
#[derive(Clone, Debug, Default)]
pub struct Dataset {
    /// The dataset's name.
    pub name: String,
    /// The metric profile of its boxes.
    pub profile: Profile,
    /// The classes that [`Photo::class`] counts in.
    pub classes: ClassList,
    /// The ILSVRC ID (1..=1000) of each class, where it is known: what a devkit submission calls
    /// it.
    pub ilsvrc_ids: Option<Vec<usize>>,
    /// The photos, in the order of their results.
    pub photos: Vec<Photo>,
    /// How many photos there are before only some are picked.
    pub whole: usize,
    /// Whether weights were given.
    pub weighted: bool,
    /// What the reader mended on the way, for the user to know: boxes cut off at the photo's edge,
    /// say.
    pub notes: Vec<String>,
    /// Where the boxes lay before anything was cut off.
    pub edges: BoxEdges,
    /// Lists of numbers that steer the reading, by what they are (`blacklist`, `label order`,
    /// `ground truth`): for checks.
    pub files: Vec<(&'static str, PathBuf)>,
}

/// Where photos stand in a dataset, by their names.
#[derive(Clone, Debug)]
pub struct Places<'a>(HashMap<&'a str, usize>);

impl Places<'_> {
    /// The place of a photo.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<usize> {
        self.0.get(bare(id).unwrap_or(id)).copied()
    }
}

/// What to read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// A name or a path.
    pub dataset: Option<&'a Path>,
    /// Where the data lie, for a description that does not say so itself.
    pub data_dir: Option<&'a Path>,
    /// A CSV of weights (`image_id`, ..., `weight`) in place of the description's.
    pub weights: Option<&'a Path>,
    /// A file of photo names, one a line: only these are read.
    pub images: Option<&'a Path>,
    /// The classes of a layout that does not name its own (a CSV, a folder), in place of
    /// ImageNet's.
    pub classes: Option<&'a ClassList>,
    /// Leave out boxes that cannot be, with a note, in place of an error.
    pub lenient: bool,
}

impl Dataset {
    /// Reads a dataset's truth. Photos themselves are not decoded.
    ///
    /// # Errors
    /// [`DatasetError`] with every fault found.
    pub fn open(request: &Request<'_>) -> Result<Self, DatasetError> {
        Self::read_truth(request)
            .map_err(|error| error.or_help("fix the file; data/README.md describes the format"))
    }

    fn read_truth(request: &Request<'_>) -> Result<Self, DatasetError> {
        let wanted = request.images.map(text::lines).transpose()?;
        let (mut dataset, own_weights) = description::open(request, wanted.as_deref())?;
        dataset.whole = dataset.whole.max(dataset.photos.len());
        dataset.check_photos()?;
        if let Some(wanted) = &wanted {
            dataset.keep(wanted)?;
        }
        if let Some(weights) = request.weights.or(own_weights.as_deref()) {
            dataset.weigh(weights)?;
        }
        if dataset.photos.is_empty() {
            return Err(DatasetError::new(format!("{}: it has no photos", dataset.name)));
        }
        Ok(dataset)
    }

    /// Keeps the first `count` photos of a fixed shuffle, in the dataset's order: a sample that
    /// grows with `count`, up to all.
    pub fn limit(&mut self, count: usize) {
        let mut ranks: Vec<_> = self
            .photos
            .iter()
            .enumerate()
            .map(|(i, p)| (Sha256::digest(&p.id), i))
            .collect();
        ranks.sort();
        self.pick(ranks.into_iter().take(count).map(|(_, i)| i).collect());
    }

    /// SHA-256 of the truth, in hexadecimal: names, sizes, classes, boxes, weights, in order.
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

    /// The places of the photos by their names. A photo of ILSVRC's validation set is found by
    /// either of its names, `ILSVRC2012_val_00000001` and `val/ILSVRC2012_val_00000001.JPEG`.
    #[must_use]
    pub fn places(&self) -> Places<'_> {
        let names = self
            .photos
            .iter()
            .map(|photo| bare(&photo.id).unwrap_or(&photo.id));
        Places(names.zip(0..).collect())
    }

    /// Keeps the photos named in a file, one a line, and says which places they had.
    ///
    /// # Errors
    /// [`DatasetError`] naming what is not in the dataset.
    pub fn select(&mut self, images: &Path) -> Result<Vec<usize>, DatasetError> {
        self.keep(&text::lines(images)?)
    }

    /// Results are filed under photos' names, so none may lead out of its folder; and no photo is
    /// larger than a JPEG.
    fn check_photos(&self) -> Result<(), DatasetError> {
        let mut faults = Faults::default();
        let mut names = HashSet::new();
        for Photo { id, size, .. } in &self.photos {
            let sides = 1..=MAX_SIDE;
            if let Some(size) = size
                && !(sides.contains(&size.width) && sides.contains(&size.height))
            {
                faults.add(format!(
                    "{}: {id} is {size}; sides are 1 to {MAX_SIDE} pixels",
                    self.name
                ));
            }
            if !names.insert(bare(id).unwrap_or(id)) {
                faults.add(format!(
                    "{}: {id} stands twice, under one name or under two",
                    self.name
                ));
            }
            let plain =
                |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
            if id.is_empty() || !Path::new(id).components().all(plain) {
                faults.add(format!(
                    "{}: '{id}' is no name for a photo: it is empty, or leads out of its folder",
                    self.name
                ));
            }
        }
        faults.into_result()
    }

    fn pick(&mut self, mut places: Vec<usize>) -> Vec<usize> {
        places.sort_unstable();
        places.dedup();
        self.photos = places.iter().map(|&i| self.photos[i].clone()).collect();
        places
    }

    fn keep(&mut self, wanted: &[String]) -> Result<Vec<usize>, DatasetError> {
        let places = self.places();
        let mut faults = Faults::default();
        let mut kept = Vec::new();
        for name in wanted {
            match places.get(name) {
                Some(i) => kept.push(i),
                None => faults.add(format!(
                    "--images names {name}, which is not in {}",
                    self.name
                )),
            }
        }
        let example = self.photos.first().map_or("", |photo| photo.id.as_str());
        faults.into_result_with(&format!("its photos are called like {example}"))?;
        Ok(self.pick(kept))
    }

    fn weigh(&mut self, path: &Path) -> Result<(), DatasetError> {
        let weights = box_table::weights(path)?;
        let mut faults = Faults::default();
        for photo in &mut self.photos {
            match weights.get(&photo.id) {
                Some(&weight) => photo.weight = weight,
                None => faults.add(format!("{}: no weight for {}", path.display(), photo.id)),
            }
        }
        self.weighted = true;
        faults.into_result()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of weight 0 would be lost from weighted scores.
    #[test]
    fn a_photo_without_a_weight_weighs_one() {
        assert_eq!(Photo::default().weight, 1.0);
    }
}
