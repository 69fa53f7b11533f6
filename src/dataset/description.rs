//! Descriptions of datasets: TOML files that say which layout a dataset has and where its files
//! are.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::error::DatasetError;
use super::photo_list::PhotoList;
use super::request::Request;
use super::truth::Dataset;
use super::{box_table, coco, cub, folder, ilsvrc, kaggle, shard_names, voc, webdataset, wsol};
use crate::assets::{self, DATASETS};
use crate::classes::ClassList;
use crate::path_text;
use crate::remedy::Remedy;
use crate::storage;

/// The layouts: what a description calls each, and what it is.
pub const LAYOUTS: &[(&str, &str)] = &[
    ("coco", "COCO instances: a JSON of boxes and segmentations"),
    ("csv", "a table of boxes, boxes.csv"),
    ("cub", "CUB-200-2011's lists"),
    ("folder", "photos, perhaps in folders named by their class"),
    (
        "ilsvrc",
        "ILSVRC's validation set, as files or archives, found by their names",
    ),
    (
        "kaggle",
        "Kaggle's ImageNet challenge: LOC_val_solution.csv and the tree",
    ),
    (
        "voc",
        "Pascal VOC, also from labelImg, CVAT, Roboflow: XML, 1-based",
    ),
    (
        "webdataset",
        "tar shards with photos (.jpg), classes (.cls) and labels (.json)",
    ),
    (
        "wsol",
        "wsolevaluation's metadata: image_ids.txt and three more lists",
    ),
];

/// A dataset's description as written.
///
/// Paths are relative to the data folder, which is `folder` beside the description, or else the
/// request's. A list of paths names alternatives, of which the first that exists is used. Which
/// keys are allowed depends on the layout.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct DatasetDescription {
    /// For people.
    title: String,
    kind: DatasetLayout,
    /// The data folder, relative to the description. Absent if users have to bring the data.
    folder: Option<PathBuf>,
    /// The class list, if the layout does not bring its own: a file beside the description or in
    /// the data folder, or `data/classes/NAME.csv`.
    classes: Option<String>,
    /// A file of weights.
    weights: Option<PathBuf>,
    /// `csv`: the tables.
    #[serde(default)]
    boxes: Vec<PathBuf>,
    /// `csv`: a folder of masks.
    masks: Option<PathBuf>,
    /// Folders of photos; `webdataset`: shards, which may have ranges in braces.
    #[serde(default)]
    images: Vec<PathBuf>,
    /// `coco`: files; `wsol`: folders of lists; `voc`, `cub`: the folder
    /// of everything.
    #[serde(default)]
    annotations: Vec<PathBuf>,
    /// `kaggle`: the photos left out of localisation, one number per line.
    #[serde(default)]
    blacklist: Vec<PathBuf>,
    /// `kaggle`: lines `WNID ID name`.
    #[serde(default)]
    label_order: Vec<PathBuf>,
    /// `voc`, `cub`, `kaggle`: which photos. In `voc`, a list of `ImageSets/Main`.
    split: Option<String>,
    /// `cub`: where a box ends.
    box_end: Option<cub::BoxEnd>,
}

/// See [`LAYOUTS`].
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum DatasetLayout {
    Coco,
    Csv,
    Cub,
    Folder,
    Ilsvrc,
    Kaggle,
    Voc,
    Webdataset,
    Wsol,
}

impl DatasetLayout {
    /// The keys that the layout's reader uses, besides those that all layouts have.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Coco => &["annotations", "images"],
            Self::Csv => &["boxes", "masks", "classes"],
            Self::Cub => &["annotations", "split", "box-end"],
            Self::Folder => &["classes"],
            Self::Ilsvrc => &["classes"],
            Self::Kaggle => &["split", "blacklist", "label-order"],
            Self::Voc => &["annotations", "images", "split", "classes"],
            Self::Webdataset => &["images", "classes"],
            Self::Wsol => &["annotations", "images", "classes"],
        }
    }
}

impl DatasetDescription {
    fn load(path: &Path) -> Result<Self, DatasetError> {
        let (path, text) = DATASETS.read(path)?;
        let origin = path.display().to_string();
        Ok(DATASETS.parse(&text, &origin)?)
    }

    /// Refuses a key that the layout does not use, which would be ignored silently.
    fn refuse_unused_keys(&self, path: &Path) -> Result<(), DatasetError> {
        let given = [
            ("classes", self.classes.is_some()),
            ("boxes", !self.boxes.is_empty()),
            ("masks", self.masks.is_some()),
            ("images", !self.images.is_empty()),
            ("annotations", !self.annotations.is_empty()),
            ("blacklist", !self.blacklist.is_empty()),
            ("label-order", !self.label_order.is_empty()),
            ("split", self.split.is_some()),
            ("box-end", self.box_end.is_some()),
        ];
        let used = self.kind.keys();
        for (key, is_given) in given {
            if is_given && !used.contains(&key) {
                let advice = format!("its keys are {}", used.join(", "));
                let fault = format!("this kind does not use {key}");
                return Err(DatasetError::at(path, fault).or_advice(advice));
            }
        }
        Ok(())
    }

    /// The data folder of the description at `path`.
    fn data_folder(&self, path: &Path, request: &Request<'_>) -> Result<PathBuf, DatasetError> {
        if let Some(own) = &self.folder {
            let folder = path.parent().unwrap_or(Path::new(".")).join(own);
            return assets::folder(&folder).map_err(|error| DatasetError::new(error.to_string()));
        }
        let given = request.data_dir.map(Path::to_owned);
        given.ok_or_else(|| {
            let fault = format!(
                "{}: its files are not shipped with this program",
                stem(path)
            );
            DatasetError::new(fault).or_remedy(Remedy::FetchData)
        })
    }

    /// The split, or an error that names the ones that exist.
    fn split<T>(
        &self,
        path: &Path,
        from_name: impl Fn(Option<&str>) -> Option<T>,
        known: &str,
    ) -> Result<T, DatasetError> {
        let name = self.split.as_deref();
        from_name(name).ok_or_else(|| {
            let name = name.unwrap_or_default();
            let error = DatasetError::at(path, format!("unknown split {name:?}"));
            error.or_advice(format!("the splits are {known}"))
        })
    }

    /// Reads the dataset, whose data are in `root`. Errors name the description at `path`.
    fn read(
        &self,
        path: &Path,
        root: &Path,
        request: &Request<'_>,
        selection: Option<&PhotoList>,
    ) -> Result<Dataset, DatasetError> {
        let beside = path.parent().unwrap_or(Path::new("."));
        let named = match &self.classes {
            Some(name) => Some(ClassList::named(name, &[beside, root])?),
            None => None,
        };
        let classes = named.as_ref().or(request.classes);
        self.refuse_unused_keys(path)?;
        let annotations = || require_existing(root, "annotations", &self.annotations);
        let images = first_existing_or_first(root, &self.images);
        let lenient = request.lenient;
        match self.kind {
            DatasetLayout::Coco => coco::read(&annotations()?, &[images], lenient),
            DatasetLayout::Csv => {
                let files: Vec<_> = self.boxes.iter().map(|file| root.join(file)).collect();
                let masks = self.masks.as_ref().map(|folder| root.join(folder));
                box_table::read(&files, masks.as_deref(), classes, lenient)
            }
            DatasetLayout::Cub => {
                let split = self.split(path, cub::CubSplit::from_name, "test, train, all")?;
                let end = self.box_end.unwrap_or_default();
                cub::read(&annotations()?, split, end, lenient)
            }
            DatasetLayout::Folder => folder::read(root, imagenet_or(classes)?),
            DatasetLayout::Ilsvrc => {
                ilsvrc::read(root, imagenet_or(named.as_ref())?, selection, lenient)
            }
            DatasetLayout::Kaggle => {
                let split = self.split(path, kaggle::KaggleSplit::from_name, "val, train")?;
                let blacklist = first_existing(root, &self.blacklist);
                let label_map = first_existing(root, &self.label_order);
                kaggle::read(root, split, blacklist, label_map.as_deref(), lenient)
            }
            DatasetLayout::Voc => {
                let options = voc::VocOptions {
                    split: self.split.as_deref(),
                    photos: (!self.images.is_empty()).then_some(images),
                    classes: named.as_ref(),
                    model_classes: request.classes,
                    lenient,
                };
                voc::read(&annotations()?, options)
            }
            DatasetLayout::Webdataset => {
                let patterns = self.images.iter().map(|pattern| root.join(pattern));
                let shards: Result<Vec<_>, _> = patterns.map(|p| shard_names::expand(&p)).collect();
                webdataset::read(&shards?.concat(), imagenet_or(classes)?, lenient)
            }
            DatasetLayout::Wsol => {
                let metadata = annotations()?;
                let masks = wsol::find_masks(&metadata, &images);
                wsol::read(&metadata, &images, &masks, named, lenient)
            }
        }
    }
}

/// Reads the dataset that the description at `path` describes, and returns its file of weights, if
/// it has one.
pub(super) fn read(
    path: &Path,
    request: &Request<'_>,
    selection: Option<&PhotoList>,
) -> Result<(Dataset, Option<PathBuf>), DatasetError> {
    let description = DatasetDescription::load(path)?;
    let root = description.data_folder(path, request)?;
    let weights = description
        .weights
        .as_ref()
        .map(|weights| root.join(weights));
    let dataset = description.read(path, &root, request, selection)?;
    let name = stem(path);
    Ok((Dataset { name, ..dataset }, weights))
}

/// The title of a dataset that has a description.
///
/// # Errors
/// [`DatasetError`] when there is none, or it is invalid.
pub fn title(name: &Path) -> Result<String, DatasetError> {
    Ok(DatasetDescription::load(&DATASETS.path(name))?.title)
}

/// The name of a file without its extension, or of a folder.
pub(super) fn stem(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or(path.to_owned());
    let name = path_text::encode(path.file_name().unwrap_or_default());
    match storage::extension_length(&path) {
        0 => path_text::encode(path.file_stem().unwrap_or_default()),
        extension => name[..name.len() - extension].to_owned(),
    }
}

/// The given class list, or ImageNet's.
pub(super) fn imagenet_or(given: Option<&ClassList>) -> Result<ClassList, DatasetError> {
    match given {
        Some(list) => Ok(list.clone()),
        None => Ok(ClassList::read(ClassList::IMAGENET)?),
    }
}

/// The first of the places, relative to `root`, that exists.
fn first_existing(root: &Path, places: &[PathBuf]) -> Option<PathBuf> {
    places
        .iter()
        .map(|place| root.join(place))
        .find(|path| storage::exists(path))
}

/// The same for something that the dataset cannot do without.
fn require_existing(root: &Path, what: &str, places: &[PathBuf]) -> Result<PathBuf, DatasetError> {
    first_existing(root, places).ok_or_else(|| {
        let tried: Vec<_> = places
            .iter()
            .map(|place| place.display().to_string())
            .collect();
        let (root, tried) = (root.display(), tried.join(", "));
        DatasetError::new(format!("{root}: no {what}; looked for {tried}"))
            .or_advice("data/README.md says what to fetch and where to put it")
    })
}

/// A folder of photos, or else where it should be: truth alone is enough for a score.
fn first_existing_or_first(root: &Path, places: &[PathBuf]) -> PathBuf {
    first_existing(root, places)
        .unwrap_or_else(|| root.join(places.first().map_or(Path::new(""), PathBuf::as_path)))
}
