//! The plain table of boxes: one row a box, photos beside the file.
//!
//! `image_id,file,width,height,wnid,class_index,x_min,y_min,x_max,y_max`: pixels of `file`,
//! 0-based, max exclusive, which is the inner convention. `class_index` is −1 where the photo has
//! no class. A photo's class is that of its first row; boxes of other classes in the same photo are
//! not its truth. The four edges are empty where a photo has no box. Further columns may say more
//! of a photo: `blacklisted` (`true` leaves it out of localisation) and `weight`.
//!
//! `wnid` is a WordNet id of ImageNet's, or empty, unless a class list was named; a table with
//! other keys brings its own list. A folder of masks may be named by the description:
//! `IMAGE_ID.png`, 255 the object, 0 the rest, others left out.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::faults::Gate;
use super::{Dataset, DatasetError, Faults, Mask, Photo, Profile, table};
use crate::classes::ClassList;
use crate::geometry::{BBox, Size};

#[derive(Debug, Default, Deserialize, Serialize)]
struct BoxTableRow {
    image_id: String,
    file: PathBuf,
    width: Option<u32>,
    height: Option<u32>,
    wnid: String,
    class_index: i64,
    x_min: Option<f64>,
    y_min: Option<f64>,
    x_max: Option<f64>,
    y_max: Option<f64>,
    #[serde(default)]
    blacklisted: Option<bool>,
    #[serde(default)]
    weight: Option<f64>,
}

impl BoxTableRow {
    /// The box as it stands; an edge that is missing is NaN. `None` where all are.
    fn bbox(&self) -> Option<BBox> {
        let edges = [self.x_min, self.y_min, self.x_max, self.y_max];
        let [x_min, y_min, x_max, y_max] = edges.map(|edge| edge.unwrap_or(f64::NAN));
        edges.iter().any(Option::is_some).then_some(BBox {
            x_min,
            y_min,
            x_max,
            y_max,
        })
    }
}

const HEADER: &str = "image_id,file,width,height,wnid,class_index,x_min,y_min,x_max,y_max";

/// Reads one or more files into one dataset, photos in the order of their first rows. `masks` is a
/// folder.
pub(super) fn read(
    files: &[PathBuf],
    masks: Option<&Path>,
    given: Option<&ClassList>,
    lenient: bool,
) -> Result<Dataset, DatasetError> {
    let mut gate = Gate::new(lenient);
    let mut rows = Vec::new();
    for path in files {
        let folder = path.parent().unwrap_or(Path::new("."));
        let found = table::rows::<BoxTableRow>(path, HEADER, &mut gate.faults)?;
        rows.extend(
            found
                .into_iter()
                .map(|(place, row)| (place, folder.join(&row.file), row)),
        );
    }
    let classes = class_list(given, rows.iter().map(|(.., row)| row))?;
    let mut photos = Photos {
        classes: &classes,
        masks,
        list: Vec::new(),
        places: HashMap::new(),
        weighted: false,
    };
    for (place, path, row) in rows {
        if let Err(fault) = photos.add(row, path, &place, &mut gate) {
            gate.faults.add(format!("{place}: {fault}"));
        }
    }
    let Photos {
        list: photos,
        weighted,
        ..
    } = photos;
    let (notes, edges) = gate.close()?;
    // Boxes of ImageNet's classes follow the devkit's rules.
    let profile = if classes.name == ClassList::IMAGENET {
        Profile::Devkit
    } else {
        Profile::Boxes
    };
    Ok(Dataset {
        profile,
        classes,
        photos,
        weighted,
        notes,
        edges,
        ..Dataset::default()
    })
}

/// The photos while their rows are read.
struct Photos<'a> {
    classes: &'a ClassList,
    /// Their folder.
    masks: Option<&'a Path>,
    list: Vec<Photo>,
    /// Where a photo stands in the list, and its first row in its file, by its name.
    places: HashMap<String, (usize, String)>,
    weighted: bool,
}

impl Photos<'_> {
    /// Adds a row: a photo is what its first row says, and has a box of each row of its class.
    fn add(&mut self, row: BoxTableRow, path: PathBuf, place: &str, gate: &mut Gate) -> Result<(), String> {
        let class = class(&row, self.classes)?;
        let size = row
            .width
            .zip(row.height)
            .map(|(width, height)| Size::new(width, height));
        let bbox = row
            .bbox()
            .and_then(|bbox| gate.pass(bbox, size, || place.into()));
        if let Some((at, first)) = self.places.get(&row.image_id) {
            let photo = &mut self.list[*at];
            if photo.path != path || photo.size != size {
                let id = row.image_id;
                return Err(format!(
                    "duplicate id {id} (first at {first}) with another file or size"
                ));
            }
            if photo.class == class {
                photo.boxes.extend(bbox);
            } else {
                photo.distractors = true;
            }
            return Ok(());
        }
        self.weighted |= row.weight.is_some();
        let weight = row.weight.unwrap_or(1.0);
        let mask = |folder: &Path| folder.join(&row.image_id).with_added_extension("png");
        self.places
            .insert(row.image_id.clone(), (self.list.len(), place.into()));
        self.list.push(Photo {
            mask: self.masks.map(mask).map(|path| Mask::Trimap { path, size }),
            boxes: bbox.into_iter().collect(),
            blacklisted: row.blacklisted.unwrap_or_default(),
            id: row.image_id,
            path,
            size,
            class,
            weight,
            ..Photo::default()
        });
        check_weight(weight)
    }
}

/// What the run in `folder` was scored against: its `truth.csv` and `classes.csv`, under the name
/// and profile that its manifest tells.
///
/// # Errors
/// As [`Dataset::open`].
pub(super) fn read_run(folder: &Path, lenient: bool) -> Result<Dataset, DatasetError> {
    #[derive(Deserialize)]
    struct ManifestHead {
        dataset: String,
        profile: Profile,
        classes: String,
    }
    let path = folder.join("manifest.json");
    let bytes = std::fs::read(&path).map_err(|e| DatasetError::at(&path, e))?;
    let ManifestHead {
        dataset: name,
        profile,
        classes,
    } = serde_json::from_slice(&bytes).map_err(|e| DatasetError::at(&path, e))?;
    let classes =
        ClassList::from_file(&classes, &folder.join("classes.csv")).map_err(DatasetError::new)?;
    Ok(Dataset {
        name,
        profile,
        ..read(&[folder.join("truth.csv")], None, Some(&classes), lenient)?
    })
}

/// The list that was given; ImageNet's where every key is a WordNet id; else what the rows say.
fn class_list<'a>(
    given: Option<&ClassList>,
    rows: impl Iterator<Item = &'a BoxTableRow> + Clone,
) -> Result<ClassList, DatasetError> {
    let is_wnid = |key: &str| {
        key.len() == 9 && key.starts_with('n') && key[1..].bytes().all(|b| b.is_ascii_digit())
    };
    match given {
        Some(list) => return Ok(list.clone()),
        None if rows
            .clone()
            .all(|row| row.wnid.is_empty() || is_wnid(&row.wnid)) =>
        {
            return ClassList::read(ClassList::IMAGENET).map_err(DatasetError::new);
        }
        None => {}
    }
    let mut keys: Vec<String> = Vec::new();
    for BoxTableRow {
        wnid, class_index, ..
    } in rows
    {
        let Ok(class) = usize::try_from(*class_index) else {
            continue;
        };
        if class < MAX_CLASSES && keys.len() <= class {
            // A class that no row names has a key that no file has.
            keys.extend((keys.len()..=class).map(|i| format!("({i})")));
        }
        if let Some(key) = keys.get_mut(class).filter(|_| !wnid.is_empty()) {
            key.clone_from(wnid);
        }
    }
    ClassList::new("own", keys.into_iter().map(|key| (key.clone(), key))).map_err(DatasetError::new)
}

/// A class index above this is a mistake.
const MAX_CLASSES: usize = 1 << 20;

fn class(row: &BoxTableRow, classes: &ClassList) -> Result<Option<usize>, String> {
    let (index, wnid) = (row.class_index, &row.wnid);
    match usize::try_from(index) {
        Ok(class) if class < classes.len() && (wnid.is_empty() || classes.key(class) == wnid) => {
            Ok(Some(class))
        }
        Ok(class) if class < classes.len() => Err(format!(
            "class {index} is {}, not {wnid}",
            classes.key(class)
        )),
        Err(_) if index == -1 => Ok(None),
        _ => Err(format!(
            "class_index {index} is not in -1..{}",
            classes.len()
        )),
    }
}

/// A dataset as this table: what the boxes of a run were scored against. Masks, difficult boxes and
/// distractors, which only score maps ask for, are not in it.
///
/// # Panics
/// Never: every row has a form.
#[must_use]
pub fn write(dataset: &Dataset) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for photo in &dataset.photos {
        let row = |bbox: Option<&BBox>| BoxTableRow {
            image_id: photo.id.clone(),
            file: photo.path.clone(),
            width: photo.size.map(|size| size.width),
            height: photo.size.map(|size| size.height),
            wnid: photo
                .class
                .map_or(String::new(), |class| dataset.classes.key(class).into()),
            class_index: photo.class.map_or(-1, |class| class as i64),
            x_min: bbox.map(|b| b.x_min),
            y_min: bbox.map(|b| b.y_min),
            x_max: bbox.map(|b| b.x_max),
            y_max: bbox.map(|b| b.y_max),
            blacklisted: Some(photo.blacklisted),
            weight: dataset.weighted.then_some(photo.weight),
        };
        let rows = photo
            .boxes
            .iter()
            .map(Some)
            .chain(photo.boxes.is_empty().then_some(None));
        rows.for_each(|bbox| writer.serialize(row(bbox)).expect("a row has a form"));
    }
    writer.into_inner().expect("memory takes all")
}

/// Weights above this are a mistake.
const MAX_WEIGHT: f64 = 1e9;

fn check_weight(weight: f64) -> Result<(), String> {
    let good = (0.0..=MAX_WEIGHT).contains(&weight);
    if good {
        Ok(())
    } else {
        Err(format!("weight {weight} is not in 0..{MAX_WEIGHT}"))
    }
}

/// The weights in a CSV with the columns `image_id` and `weight`.
pub(super) fn weights(path: &Path) -> Result<HashMap<String, f64>, DatasetError> {
    #[derive(Deserialize)]
    struct Weight {
        image_id: String,
        weight: f64,
    }
    let mut faults = Faults::default();
    let mut weights = HashMap::new();
    for (place, Weight { image_id, weight }) in table::rows(path, "image_id,weight", &mut faults)? {
        if let Err(fault) = check_weight(weight) {
            faults.add(format!("{place}: {fault}"));
        }
        if weights.insert(image_id.clone(), weight).is_some() {
            faults.add(format!("{place}: a second weight for {image_id}"));
        }
    }
    faults.into_result()?;
    Ok(weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Dataset, DatasetError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("boxes.csv");
        std::fs::write(&path, text).expect("a file");
        read(&[path], None, None, false)
    }

    #[test]
    fn odd_rows_of_one_photo_are_its_boxes() {
        let text = format!(
            "\u{feff}{HEADER}\r\na,a.jpg,10,8,n01440764,0,0,0,5,5\r\na,a.jpg,10,8,n01440764,0,5.5,5,12,8\r\n\
             a,a.jpg,10,8,n01443537,1,0,0,1,1\r\nb,b.jpg,10,8,,-1,0,0,5,5\r\n"
        );
        let dataset = read_text(&text).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(dataset.photos.len(), 2);
        assert_eq!(
            dataset.photos[0].boxes,
            [BBox::new(0., 0., 5., 5.), BBox::new(5.5, 5., 10., 8.)]
        );
        assert_eq!(
            (dataset.photos[0].class, dataset.photos[1].class),
            (Some(0), None)
        );
        assert_eq!(
            dataset.notes,
            ["1 boxes were cut off at their photo's edge"]
        );
        assert_eq!(
            (dataset.photos[0].distractors, dataset.weighted),
            (true, false)
        );
    }

    /// Blank lines between rows, carriage returns: the line that is named is the file's.
    #[test]
    fn faults_after_blank_lines_have_the_right_line() {
        let text = format!(
            "{HEADER}\r\n\r\n\r\na,a.jpg,10,8,,-1,0,0,5,5\r\n\r\nb,b.jpg,10,8,,-1,5,0,5,5\r\n"
        );
        let error = read_text(&text).expect_err("a fault").to_string();
        assert!(error.contains("boxes.csv:6: box (5, 0, 5, 5)"), "{error}");
    }

    /// What is written is read again: a photo without a box, one without size, other classes than
    /// ImageNet's, weights.
    #[test]
    fn a_table_is_written_and_read_again() {
        let text = format!(
            "{HEADER},blacklisted,weight\na,/a.jpg,10,8,dog,1,0,0,5.25,5,true,2\nb,/b.jpg,,,cat,0,,,,,,0.5\n\
             a,/a.jpg,10,8,dog,1,1,1,5,5,true,2\n"
        );
        let first = read_text(&text).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((first.classes.key(0), first.classes.key(1)), ("cat", "dog"));
        assert_eq!(
            (
                first.photos[1].size,
                first.photos[1].boxes.len(),
                first.photos[0].boxes.len()
            ),
            (None, 0, 2)
        );
        let again = read_text(&String::from_utf8(write(&first)).expect("text"))
            .unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((&again.photos, again.weighted), (&first.photos, true));
    }

    #[test]
    fn faults_are_named() {
        let rows = [
            "a,a.jpg,10,8,n01440764,0,5,0,5,5",
            "b,b.jpg,10,8,n01440764,0,20,0,25,5",
            "c,c.jpg,10,8,n01440764,1000,0,0,5,5",
            "d,d.jpg,10,8,n01440764,1,0,0,5,5",
            "e,e.jpg,10,8,n01440764,0,NaN,0,5,5",
            "f,f.jpg,10,8,n01440764,0,0,0,5",
            "g,g.jpg,10,8,n01440764,0,0,0,5,5",
            "g,h.jpg,10,8,n01440764,0,0,0,5,5",
        ];
        let error = read_text(&format!("{HEADER}\n{}\n", rows.join("\n")))
            .expect_err("faults")
            .to_string();
        let expected = [
            "boxes.csv:2: box (5, 0, 5, 5) is inside out",
            "boxes.csv:3: box (20, 0, 25, 5) lies outside the photo of 10 x 8",
            "boxes.csv:4: class_index 1000",
            "boxes.csv:5: class 1 is n01443537, not n01440764",
            "boxes.csv:6: box (NaN",
            "line: 7",
            "boxes.csv:9: duplicate id g (first at",
        ];
        for expected in expected {
            assert!(error.contains(expected), "{expected} is not in:\n{error}");
        }
        assert!(
            read_text("image_id,file\na,b\n")
                .expect_err("columns")
                .to_string()
                .contains("width")
        );
    }
}
