//! Opens a dataset: finds its layout, reads it, and applies what the request asks for.

use std::path::{Path, PathBuf};

use super::error::DatasetError;
use super::photo_list::PhotoList;
use super::request::Request;
use super::stated_boxes::StatedBoxes;
use super::truth::Dataset;
use super::{
    box_table, coco, cub, description, folder, shard_names, voc, voc_files, webdataset, weights,
    wsol, wsol_lists,
};
use crate::assets::DATASETS;
use crate::path_text;
use crate::storage;

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
    check_boxes(&mut dataset, request.dataset.unwrap_or(Path::new("")))?;
    if let Some(selection) = &selection {
        dataset.select_list(selection)?;
    }
    if let Some(path) = request.weights.or(own_weights.as_deref()) {
        weights::apply(&mut dataset, path)?;
    }
    if dataset.photos.is_empty() {
        let advice = "check the dataset's files, and the list of photos if one was given";
        let notes = in_brackets(&dataset.notes);
        let fault = format!("{}: it has no photos{notes}", dataset.name);
        return Err(DatasetError::new(fault).or_advice(advice));
    }
    Ok(dataset)
}

/// The notes of a dataset without photos, which may say why it has none.
fn in_brackets(notes: &[String]) -> String {
    if notes.is_empty() {
        String::new()
    } else {
        format!(" ({})", notes.join("; "))
    }
}

/// Refuses boxes that are normalised beyond doubt, and adds what is suspicious about the boxes.
fn check_boxes(dataset: &mut Dataset, origin: &Path) -> Result<(), DatasetError> {
    let mut boxes = StatedBoxes::default();
    for photo in &dataset.photos {
        for bbox in &photo.boxes {
            boxes.add(*bbox, photo.size);
        }
    }
    boxes.ensure_pixels(origin)?;
    // The boxes of photos have been clipped. Where they were before is in `edges`.
    let edges = [dataset.edges.outside(0.0), dataset.edges.wrong_base()];
    dataset.suspicions.extend(boxes.suspicion());
    dataset.suspicions.extend(edges.into_iter().flatten());
    Ok(())
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
    if let Some(fault) = remote(given) {
        return Err(fault);
    }
    let dataset = if storage::is_dir(given) {
        read_folder(given, request)?
    } else if has_extension("json") && storage::is_file(given) {
        coco::read(given, &coco_folders(given, request), request.lenient)?
    } else if shard_names::is_pattern(given) {
        let shards = shard_names::expand(given)?;
        webdataset::read(
            &shards,
            description::imagenet_or(request.classes)?,
            request.lenient,
        )?
    } else if storage::is_archive(given) {
        // What is wrong with it.
        let read = storage::members(given).map(drop);
        return Err(read.map_or_else(
            |e| DatasetError::unreadable(given, e),
            |()| DATASETS.unknown(given).into(),
        ));
    } else if storage::is_file(given) && given.ends_with(SOLUTIONS) {
        let fault = format!("{}: Kaggle's table is a part of a dataset", given.display());
        let advice =
            "give the folder that it is in; or the dataset ilsvrc-val, and where its data are";
        return Err(DatasetError::new(fault).or_advice(advice));
    } else if storage::is_file(given) {
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

/// The error of an address: nothing is downloaded.
fn remote(given: &Path) -> Option<DatasetError> {
    let text = path_text::encode(given);
    let is_address = text.starts_with("pipe:") || text.contains("://");
    let fault = format!("{text}: data that are not on this machine are not read");
    is_address.then(|| DatasetError::new(fault).or_advice("download them, and give their path"))
}

/// The name of a dataset that was given by its path and has no name of its own.
fn name_from_path(path: &Path) -> String {
    let stem = description::stem(path);
    // What is in front of the range of shards.
    if let Some((name, _)) = stem.split_once('{') {
        return match name.trim_end_matches(['-', '_', '.']) {
            "" => "shards".into(),
            name => name.into(),
        };
    }
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
const DESCRIBED_LAYOUTS: [(&str, &[&str]); 2] = [
    (
        "ilsvrc-val",
        &[
            "ILSVRC2014_devkit",
            "ILSVRC2012_devkit_t12",
            "ILSVRC2012_bbox_val_v3",
            "ILSVRC2012_bbox_val_v3.tgz",
            "ILSVRC2012_img_val",
            "ILSVRC2012_img_val.tar",
            "ILSVRC/devkit",
            // Without the rest of Kaggle's tree.
            SOLUTIONS,
        ],
    ),
    ("coco2017", &["annotations/instances_val2017.json"]),
];

/// The layout of a folder with these files, if a shipped description reads it.
fn described_layout(has: &impl Fn(&str) -> bool) -> Option<&'static str> {
    if has(SOLUTIONS) && has("LOC_synset_mapping.txt") {
        return Some("ilsvrc-kaggle");
    }
    let mut layouts = DESCRIBED_LAYOUTS.into_iter();
    layouts.find_map(|(name, files)| files.iter().any(|file| has(file)).then_some(name))
}

/// Kaggle's table of the validation set.
const SOLUTIONS: &str = "LOC_val_solution.csv";

/// The folders that may contain the photos of a COCO file: the one that was named, or else the
/// file's own and those that tools put beside the folder of annotations.
fn coco_folders(file: &Path, request: &Request<'_>) -> Vec<PathBuf> {
    if let Some(folder) = request.data_dir {
        return vec![folder.to_owned()];
    }
    let own = file.parent().unwrap_or(Path::new("."));
    let stem = description::stem(file);
    let split = stem.strip_prefix("instances_").unwrap_or(&stem);
    let places = [
        "images",
        "../images",
        &format!("../images/{split}"),
        &format!("../{split}"),
    ];
    let existing = places
        .iter()
        .map(|place| own.join(place))
        .filter(|path| storage::is_dir(path));
    [own.to_owned()].into_iter().chain(existing).collect()
}

/// The COCO files of a folder as Roboflow, CVAT and COCO itself name them, sorted.
fn coco_files(root: &Path) -> Vec<PathBuf> {
    let own = root.join("_annotations.coco.json");
    if storage::is_file(&own) {
        return vec![own];
    }
    let is_instances = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("instances_") && name.ends_with(".json")
    };
    let files = storage::children(&root.join("annotations"));
    let files = files.unwrap_or_default().into_iter();
    files.filter(is_instances).collect()
}

/// The COCO file of a folder, if there is one.
///
/// # Errors
/// [`DatasetError`] that names the files of a folder which has several, as for several splits.
fn coco_file(root: &Path) -> Result<Option<PathBuf>, DatasetError> {
    match &coco_files(root)[..] {
        [] => Ok(None),
        [file] => Ok(Some(file.clone())),
        files => {
            let names = files.iter().map(|file| file.display().to_string());
            let names = names.collect::<Vec<_>>().join(", ");
            let fault = format!("{}: it has several COCO files: {names}", root.display());
            Err(DatasetError::new(fault).or_advice("give one of them as the dataset"))
        }
    }
}

/// The first COCO file in a folder that is in `root`.
fn coco_file_below(root: &Path) -> Option<PathBuf> {
    let folders = storage::children(root).ok()?;
    let mut folders = folders.iter().filter(|path| !storage::is_compressed(path));
    folders.find_map(|folder| coco_files(folder).into_iter().next())
}

/// Reads a folder whose layout is recognised by the files in it.
fn read_folder(root: &Path, request: &Request<'_>) -> Result<Dataset, DatasetError> {
    let has = |name: &str| storage::exists(&root.join(name));
    let images = request.data_dir.unwrap_or(root);
    let lenient = request.lenient;
    if has("truth.csv") && has("manifest.json") {
        return box_table::read_run(root, lenient);
    }
    if has("boxes.csv") {
        return box_table::read(&[root.join("boxes.csv")], None, request.classes, lenient);
    }
    if has(wsol_lists::IDS_FILE) {
        let masks = wsol::find_masks(root, images);
        return wsol::read(root, images, &masks, None, lenient);
    }
    if let Some(name) = described_layout(&has) {
        // The description has no data folder of its own: the data are in this folder.
        let inside = Request {
            data_dir: Some(root),
            ..*request
        };
        // All photos are read, and `open` selects among them. These descriptions name no weights.
        let (dataset, _) = description::read(&DATASETS.path(name.as_ref()), &inside, None)?;
        return Ok(dataset);
    }
    if has("bounding_boxes.txt") && has("images.txt") {
        let (split, end) = (cub::CubSplit::default(), cub::BoxEnd::default());
        return cub::read(root, split, end, lenient);
    }
    if let Some(file) = coco_file(root)? {
        return coco::read(&file, &coco_folders(&file, request), lenient);
    }
    match coco_file_below(root).or_else(|| voc_files::find_root(root)) {
        Some(found) if found == root => {
            let options = voc::VocOptions {
                model_classes: request.classes,
                lenient,
                ..voc::VocOptions::default()
            };
            return voc::read(root, options);
        }
        // Read as a folder of photos, it would lose its boxes.
        Some(found) => {
            let (root, found) = (root.display(), found.display());
            let fault = format!("{root}: its annotations are deeper, in {found}");
            return Err(DatasetError::new(fault).or_advice("give that as the dataset"));
        }
        None => {}
    }
    if let Some(shards) = webdataset::shards_in(root) {
        return webdataset::read(&shards, description::imagenet_or(request.classes)?, lenient);
    }
    let photos = folder::read(root, description::imagenet_or(request.classes)?)?;
    if photos.photos.is_empty() {
        return Err(unknown_layout(root, &photos.notes));
    }
    Ok(photos)
}

fn unknown_layout(root: &Path, notes: &[String]) -> DatasetError {
    let fault = format!(
        "{}: this folder has no known dataset layout; looked for boxes.csv, image_ids.txt, \
         LOC_val_solution.csv, ILSVRC2012_img_val.tar or ILSVRC2012_bbox_val_v3.tgz (or their \
         folders, or a devkit's), annotations/instances_val2017.json, \
         bounding_boxes.txt with images.txt, _annotations.coco.json, Annotations with XML, \
         tars with .cls, and photos{}",
        root.display(),
        in_brackets(notes)
    );
    let advice = "is it one level too high or too low? `localise list layouts` lists the layouts";
    DatasetError::new(fault).or_advice(advice)
}
