//! The plain table of boxes: one row per box, photos beside the file.
//!
//! The columns are
//! `image_id,file,width,height,wnid,class_index,x_min,y_min,x_max,y_max`. Boxes are in pixels of
//! `file`, 0-based with exclusive maxima, which is the convention of this program. `class_index` is
//! −1 for a photo without a class. A photo's class is that of its first row; boxes of other classes
//! in the same photo are not its truth. The four edges are empty for a photo without a box. Two
//! more columns are optional: `blacklisted` (`true` leaves the photo out of localisation) and
//! `weight`.
//!
//! `wnid` is a WordNet id of ImageNet's or empty, unless a class list was named; a table with other
//! keys brings its own list. A description may name a folder of masks: `IMAGE_ID.png`, where 255 is
//! the object, 0 the rest, and other values are left out.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::DatasetError;
use super::mask::Mask;
use super::photo::Photo;
use super::profile::Profile;
use super::table::csv_rows;
use super::truth::Dataset;
use super::validator::BoxValidator;
use super::weights::check_weight;
use crate::classes::ClassList;
use crate::geometry::{BBox, Size};

/// A class index of this or more is a mistake.
const MAX_CLASSES: usize = 1 << 20;

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
    /// The row of a photo, with one of its boxes if it has any.
    fn new(dataset: &Dataset, photo: &Photo, bbox: Option<&BBox>) -> Self {
        let wnid = photo.class.map(|class| dataset.classes.key(class));
        Self {
            image_id: photo.id.clone(),
            file: photo.path.clone(),
            width: photo.size.map(|size| size.width),
            height: photo.size.map(|size| size.height),
            wnid: wnid.unwrap_or_default().to_owned(),
            class_index: photo.class.map_or(-1, |class| class as i64),
            x_min: bbox.map(|b| b.x_min),
            y_min: bbox.map(|b| b.y_min),
            x_max: bbox.map(|b| b.x_max),
            y_max: bbox.map(|b| b.y_max),
            blacklisted: Some(photo.blacklisted),
            weight: dataset.weighted.then_some(photo.weight),
        }
    }

    fn size(&self) -> Option<Size> {
        Some(Size::new(self.width?, self.height?))
    }

    /// The box as the file states it; a missing edge is NaN. `None` where all edges are missing.
    fn bbox(&self) -> Option<BBox> {
        let edges = [self.x_min, self.y_min, self.x_max, self.y_max];
        if edges.iter().all(Option::is_none) {
            return None;
        }
        let [x_min, y_min, x_max, y_max] = edges.map(|edge| edge.unwrap_or(f64::NAN));
        Some(BBox::new(x_min, y_min, x_max, y_max))
    }

    /// The class, which must agree with the class list.
    fn class(&self, classes: &ClassList) -> Result<Option<usize>, String> {
        let (index, wnid) = (self.class_index, &self.wnid);
        if index == -1 {
            return Ok(None);
        }
        let class = usize::try_from(index).ok();
        let Some(class) = class.filter(|class| *class < classes.len()) else {
            let count = classes.len();
            return Err(format!("class_index {index} is not in -1..{count}"));
        };
        let key = classes.key(class);
        if wnid.is_empty() || key == wnid {
            Ok(Some(class))
        } else {
            Err(format!("class {index} is {key}, not {wnid}"))
        }
    }
}

const HEADER: &str = "image_id,file,width,height,wnid,class_index,x_min,y_min,x_max,y_max";

/// Reads one or more files into one dataset, photos in the order of their first rows. `masks` is a
/// folder.
pub(super) fn read(
    files: &[PathBuf],
    masks: Option<&Path>,
    given_classes: Option<&ClassList>,
    lenient: bool,
) -> Result<Dataset, DatasetError> {
    let mut validator = BoxValidator::new(lenient);
    let mut rows = Vec::new();
    for path in files {
        let folder = path.parent().unwrap_or(Path::new("."));
        let found = csv_rows::<BoxTableRow>(path, HEADER, &mut validator.faults)?;
        for (place, row) in found {
            rows.push((place, folder.join(&row.file), row));
        }
    }
    let classes = class_list(given_classes, rows.iter().map(|(.., row)| row))?;
    let mut photos = TablePhotos {
        classes: &classes,
        masks,
        list: Vec::new(),
        index: HashMap::new(),
        weighted: false,
    };
    for (place, path, row) in rows {
        if let Err(fault) = photos.add(row, path, &place, &mut validator) {
            validator.faults.add(format!("{place}: {fault}"));
        }
    }
    let TablePhotos {
        list: photos,
        weighted,
        ..
    } = photos;
    let (notes, edges) = validator.finish()?;
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
struct TablePhotos<'a> {
    classes: &'a ClassList,
    /// The folder of masks.
    masks: Option<&'a Path>,
    list: Vec<Photo>,
    /// By name: the index of the photo in `list`, and the place of its first row.
    index: HashMap<String, (usize, String)>,
    weighted: bool,
}

impl TablePhotos<'_> {
    /// Adds a row. A photo is what its first row says, and has a box for each row of its class.
    fn add(
        &mut self,
        row: BoxTableRow,
        path: PathBuf,
        place: &str,
        validator: &mut BoxValidator,
    ) -> Result<(), String> {
        let class = row.class(self.classes)?;
        let size = row.size();
        let bbox = row
            .bbox()
            .and_then(|bbox| validator.check(bbox, size, || place.into()));
        if let Some((i, first)) = self.index.get(&row.image_id) {
            let photo = &mut self.list[*i];
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
        let mask = self.masks.map(|folder| Mask::Trimap {
            path: folder.join(&row.image_id).with_added_extension("png"),
            size,
        });
        self.index
            .insert(row.image_id.clone(), (self.list.len(), place.into()));
        self.list.push(Photo {
            mask,
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

/// Reads what the run in `folder` was scored against: its `truth.csv` and `classes.csv`, under the
/// name and profile in its manifest.
pub(super) fn read_run(folder: &Path, lenient: bool) -> Result<Dataset, DatasetError> {
    #[derive(Deserialize)]
    struct ManifestHead {
        dataset: String,
        profile: Profile,
        classes: String,
    }
    let path = folder.join("manifest.json");
    let bytes = std::fs::read(&path).map_err(|e| DatasetError::at(&path, e))?;
    let manifest: ManifestHead =
        serde_json::from_slice(&bytes).map_err(|e| DatasetError::at(&path, e))?;
    let classes = ClassList::from_file(&manifest.classes, &folder.join("classes.csv"))
        .map_err(DatasetError::new)?;
    let truth = read(&[folder.join("truth.csv")], None, Some(&classes), lenient)?;
    Ok(Dataset {
        name: manifest.dataset,
        profile: manifest.profile,
        ..truth
    })
}

/// The given list, ImageNet's where every key is a WordNet id, or else the list of the rows' keys.
fn class_list<'a>(
    given: Option<&ClassList>,
    rows: impl Iterator<Item = &'a BoxTableRow> + Clone,
) -> Result<ClassList, DatasetError> {
    if let Some(list) = given {
        return Ok(list.clone());
    }
    let only_wnids = |row: &BoxTableRow| row.wnid.is_empty() || is_wnid(&row.wnid);
    if rows.clone().all(only_wnids) {
        return Ok(ClassList::read(ClassList::IMAGENET)?);
    }
    let mut keys: Vec<String> = Vec::new();
    for row in rows {
        let Ok(class) = usize::try_from(row.class_index) else {
            continue;
        };
        if class < MAX_CLASSES && keys.len() <= class {
            // A class that no row names gets a key that no file has.
            keys.extend((keys.len()..=class).map(|i| format!("({i})")));
        }
        if let Some(key) = keys.get_mut(class)
            && !row.wnid.is_empty()
        {
            key.clone_from(&row.wnid);
        }
    }
    let classes = keys.into_iter().map(|key| (key.clone(), key));
    ClassList::new("own", classes).map_err(DatasetError::new)
}

/// Whether a key is a WordNet id such as n01440764.
fn is_wnid(key: &str) -> bool {
    key.len() == 9 && key.starts_with('n') && key[1..].bytes().all(|b| b.is_ascii_digit())
}

/// A dataset as this table, which is what the boxes of a run were scored against. It does not
/// contain masks, difficult boxes and distractors, which only the scores of maps need.
///
/// # Panics
/// Never: every row can be serialised, and writing to a `Vec` cannot fail.
#[must_use]
pub fn write_csv(dataset: &Dataset) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut write = |photo: &Photo, bbox: Option<&BBox>| {
        let row = BoxTableRow::new(dataset, photo, bbox);
        writer.serialize(row).expect("a row can be serialised");
    };
    for photo in &dataset.photos {
        if photo.boxes.is_empty() {
            write(photo, None);
        }
        for bbox in &photo.boxes {
            write(photo, Some(bbox));
        }
    }
    writer.into_inner().expect("writing to a Vec cannot fail")
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
            "\u{feff}{HEADER}\r\na,a.jpg,10,8,n01440764,0,0,0,5,5\r\n\
             a,a.jpg,10,8,n01440764,0,5.5,5,12,8\r\n\
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

    /// With blank lines between rows and carriage returns, the line that is named is the file's.
    #[test]
    fn faults_after_blank_lines_have_the_right_line() {
        let text = format!(
            "{HEADER}\r\n\r\n\r\na,a.jpg,10,8,,-1,0,0,5,5\r\n\r\nb,b.jpg,10,8,,-1,5,0,5,5\r\n"
        );
        let error = read_text(&text).expect_err("a fault").to_string();
        assert!(error.contains("boxes.csv:6: box (5, 0, 5, 5)"), "{error}");
    }

    /// A photo without a box, one without a size, classes that are not ImageNet's, weights.
    #[test]
    fn a_table_is_written_and_read_again() {
        let text = format!(
            "{HEADER},blacklisted,weight\na,/a.jpg,10,8,dog,1,0,0,5.25,5,true,2\n\
             b,/b.jpg,,,cat,0,,,,,,0.5\n\
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
        let again = read_text(&String::from_utf8(write_csv(&first)).expect("text"))
            .unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((&again.photos, again.weighted), (&first.photos, true));
    }

    #[test]
    fn faults_name_their_place() {
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
        let messages = [
            "boxes.csv:2: box (5, 0, 5, 5) is inverted (x_min >= x_max)",
            "boxes.csv:3: box (20, 0, 25, 5) is outside the photo of 10 x 8",
            "boxes.csv:4: class_index 1000",
            "boxes.csv:5: class 1 is n01443537, not n01440764",
            "boxes.csv:6: box (NaN, 0, 5, 5) has an edge that is not a finite number",
            "line: 7",
            "boxes.csv:9: duplicate id g (first at",
        ];
        for expected in messages {
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
