//! Opens a dataset: finds its layout, reads it, and applies what the request asks for.

use std::path::{Path, PathBuf};

use super::error::DatasetError;
use super::photo_list::PhotoList;
use super::request::Request;
use super::truth::Dataset;
use super::{box_table, coco, cub, description, folder, voc, weights, wsol};
use crate::assets::DATASETS;

impl Dataset {
    /// Reads a dataset's truth. The photos themselves are not decoded.
    ///
    /// # Errors
    /// [`DatasetError`] with every fault found.
    pub fn open(request: &Request<'_>) -> Result<Self, DatasetError> {
        let advice = "fix the file; data/README.md describes the format";
        open(request).map_err(|error| error.or_advice(advice))
    }
}

fn open(request: &Request<'_>) -> Result<Dataset, DatasetError> {
    let selection = request.images.map(PhotoList::read).transpose()?;
    let (mut dataset, own_weights) = read(request, selection.as_ref())?;
    dataset.total_photos = dataset.total_photos.max(dataset.photos.len());
    dataset.check_photos()?;
    if let Some(selection) = &selection {
        dataset.select_list(selection)?;
    }
    if let Some(path) = request.weights.or(own_weights.as_deref()) {
        weights::apply(&mut dataset, path)?;
    }
    if dataset.photos.is_empty() {
        let advice = "check the dataset's files, and the list of photos if one was given";
        let fault = format!("{}: it has no photos", dataset.name);
        return Err(DatasetError::new(fault).or_advice(advice));
    }
    Ok(dataset)
}

/// Reads what the request names, and returns the description's file of weights, if it has one.
fn read(
    request: &Request<'_>,
    selection: Option<&PhotoList>,
) -> Result<(Dataset, Option<PathBuf>), DatasetError> {
    let Some(given) = request.dataset else {
        let advice = "`localise list datasets` lists those that are known";
        return Err(DatasetError::new("no dataset was named").or_advice(advice));
    };
    let has_extension = |wanted: &str| given.extension().is_some_and(|found| found == wanted);
    if DATASETS.origin(given).is_some() {
        return description::read(&DATASETS.path(given), request, selection);
    }
    if has_extension("toml") {
        return description::read(given, request, selection);
    }
    let dataset = if given.is_dir() {
        read_folder(given, request)?
    } else if has_extension("json") && given.is_file() {
        let beside = given.parent().unwrap_or(Path::new("."));
        coco::read(given, request.data_dir.unwrap_or(beside), request.lenient)?
    } else if given.is_file() {
        box_table::read(&[given.to_owned()], None, request.classes, request.lenient)?
    } else {
        return Err(DATASETS.unknown(given).into());
    };
    let name = if dataset.name.is_empty() {
        name_from_path(given)
    } else {
        dataset.name
    };
    Ok((Dataset { name, ..dataset }, None))
}

/// The name of a dataset that was given by its path and has no name of its own.
fn name_from_path(path: &Path) -> String {
    let stem = description::stem(path);
    match (stem.as_str(), path.parent()) {
        // The folders of wsolevaluation are called after the split.
        ("train" | "val" | "test", Some(parent)) => {
            format!("{}-{stem}", description::stem(parent))
        }
        // A table is called after its folder.
        ("boxes", Some(parent)) => description::stem(parent),
        _ => stem,
    }
}

/// Layouts that are read by means of a shipped description, with the files or folders by which
/// they are recognised.
const DESCRIBED_LAYOUTS: [(&str, &[&str]); 3] = [
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

/// Reads a folder whose layout is recognised by the files in it.
fn read_folder(root: &Path, request: &Request<'_>) -> Result<Dataset, DatasetError> {
    let has = |name: &str| root.join(name).exists();
    let images = request.data_dir.unwrap_or(root);
    let lenient = request.lenient;
    if has("truth.csv") && has("manifest.json") {
        return box_table::read_run(root, lenient);
    }
    if has("boxes.csv") {
        return box_table::read(&[root.join("boxes.csv")], None, request.classes, lenient);
    }
    if has(wsol::IDS_FILE) {
        let masks = wsol::find_masks(root, images);
        return wsol::read(root, images, &masks, None, lenient);
    }
    for (name, files) in DESCRIBED_LAYOUTS {
        if files.iter().any(|file| has(file)) {
            // The description has no data folder of its own: the data are in this folder.
            let inside = Request {
                data_dir: Some(root),
                ..*request
            };
            // All photos are read, and `open` selects among them. These descriptions name no
            // weights.
            let (dataset, _) = description::read(&DATASETS.path(name.as_ref()), &inside, None)?;
            return Ok(dataset);
        }
    }
    if has("bounding_boxes.txt") && has("images.txt") {
        let (split, end) = (cub::CubSplit::default(), cub::BoxEnd::default());
        return cub::read(root, split, end, lenient);
    }
    if has("JPEGImages") && has("ImageSets/Main") {
        let has_test = has("ImageSets/Main/test.txt");
        return voc::read(root, if has_test { "test" } else { "val" }, lenient);
    }
    if folder::has_photos(root) {
        return folder::read(root, description::imagenet_or(request.classes)?);
    }
    let fault = format!(
        "{}: this folder has no known dataset layout; looked for boxes.csv, image_ids.txt, \
         LOC_val_solution.csv, ILSVRC2014_devkit (or ILSVRC2012_devkit_t12, \
         ILSVRC2012_bbox_val_v3, ILSVRC/devkit), annotations/instances_val2017.json, \
         bounding_boxes.txt with images.txt, JPEGImages with ImageSets/Main, and photos",
        root.display()
    );
    let advice = "is it one level too high or too low? `localise list layouts` lists the layouts";
    Err(DatasetError::new(fault).or_advice(advice))
}
