//! Kaggle's "ImageNet Object Localization Challenge": a table of classes and boxes beside ILSVRC's
//! tree.
//!
//! * `LOC_val_solution.csv` (or `LOC_train_solution.csv`): `ImageId,PredictionString`, where the
//!   string repeats `WNID xmin ymin xmax ymax`, 0-based and inclusive. Rows are in no order; photos
//!   are put in that of their names;
//! * `LOC_synset_mapping.txt`: `WNID names`, sorted by WordNet id, which is the order of
//!   classifiers;
//! * `ILSVRC/Data/CLS-LOC/val/NAME.JPEG`, or `.../train/WNID/NAME.JPEG`;
//! * a blacklist and `map_clsloc.txt` of the devkit, where they were put there;
//! * `ILSVRC/Annotations/CLS-LOC/val/NAME.xml`, of which only the sizes are taken. Where they are
//!   not there, the photos' own sizes are.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::faults::Gate;
use super::label_order::LabelOrder;
use super::{Dataset, DatasetError, Photo, Profile, annotation, photo, table, text, val};
use crate::classes::ClassList;
use crate::geometry::{BBox, Size};

/// The challenge's split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KaggleSplit {
    Val,
    Train,
}

impl KaggleSplit {
    pub(super) fn named(name: Option<&str>) -> Option<Self> {
        match name {
            None | Some("val") => Some(Self::Val),
            Some("train") => Some(Self::Train),
            _ => None,
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

pub(super) fn read(
    root: &Path,
    split: KaggleSplit,
    blacklist: Option<PathBuf>,
    label_map: Option<&Path>,
    lenient: bool,
) -> Result<Dataset, DatasetError> {
    let name = if split == KaggleSplit::Val { "val" } else { "train" };
    let classes = classes(&root.join("LOC_synset_mapping.txt"))?;
    let table = root.join(format!("LOC_{name}_solution.csv"));
    let images = root.join("ILSVRC/Data/CLS-LOC").join(name);
    let annotations = root.join("ILSVRC/Annotations/CLS-LOC").join(name);
    let mut gate = Gate::new(lenient);
    let solutions = solutions(&table, &classes, &mut gate)?;
    let name = |Solution { id, class, .. }: &Solution| match split {
        KaggleSplit::Val => PathBuf::from(id),
        KaggleSplit::Train => Path::new(classes.key(*class)).join(id),
    };
    let names: Vec<PathBuf> = solutions.iter().map(name).collect();
    let paths: Vec<PathBuf> = names
        .iter()
        .map(|name| images.join(name).with_added_extension("JPEG"))
        .collect();
    let sizes = match annotations.is_dir() {
        true => annotated_sizes(&annotations, &names),
        false => photo::sizes(&paths).into_iter().map(Ok).collect(),
    };
    let left_out = blacklist
        .as_ref()
        .map(|path| val::blacklist(path, val::PHOTOS))
        .transpose()?
        .unwrap_or_default();
    let mut photos = Vec::new();
    for (
        Solution {
            id,
            class,
            boxes,
            place,
        },
        (path, size),
    ) in solutions.into_iter().zip(paths.into_iter().zip(sizes))
    {
        let size = size
            .map_err(|fault| gate.faults.add(fault))
            .unwrap_or_default();
        photos.push(Photo {
            boxes: boxes
                .into_iter()
                .filter_map(|bbox| gate.pass(bbox, size, || place.clone()))
                .collect(),
            blacklisted: left_out.contains(&val::number(&id)),
            class: Some(class),
            id,
            path,
            size,
            ..Photo::default()
        });
    }
    let (mut notes, edges) = gate.close()?;
    if blacklist.is_none() && split == KaggleSplit::Val {
        notes.push(val::NO_BLACKLIST.into());
    }
    let profile = if blacklist.is_some() {
        Profile::Devkit
    } else {
        Profile::Kaggle
    };
    let ilsvrc_ids = LabelOrder::new(label_map, &classes)?.complete();
    let files = blacklist
        .into_iter()
        .map(|path| ("blacklist", path))
        .collect();
    Ok(Dataset {
        profile,
        classes,
        ilsvrc_ids,
        photos,
        notes,
        edges,
        files,
        ..Dataset::default()
    })
}

/// What a row of the table says of a photo.
struct Solution {
    id: String,
    class: usize,
    boxes: Vec<BBox>,
    place: String,
}

/// The rows of the table at `path`, in the order of the photos' names.
fn solutions(path: &Path, classes: &ClassList, gate: &mut Gate) -> Result<Vec<Solution>, DatasetError> {
    let mut found = Vec::new();
    for (place, row) in table::rows::<KaggleRow>(path, "ImageId,PredictionString", &mut gate.faults)? {
        match boxes(&row.boxes, classes) {
            Ok((class, boxes)) => found.push(Solution {
                id: row.id,
                class,
                boxes,
                place,
            }),
            Err(fault) => gate.faults.add(format!("{place}: {fault}")),
        }
    }
    found.sort_by(|a, b| a.id.cmp(&b.id));
    for pair in found.windows(2).filter(|pair| pair[0].id == pair[1].id) {
        let [first, second] = [&pair[0], &pair[1]];
        gate.faults.add(format!(
            "{}: duplicate id {} (first at {})",
            second.place, second.id, first.place
        ));
    }
    Ok(found)
}

fn annotated_sizes(folder: &Path, names: &[PathBuf]) -> Vec<Result<Option<Size>, String>> {
    let annotations = annotation::read_all(
        folder,
        names.iter().filter_map(|name| name.to_str()).collect(),
    );
    annotations
        .into_iter()
        .map(|found| found.map(|annotation| Some(annotation.size)))
        .collect()
}

/// The classes: ImageNet's where they are these.
fn classes(path: &Path) -> Result<ClassList, DatasetError> {
    let lines = text::each(path, |line| {
        let (wnid, names) = line
            .split_once(' ')
            .ok_or_else(|| format!("'{line}' is no `WNID names`"))?;
        Ok((wnid.to_owned(), names.trim().to_owned()))
    })?;
    let list = ClassList::new("kaggle", lines.into_iter().map(|(_, class)| class))
        .map_err(|e| DatasetError::at(path, e))?;
    let imagenet = ClassList::read(ClassList::IMAGENET).map_err(DatasetError::new)?;
    Ok(if list == imagenet { imagenet } else { list })
}

/// Class and boxes of a PredictionString.
fn boxes(text: &str, classes: &ClassList) -> Result<(usize, Vec<BBox>), String> {
    let words: Vec<_> = text.split_whitespace().collect();
    if words.is_empty() || words.len() % 5 != 0 {
        return Err(format!(
            "{} words are not `WNID xmin ymin xmax ymax` repeated",
            words.len()
        ));
    }
    let (mut class, mut boxes) = (None, Vec::new());
    for guess in words.chunks_exact(5) {
        let found = classes
            .class(guess[0])
            .ok_or_else(|| format!("unknown class {}", guess[0]))?;
        if *class.get_or_insert(found) != found {
            return Err(format!("a second class, {}", guess[0]));
        }
        let [x0, y0, x1, y1] = [1, 2, 3, 4].map(|i| text::number(guess[i]));
        boxes.push(BBox::from_inclusive(x0?, y0?, x1?, y1?));
    }
    Ok((class.expect("at least one"), boxes))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::annotation::tests::xml;
    use super::*;

    /// Reads `rows` beside the annotations of two photos.
    fn with(rows: &str) -> Result<Dataset, DatasetError> {
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

    /// Rows in no order, blanks at the end of the string, two boxes, a byte-order mark.
    #[test]
    fn odd_tables_are_read() {
        let dataset = with(&good()).unwrap_or_else(|e| panic!("{e}"));
        let ids: Vec<_> = dataset
            .photos
            .iter()
            .map(|p| (p.id.as_str(), p.class, p.size))
            .collect();
        assert_eq!(
            ids,
            [
                (FIRST, Some(0), Some([500, 375])),
                (SECOND, Some(1), Some([500, 375]))
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
    fn faults_are_named() {
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
            ("499 272", "499", "csv:2: 4 words"),
            ("499", "x", "'x' is no number"),
            (FIRST, SECOND, "csv:3: duplicate id"),
            ("ImageId", "Image", "columns ImageId are missing"),
        ] {
            let error = with(&good().replacen(from, to, 1))
                .expect_err(expected)
                .to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
