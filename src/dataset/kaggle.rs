//! Kaggle's "ImageNet Object Localization Challenge": a table of classes and boxes beside ILSVRC's
//! tree.
//!
//! * `LOC_val_solution.csv` (or `LOC_train_solution.csv`) has the columns
//!   `ImageId,PredictionString`, where the string repeats `WNID xmin ymin xmax ymax`, 0-based and
//!   inclusive. Its rows are unsorted; photos are sorted by name.
//! * `LOC_synset_mapping.txt` has lines `WNID names`, sorted by WordNet id, which is the order of
//!   classifiers.
//! * Photos are `ILSVRC/Data/CLS-LOC/val/NAME.JPEG`, or `.../train/WNID/NAME.JPEG`.
//! * The devkit's blacklist and `map_clsloc.txt` are used if they were put there.
//! * Of `ILSVRC/Annotations/CLS-LOC/val/NAME.xml`, only the sizes are used. Without these files,
//!   sizes are those of the photos' files.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::annotation;
use super::columns::KAGGLE;
use super::decode::read_sizes;
use super::error::DatasetError;
use super::ilsvrc::{self, LabelOrder};
use super::photo::Photo;
use super::profile::Profile;
use super::table::csv_rows;
use super::text;
use super::truth::Dataset;
use super::validator::BoxValidator;
use crate::classes::ClassList;
use crate::geometry::{BBox, Size};
use crate::storage;

/// The challenge's split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KaggleSplit {
    Val,
    Train,
}

impl KaggleSplit {
    /// The split with this name; the validation set where none is given.
    pub(super) fn from_name(name: Option<&str>) -> Option<Self> {
        match name {
            None | Some("val") => Some(Self::Val),
            Some("train") => Some(Self::Train),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Val => "val",
            Self::Train => "train",
        }
    }
}

#[derive(Deserialize)]
struct KaggleRow {
    #[serde(rename = "ImageId")]
    id: String,
    #[serde(rename = "PredictionString")]
    boxes: String,
}

/// What a row of the table says of a photo.
pub(super) struct KaggleSolution {
    pub(super) id: String,
    pub(super) class: usize,
    pub(super) boxes: Vec<BBox>,
    pub(super) place: String,
}

pub(super) fn read(
    root: &Path,
    split: KaggleSplit,
    blacklist: Option<PathBuf>,
    label_map: Option<&Path>,
    lenient: bool,
) -> Result<Dataset, DatasetError> {
    let mapping = root.join("LOC_synset_mapping.txt");
    let table = root.join(format!("LOC_{}_solution.csv", split.name()));
    if let Some(missing) = [&mapping, &table]
        .into_iter()
        .find(|path| !storage::is_file(path))
    {
        let fault = format!("{}: there is no such file", missing.display());
        let advice = "is this the folder that Kaggle's archive was unpacked into, or one too low? \
                      The dataset ilsvrc-val reads the validation set in any layout";
        return Err(DatasetError::new(fault).or_advice(advice));
    }
    let classes = read_classes(&mapping)?;
    let mut validator = BoxValidator::new(lenient);
    let solutions = read_solutions(&table, &classes, &mut validator)?;
    let blacklisted = match &blacklist {
        Some(path) => ilsvrc::read_blacklist(path, ilsvrc::PHOTOS)?,
        None => HashSet::new(),
    };
    let mut photos = photos(root, split, &classes, solutions, &mut validator);
    for photo in &mut photos {
        photo.blacklisted = blacklisted.contains(&ilsvrc::photo_number(&photo.id));
    }
    let (mut notes, edges) = validator.finish()?;
    if blacklist.is_none() && split == KaggleSplit::Val {
        let other = "the dataset `ilsvrc-val` has it";
        notes.push(format!("{}; {other}", ilsvrc::NO_BLACKLIST));
    }
    let profile = if blacklist.is_some() {
        Profile::Devkit
    } else {
        Profile::Kaggle
    };
    let ilsvrc_ids = LabelOrder::new(label_map, &classes)?.complete();
    let files = blacklist.into_iter().map(|path| ("blacklist", path));
    Ok(Dataset {
        profile,
        classes,
        ilsvrc_ids,
        photos,
        notes,
        edges,
        files: files.collect(),
        ..Dataset::default()
    })
}

/// The photos of a split's solutions, in their order.
fn photos(
    root: &Path,
    split: KaggleSplit,
    classes: &ClassList,
    solutions: Vec<KaggleSolution>,
    validator: &mut BoxValidator,
) -> Vec<Photo> {
    let images = root.join("ILSVRC/Data/CLS-LOC").join(split.name());
    let annotations = root.join("ILSVRC/Annotations/CLS-LOC").join(split.name());
    let name = |solution: &KaggleSolution| match split {
        KaggleSplit::Val => PathBuf::from(&solution.id),
        KaggleSplit::Train => Path::new(classes.key(solution.class)).join(&solution.id),
    };
    let names: Vec<PathBuf> = solutions.iter().map(name).collect();
    let paths: Vec<PathBuf> = names
        .iter()
        .map(|file| images.join(file).with_added_extension("JPEG"))
        .collect();
    let sizes: Vec<Result<Option<Size>, String>> = if storage::is_dir(&annotations) {
        annotated_sizes(&annotations, &names)
    } else {
        read_sizes(&paths).into_iter().map(Ok).collect()
    };
    let mut photos = Vec::new();
    for ((solution, path), size) in solutions.into_iter().zip(paths).zip(sizes) {
        let size = size.unwrap_or_else(|fault| {
            validator.faults.add(fault);
            None
        });
        let mut boxes = Vec::new();
        for bbox in solution.boxes {
            boxes.extend(validator.check(bbox, size, || solution.place.clone()));
        }
        photos.push(Photo {
            boxes,
            class: Some(solution.class),
            id: solution.id,
            path,
            size,
            ..Photo::default()
        });
    }
    photos
}

/// The rows of the table at `path`, sorted by the photos' names.
pub(super) fn read_solutions(
    path: &Path,
    classes: &ClassList,
    validator: &mut BoxValidator,
) -> Result<Vec<KaggleSolution>, DatasetError> {
    let faults = &mut validator.faults;
    let mut solutions = Vec::new();
    for (place, row) in csv_rows::<KaggleRow>(path, &KAGGLE, faults)? {
        match parse_boxes(&row.boxes, classes) {
            Ok((class, boxes)) => solutions.push(KaggleSolution {
                id: row.id,
                class,
                boxes,
                place,
            }),
            Err(fault) => faults.add(format!("{place}: {fault}")),
        }
    }
    solutions.sort_by(|a, b| a.id.cmp(&b.id));
    for pair in solutions.windows(2) {
        let [first, second] = [&pair[0], &pair[1]];
        if first.id == second.id {
            faults.add(format!(
                "{}: duplicate id {} (first at {})",
                second.place, second.id, first.place
            ));
        }
    }
    Ok(solutions)
}

fn annotated_sizes(folder: &Path, names: &[PathBuf]) -> Vec<Result<Option<Size>, String>> {
    let xml_of = |name: &PathBuf| folder.join(name).with_added_extension("xml");
    let annotations = annotation::read_all(&names.iter().map(xml_of).collect::<Vec<_>>());
    annotations
        .into_iter()
        .map(|annotation| annotation.map(|annotation| annotation.size))
        .collect()
}

/// The classes: ImageNet's list if the keys are the same.
fn read_classes(path: &Path) -> Result<ClassList, DatasetError> {
    let lines = text::parse_lines(path, |line| {
        let (wnid, names) = line
            .split_once(' ')
            .ok_or_else(|| format!("'{line}' is not of the form `WNID names`"))?;
        Ok((wnid.to_owned(), names.trim().to_owned()))
    })?;
    let list = ClassList::new("kaggle", lines.into_iter().map(|(_, class)| class))
        .map_err(|e| DatasetError::at(path, e))?;
    let imagenet = ClassList::read(ClassList::IMAGENET)?;
    Ok(if list == imagenet { imagenet } else { list })
}

/// Class and boxes of a PredictionString.
fn parse_boxes(text: &str, classes: &ClassList) -> Result<(usize, Vec<BBox>), String> {
    let words: Vec<_> = text.split_whitespace().collect();
    if words.is_empty() || words.len() % 5 != 0 {
        let count = words.len();
        return Err(format!(
            "expected `WNID xmin ymin xmax ymax` repeated, found {count} words"
        ));
    }
    let (mut class, mut boxes) = (None, Vec::new());
    for object in words.chunks_exact(5) {
        let wnid = object[0];
        let found = classes
            .class(wnid)
            .ok_or_else(|| format!("unknown class {wnid}"))?;
        if *class.get_or_insert(found) != found {
            return Err(format!("a second class, {wnid}"));
        }
        let [x0, y0, x1, y1] = [1, 2, 3, 4].map(|i| text::parse_number(object[i]));
        boxes.push(BBox::from_inclusive(x0?, y0?, x1?, y1?));
    }
    Ok((class.expect("at least one object"), boxes))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::dataset::annotation::tests::xml;

    /// Reads `rows` beside the annotations of two photos.
    fn read_rows(rows: &str) -> Result<Dataset, DatasetError> {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let annotations = root.join("ILSVRC/Annotations/CLS-LOC/val");
        fs::create_dir_all(&annotations).expect("a folder");
        for id in [FIRST, SECOND] {
            fs::write(annotations.join(format!("{id}.xml")), xml(id, &[])).expect("a file");
        }
        fs::write(
            root.join("LOC_synset_mapping.txt"),
            "n02119789 kit fox, Vulpes macrotis\nn03995372 power drill",
        )
        .expect("a file");
        fs::write(root.join("LOC_val_solution.csv"), rows).expect("a file");
        read(root, KaggleSplit::Val, None, None, false)
    }

    const FIRST: &str = "ILSVRC2012_val_00008726";
    const SECOND: &str = "ILSVRC2012_val_00048981";

    /// Two rows of the real file.
    fn good() -> String {
        format!(
            "\u{feff}ImageId,PredictionString\r\n{SECOND},n03995372 85 1 499 272 \r\n\
             {FIRST},n02119789 255 142 454 329 n02119789 44 21 322 295\r\n"
        )
    }

    /// Unsorted rows, blanks at the end of the string, two boxes, a byte-order mark.
    #[test]
    fn odd_tables_are_read() {
        let dataset = read_rows(&good()).unwrap_or_else(|e| panic!("{e}"));
        let ids: Vec<_> = dataset
            .photos
            .iter()
            .map(|p| (p.id.as_str(), p.class, p.size))
            .collect();
        assert_eq!(
            ids,
            [
                (FIRST, Some(0), Some(Size::new(500, 375))),
                (SECOND, Some(1), Some(Size::new(500, 375)))
            ]
        );
        assert_eq!(
            dataset.photos[0].boxes,
            [
                BBox::new(255., 142., 455., 330.),
                BBox::new(44., 21., 323., 296.)
            ]
        );
        assert!(dataset.notes[0].contains("no blacklist") && dataset.classes.title(0) == "kit fox");
    }

    #[test]
    fn faults_name_their_place() {
        for (from, to, expected) in [
            (
                "n03995372 85",
                "n00000000 85",
                "csv:2: unknown class n00000000",
            ),
            (
                "n02119789 44",
                "n03995372 44",
                "csv:3: a second class, n03995372",
            ),
            (
                "499 272",
                "499",
                "csv:2: expected `WNID xmin ymin xmax ymax` repeated, found 4 words",
            ),
            ("499", "x", "csv:2: 'x' is not a number"),
            (FIRST, SECOND, "csv:3: duplicate id"),
            ("ImageId", "Image", "columns ImageId are missing"),
        ] {
            let error = read_rows(&good().replacen(from, to, 1))
                .expect_err(expected)
                .to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
