//! From a name or a path to a dataset: descriptions, and the files by which a folder's layout is
//! known.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Dataset, DatasetError, Request, box_table, coco, cub, folder, ilsvrc, kaggle, voc, wsol};
use crate::classes::ClassList;
use crate::assets::{self, DATASETS};

/// The layouts: what a description calls each, and what it is.
pub const LAYOUTS: &[(&str, &str)] = &[
    ("coco", "COCO instances: a JSON of boxes and segmentations"),
    ("csv", "a table of boxes, boxes.csv"),
    ("cub", "CUB-200-2011's lists"),
    ("folder", "photos, perhaps in folders named by their class"),
    (
        "ilsvrc",
        "the ILSVRC development kit: XML, ground-truth list, blacklist",
    ),
    (
        "kaggle",
        "Kaggle's ImageNet challenge: LOC_val_solution.csv and the tree",
    ),
    ("voc", "Pascal VOC: XML, 1-based"),
    (
        "wsol",
        "wsolevaluation's metadata: image_ids.txt and three lists more",
    ),
];

/// A dataset's description as written. Paths are seen from the data folder, which is `folder`
/// beside the description, or what `--data-dir` names. Lists name places of which the first that
/// exists counts. Which keys count is the layout's affair.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct DatasetDescription {
    /// For people.
    title: String,
    kind: DatasetLayout,
    /// The data folder, seen from the description; left out where the user brings the data.
    folder: Option<PathBuf>,
    /// The class list, `data/classes/NAME.csv`, where the layout does not bring its own.
    classes: Option<String>,
    /// A file of weights.
    weights: Option<PathBuf>,
    /// `csv`: the tables.
    #[serde(default)]
    boxes: Vec<PathBuf>,
    /// `csv`: a folder of masks.
    masks: Option<PathBuf>,
    /// Folders of photos.
    #[serde(default)]
    images: Vec<PathBuf>,
    /// `ilsvrc`: folders of XML; `coco`: files; `wsol`: folders of lists; `voc`, `cub`: the folder
    /// of everything.
    #[serde(default)]
    annotations: Vec<PathBuf>,
    /// `ilsvrc`: the class of each photo, one ILSVRC ID a line.
    #[serde(default)]
    ground_truth: Vec<PathBuf>,
    /// `ilsvrc`, `kaggle`: the photos left out of localisation, one number a line.
    #[serde(default)]
    blacklist: Vec<PathBuf>,
    /// `ilsvrc`: `WNID ID name` lines.
    #[serde(default)]
    label_order: Vec<PathBuf>,
    /// `voc`, `cub`, `kaggle`: which photos.
    split: Option<String>,
    /// `cub`: where a box ends.
    box_end: Option<cub::BoxEnd>,
}

impl DatasetDescription {
    /// A key that the layout does not read would be ignored in silence.
    fn refuse_unread(&self, path: &Path) -> Result<(), DatasetError> {
        let given = [
            ("classes", self.classes.is_some()),
            ("boxes", !self.boxes.is_empty()),
            ("masks", self.masks.is_some()),
            ("images", !self.images.is_empty()),
            ("annotations", !self.annotations.is_empty()),
            ("ground-truth", !self.ground_truth.is_empty()),
            ("blacklist", !self.blacklist.is_empty()),
            ("label-order", !self.label_order.is_empty()),
            ("split", self.split.is_some()),
            ("box-end", self.box_end.is_some()),
        ];
        let read: &[&str] = match self.kind {
            DatasetLayout::Coco => &["annotations", "images"],
            DatasetLayout::Csv => &["boxes", "masks", "classes"],
            DatasetLayout::Cub => &["annotations", "split", "box-end"],
            DatasetLayout::Folder => &["classes"],
            DatasetLayout::Ilsvrc => &[
                "annotations",
                "images",
                "ground-truth",
                "blacklist",
                "label-order",
                "classes",
            ],
            DatasetLayout::Kaggle => &["split", "blacklist", "label-order"],
            DatasetLayout::Voc => &["annotations", "split"],
            DatasetLayout::Wsol => &["annotations", "images", "classes"],
        };
        let unread = given
            .iter()
            .find(|(key, is_given)| *is_given && !read.contains(key));
        unread.map_or(Ok(()), |(key, _)| {
            Err(DatasetError::at(
                path,
                format!(
                    "{key} is not read in this kind\nhelp: its keys are {}",
                    read.join(", ")
                ),
            ))
        })
    }

    /// The data folder of the description at `path`.
    fn root(&self, path: &Path, request: &Request<'_>) -> Result<PathBuf, DatasetError> {
        match (&self.folder, request.data_dir) {
            (Some(own), _) => {
                let folder = path.parent().unwrap_or(Path::new(".")).join(own);
                assets::folder(&folder).map_err(|error| DatasetError::new(error.to_string()))
            }
            (None, Some(given)) => Ok(given.to_owned()),
            (None, None) => Err(DatasetError::new(format!(
                "{}: its photos are yours to bring\nhelp: say where they lie with --data-dir or LOCALISE_DATA; \
                 data/README.md tells what is wanted",
                stem(path)
            ))),
        }
    }

    fn ilsvrc(
        &self,
        root: &Path,
        annotations: PathBuf,
        images: PathBuf,
    ) -> Result<ilsvrc::Layout, DatasetError> {
        Ok(ilsvrc::Layout {
            images,
            annotations,
            ground_truth: needed(root, "ground-truth list", &self.ground_truth)?,
            blacklist: needed(root, "blacklist", &self.blacklist)?,
            label_order: first_existing(root, &self.label_order),
        })
    }

    /// Reads the dataset, whose data lie in `root`. Errors name the description at `path`.
    fn read(
        &self,
        path: &Path,
        root: &Path,
        request: &Request<'_>,
        wanted: Option<&[String]>,
    ) -> Result<Dataset, DatasetError> {
        let named = self
            .classes
            .as_deref()
            .map(|name| ClassList::read(name).map_err(DatasetError::new))
            .transpose()?;
        let given = named.as_ref().or(request.classes);
        self.refuse_unread(path)?;
        let annotations = || needed(root, "annotations", &self.annotations);
        let images = or_first(root, &self.images);
        let lenient = request.lenient;
        let split = self.split.as_deref();
        let wrong_split = |known: &str| {
            let split = split.unwrap_or_default();
            DatasetError::at(
                path,
                format!("split {split:?} is none that is known\nhelp: known are {known}"),
            )
        };
        match self.kind {
            DatasetLayout::Coco => coco::read(&annotations()?, &images, lenient),
            DatasetLayout::Csv => {
                let files: Vec<_> = self.boxes.iter().map(|file| root.join(file)).collect();
                let masks = self.masks.as_ref().map(|folder| root.join(folder));
                box_table::read(&files, masks.as_deref(), given, lenient)
            }
            DatasetLayout::Cub => {
                let split =
                    cub::CubSplit::named(split).ok_or_else(|| wrong_split("test, train, all"))?;
                cub::read(
                    &annotations()?,
                    split,
                    self.box_end.unwrap_or_default(),
                    lenient,
                )
            }
            DatasetLayout::Folder => folder::read(root, imagenet_or(given)?),
            DatasetLayout::Ilsvrc => {
                let layout = self.ilsvrc(root, annotations()?, images)?;
                ilsvrc::read(&layout, imagenet_or(named.as_ref())?, wanted, lenient)
            }
            DatasetLayout::Kaggle => {
                let split = kaggle::KaggleSplit::named(split).ok_or_else(|| wrong_split("val, train"))?;
                let [blacklist, order] =
                    [&self.blacklist, &self.label_order].map(|list| first_existing(root, list));
                kaggle::read(root, split, blacklist, order.as_deref(), lenient)
            }
            DatasetLayout::Voc => voc::read(&annotations()?, split.unwrap_or("test"), lenient),
            DatasetLayout::Wsol => {
                let metadata = annotations()?;
                wsol::read(
                    &metadata,
                    &images,
                    &wsol::masks(&metadata, &images),
                    named,
                    lenient,
                )
            }
        }
    }
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
    Wsol,
}

/// Reads what is asked for, and names the file of weights that goes with it.
pub(super) fn open(
    request: &Request<'_>,
    wanted: Option<&[String]>,
) -> Result<(Dataset, Option<PathBuf>), DatasetError> {
    let Some(given) = request.dataset else {
        return Err(DatasetError::new(
            "no dataset was named\nhelp: `localise list datasets`",
        ));
    };
    let dataset = if DATASETS.origin(given).is_some() {
        return described(&DATASETS.path(given), request, wanted);
    } else if given.extension().is_some_and(|e| e == "toml") {
        return described(given, request, wanted);
    } else if given.is_dir() {
        by_sign(given, request)?
    } else if given.extension().is_some_and(|e| e == "json") && given.is_file() {
        let images = request
            .data_dir
            .unwrap_or(given.parent().unwrap_or(Path::new(".")));
        coco::read(given, images, request.lenient)?
    } else if given.is_file() {
        box_table::read(&[given.to_owned()], None, request.classes, request.lenient)?
    } else {
        return Err(DatasetError::new(DATASETS.unknown(given)));
    };
    // wsolevaluation's folders are called by the split.
    let name = match (dataset.name.is_empty(), stem(given)) {
        (false, _) => dataset.name,
        (true, split) if ["train", "val", "test"].contains(&split.as_str()) => given
            .parent()
            .map_or(split.clone(), |parent| format!("{}-{split}", stem(parent))),
        // A table is called by its folder.
        (true, table) if table == "boxes" => given.parent().map_or(table, stem),
        (true, name) => name,
    };
    Ok((Dataset { name, ..dataset }, None))
}

fn stem(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or(path.to_owned());
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Folders that a shipped description reads, and what tells them.
const DESCRIBED: [(&str, &[&str]); 3] = [
    ("ilsvrc-kaggle", &["LOC_val_solution.csv"]),
    (
        "ilsvrc-val",
        &[
            "ILSVRC2014_devkit",
            "ILSVRC2012_devkit_t12",
            "ILSVRC2012_bbox_val_v3",
            "ILSVRC/devkit",
        ],
    ),
    ("coco2017", &["annotations/instances_val2017.json"]),
];

/// A folder whose layout is known by the files in it.
fn by_sign(root: &Path, request: &Request<'_>) -> Result<Dataset, DatasetError> {
    let has = |name: &str| root.join(name).exists();
    let images = request.data_dir.unwrap_or(root);
    let lenient = request.lenient;
    if has("truth.csv") && has("manifest.json") {
        return box_table::read_run(root, lenient);
    }
    if has("boxes.csv") {
        return box_table::read(&[root.join("boxes.csv")], None, request.classes, lenient);
    }
    if has(wsol::SIGN) {
        let masks = wsol::masks(root, images);
        return wsol::read(root, images, &masks, None, lenient);
    }
    for (name, signs) in DESCRIBED {
        if signs.iter().any(|sign| has(sign)) {
            let path = DATASETS.path(name.as_ref());
            return Ok(described(
                &path,
                &Request {
                    data_dir: Some(root),
                    ..*request
                },
                None,
            )?
            .0);
        }
    }
    if has("bounding_boxes.txt") && has("images.txt") {
        return cub::read(root, cub::CubSplit::default(), cub::BoxEnd::default(), lenient);
    }
    if has("JPEGImages") && has("ImageSets/Main") {
        let split = if has("ImageSets/Main/test.txt") {
            "test"
        } else {
            "val"
        };
        return voc::read(root, split, lenient);
    }
    if folder::has_photos(root) {
        return folder::read(root, imagenet_or(request.classes)?);
    }
    let signs = "boxes.csv, image_ids.txt, LOC_val_solution.csv, ILSVRC2014_devkit, instances_val2017.json, \
                 bounding_boxes.txt, JPEGImages, and photos";
    Err(DatasetError::new(format!(
        "{}: no dataset is known by what lies there\nhelp: looked for {signs}",
        root.display()
    )))
}

fn imagenet_or(given: Option<&ClassList>) -> Result<ClassList, DatasetError> {
    given.map_or_else(
        || ClassList::read(ClassList::IMAGENET).map_err(DatasetError::new),
        |list| Ok(list.clone()),
    )
}

/// Reads the dataset that the description at `path` describes, and names its file of weights.
fn described(
    path: &Path,
    request: &Request<'_>,
    wanted: Option<&[String]>,
) -> Result<(Dataset, Option<PathBuf>), DatasetError> {
    let name = stem(path);
    let file = describe(path)?;
    let root = file.root(path, request)?;
    let weights = file.weights.as_ref().map(|weights| root.join(weights));
    Ok((
        Dataset {
            name,
            ..file.read(path, &root, request, wanted)?
        },
        weights,
    ))
}

/// The first place, seen from `root`, that exists.
fn first_existing(root: &Path, places: &[PathBuf]) -> Option<PathBuf> {
    places
        .iter()
        .map(|place| root.join(place))
        .find(|path| path.exists())
}

/// The same, of what the dataset cannot do without.
fn needed(root: &Path, what: &str, places: &[PathBuf]) -> Result<PathBuf, DatasetError> {
    first_existing(root, places).ok_or_else(|| {
        let tried: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
        DatasetError::new(format!(
            "{}: no {what}; looked for {}\nhelp: data/README.md tells what to fetch and where to put it",
            root.display(),
            tried.join(", ")
        ))
    })
}

/// A folder of photos, or where it should be: truth alone is enough for a score.
fn or_first(root: &Path, places: &[PathBuf]) -> PathBuf {
    first_existing(root, places)
        .unwrap_or_else(|| root.join(places.first().map_or(Path::new(""), PathBuf::as_path)))
}

fn describe(path: &Path) -> Result<DatasetDescription, DatasetError> {
    let (path, text) = DATASETS.read(path).map_err(DatasetError::new)?;
    DATASETS.parse(&text, &path.display().to_string()).map_err(DatasetError::new)
}

/// The title of a dataset that has a description.
///
/// # Errors
/// [`DatasetError`] when there is none, or it is wrong.
pub fn title(name: &Path) -> Result<String, DatasetError> {
    Ok(describe(&DATASETS.path(name))?.title)
}
