//! Datasets: photos with their classes and true boxes, one file a layout.
//!
//! A dataset is a description `data/NAME.toml`, or a path to a description, to a `boxes.csv`, or to a folder that holds
//! one. Every reader converts to the one inner convention of [`crate::geometry`].

mod csv;
mod ilsvrc;
mod photo;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

pub use photo::{decode, read};

use crate::classifier::ClassList;
use crate::config::{self, home};
use crate::geometry::BBox;

/// Why a dataset cannot be used: all faults found, up to twenty, each with file and line.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Error(Vec<String>);

impl Error {
    fn one(fault: impl Into<String>) -> Self {
        Self(vec![fault.into()])
    }
}

/// How many faults of a file are listed.
const FAULTS_LISTED: usize = 20;

/// Collects the faults of a file, so that a user can mend them in one go.
#[derive(Debug, Default)]
struct Faults {
    listed: Vec<String>,
    more: usize,
}

impl Faults {
    fn add(&mut self, fault: impl Into<String>) {
        if self.listed.len() < FAULTS_LISTED {
            self.listed.push(fault.into());
        } else {
            self.more += 1;
        }
    }

    fn into_result(mut self) -> Result<(), Error> {
        if self.more > 0 {
            self.listed.push(format!("... and {} more", self.more));
        }
        if self.listed.is_empty() { Ok(()) } else { Err(Error(self.listed)) }
    }
}

/// A photo with its truth.
#[derive(Clone, Debug, PartialEq)]
pub struct Photo {
    /// Its name, unique in the dataset.
    pub id: String,
    /// Its file.
    pub path: PathBuf,
    /// Width and height as the annotations state them, pixels.
    pub size: [u32; 2],
    /// The true class, where there is one.
    pub class: Option<usize>,
    /// The true boxes of that class.
    pub boxes: Vec<BBox>,
    /// Left out of localisation, though not of classification (ILSVRC's blacklist).
    pub blacklisted: bool,
    /// Its weight in weighted scores.
    pub weight: f64,
}

/// Photos with their truth.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The dataset's name.
    pub name: String,
    /// The photos, in the order of their results.
    pub photos: Vec<Photo>,
    /// Whether weights were given.
    pub weighted: bool,
    /// What the reader mended on the way, for the user to know: boxes cut off at the photo's edge, say.
    pub notes: Vec<String>,
}

/// A dataset's description as written.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum Description {
    /// `boxes.csv` files with their photos beside them.
    Csv {
        /// For people.
        title: String,
        /// The data folder, seen from the description; left out where the user brings the data.
        folder: Option<PathBuf>,
        /// The files, seen from the data folder.
        boxes: Vec<PathBuf>,
        /// A file of weights, seen from the data folder.
        weights: Option<PathBuf>,
    },
    /// The ILSVRC development kit's layout. Each list names the places where a part may lie; the first that exists
    /// counts.
    Ilsvrc {
        /// For people.
        title: String,
        /// Folders of photos.
        images: Vec<PathBuf>,
        /// Folders of annotations.
        annotations: Vec<PathBuf>,
        /// The class of each photo, one ILSVRC ID a line.
        ground_truth: Vec<PathBuf>,
        /// The photos left out of localisation, one number a line.
        blacklist: Vec<PathBuf>,
    },
}

/// What to read.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// A name or a path.
    pub dataset: &'a Path,
    /// Where the data lie, for a description that does not say so itself.
    pub data_dir: Option<&'a Path>,
    /// A CSV of weights (`image_id`, ..., `weight`) in place of the description's.
    pub weights: Option<&'a Path>,
    /// A file of photo names, one a line: only these are read.
    pub images: Option<&'a Path>,
    /// The classes that annotations name.
    pub classes: &'a ClassList,
}

impl Dataset {
    /// Reads a dataset's truth. Photos themselves are not touched.
    ///
    /// # Errors
    /// [`Error`] with every fault found.
    pub fn open(request: &Request<'_>) -> Result<Self, Error> {
        let wanted = request.images.map(image_names).transpose()?;
        let path = description_or_csv(request.dataset)?;
        let (mut dataset, default_weights) = if path.extension().is_some_and(|e| e == "csv") {
            (csv::read(std::slice::from_ref(&path), request.classes)?, None)
        } else {
            described(&path, request, wanted.as_deref())?
        };
        if let Some(wanted) = &wanted {
            dataset.keep(wanted)?;
        }
        if let Some(weights) = request.weights.or(default_weights.as_deref()) {
            dataset.weigh(weights)?;
        }
        if dataset.photos.is_empty() {
            return Err(Error::one(format!("{}: it has no photos", path.display())));
        }
        Ok(dataset)
    }

    /// Keeps the first `count` photos of a fixed shuffle, in the dataset's order: a sample that grows with `count`.
    pub fn limit(&mut self, count: usize) {
        let mut ranks: Vec<_> = self.photos.iter().enumerate().map(|(i, p)| (Sha256::digest(&p.id), i)).collect();
        ranks.sort();
        let mut kept: Vec<_> = ranks.into_iter().take(count).map(|(_, i)| i).collect();
        kept.sort_unstable();
        self.photos = kept.into_iter().map(|i| self.photos[i].clone()).collect();
    }

    /// SHA-256 of the truth, in hexadecimal: names, sizes, classes, boxes, weights, in order.
    #[must_use]
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        for Photo { id, size, class, boxes, blacklisted, weight, .. } in &self.photos {
            hash.update(format!("{id:?} {size:?} {class:?} {boxes:?} {blacklisted} {weight}\n"));
        }
        hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
    }

    fn keep(&mut self, wanted: &[String]) -> Result<(), Error> {
        let places: HashMap<_, _> = self.photos.iter().enumerate().map(|(i, p)| (p.id.as_str(), i)).collect();
        let mut faults = Faults::default();
        let mut kept = Vec::new();
        for name in wanted {
            match places.get(name.as_str()) {
                Some(&i) => kept.push(i),
                None => faults.add(format!("--images names {name}, which is not in {}", self.name)),
            }
        }
        faults.into_result()?;
        kept.sort_unstable();
        kept.dedup();
        self.photos = kept.into_iter().map(|i| self.photos[i].clone()).collect();
        Ok(())
    }

    fn weigh(&mut self, path: &Path) -> Result<(), Error> {
        let weights = csv::weights(path)?;
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

/// The names in a file, one a line; empty lines are left out.
fn image_names(path: &Path) -> Result<Vec<String>, Error> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::one(format!("{}: {e}", path.display())))?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// The datasets that have a description, with their titles.
///
/// # Errors
/// [`Error`] when a description is wrong.
pub fn known() -> Result<Vec<(String, String)>, Error> {
    let folder = home().join("data");
    let titled = |name: String| match describe(&folder.join(&name).with_added_extension("toml"))? {
        Description::Csv { title, .. } | Description::Ilsvrc { title, .. } => Ok((name, title)),
    };
    config::names(&folder).into_iter().map(titled).collect()
}

fn describe(path: &Path) -> Result<Description, Error> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::one(format!("{}: {e}", path.display())))?;
    config::parse(&text, &path.display().to_string()).map_err(|e| Error::one(e.to_string()))
}

fn description_or_csv(dataset: &Path) -> Result<PathBuf, Error> {
    let folder = home().join("data");
    let named = folder.join(dataset).with_added_extension("toml");
    if dataset.components().count() == 1 && named.is_file() {
        Ok(named)
    } else if dataset.is_dir() {
        Ok(dataset.join("boxes.csv"))
    } else if dataset.is_file() {
        Ok(dataset.to_owned())
    } else {
        let name = dataset.display().to_string();
        let names = config::names(&folder);
        let near = config::nearest(&name, names.iter().map(String::as_str));
        let near = near.map_or(String::new(), |n| format!(", the nearest is {n}"));
        Err(Error::one(format!(
            "no dataset is called {name}{near}\nhelp: datasets are {}; or give a folder with a boxes.csv",
            names.join(", ")
        )))
    }
}

fn described(
    path: &Path,
    request: &Request<'_>,
    wanted: Option<&[String]>,
) -> Result<(Dataset, Option<PathBuf>), Error> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let beside = path.parent().unwrap_or(Path::new("."));
    let root = |own: Option<PathBuf>| match (own, request.data_dir) {
        (Some(own), _) => Ok(beside.join(own)),
        (None, Some(given)) => Ok(given.to_owned()),
        (None, None) => Err(Error::one(format!(
            "{name}: its photos are yours to bring\nhelp: say where they lie with --data-dir or LOCALISE_DATA; \
             data/README.md tells what is wanted"
        ))),
    };
    match describe(path)? {
        Description::Csv { folder, boxes, weights, .. } => {
            let root = root(folder)?;
            let files: Vec<_> = boxes.iter().map(|file| root.join(file)).collect();
            let dataset = csv::read(&files, request.classes)?;
            Ok((Dataset { name, ..dataset }, weights.map(|file| root.join(file))))
        }
        Description::Ilsvrc { images, annotations, ground_truth, blacklist, .. } => {
            let root = root(None)?;
            let layout = ilsvrc::Layout::find(&root, [&images, &annotations, &ground_truth, &blacklist])?;
            Ok((Dataset { name, ..ilsvrc::read(&layout, request.classes, wanted)? }, None))
        }
    }
}

/// A box as annotated, cut off at the photo's edges, and whether anything had to be cut off.
///
/// # Errors
/// What is wrong with a box that is inside out, not a number, or wholly outside.
fn checked(bbox: BBox, [width, height]: [u32; 2]) -> Result<(BBox, bool), String> {
    let BBox { x_min, y_min, x_max, y_max } = bbox;
    let shown = format!("box ({x_min}, {y_min}, {x_max}, {y_max})");
    if ![x_min, y_min, x_max, y_max].iter().all(|v| v.is_finite()) {
        return Err(format!("{shown} is not of numbers"));
    }
    if x_min >= x_max || y_min >= y_max {
        return Err(format!("{shown} is inside out"));
    }
    let (w, h) = (f64::from(width), f64::from(height));
    let cut = BBox::new(x_min.clamp(0.0, w), y_min.clamp(0.0, h), x_max.clamp(0.0, w), y_max.clamp(0.0, h));
    if cut.area() == 0.0 {
        return Err(format!("{shown} lies outside the photo of {width} x {height}"));
    }
    Ok((cut, cut != bbox))
}
