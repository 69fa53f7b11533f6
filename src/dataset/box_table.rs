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
//! The tables of other programs are read too: columns may be called as in [`super::columns`], and
//! only the edges and one of `image_id` and `file` are required. A size that is not stated is that
//! of the photo's file. `class_index` may hold keys or names of classes instead of numbers.
//!
//! `wnid` is a WordNet id of ImageNet's or empty, unless a class list was named; a table with other
//! keys brings its own list. A description may name a folder of masks: `IMAGE_ID.png`, where 255 is
//! the object, 0 the rest, and other values are left out.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::box_row::{BOX_COLUMNS, BoxTableRow};
use super::decode::read_sizes;
use super::error::DatasetError;
use super::file_column::FileColumn;
use super::mask::Mask;
use super::photo::Photo;
use super::profile::Profile;
use super::suspicion::Suspicion;
use super::table::csv_rows;
use super::truth::Dataset;
use super::validator::BoxValidator;
use super::weights::check_weight;
use crate::classes::ClassList;
use crate::geometry::BBox;

/// A class index of this or more is a mistake.
const MAX_CLASSES: usize = 1 << 20;

/// A row with the place of its line and the path of its photo.
struct PlacedRow {
    place: String,
    path: PathBuf,
    row: BoxTableRow,
}

/// Reads one or more files into one dataset, photos in the order of their first rows. `masks` is a
/// folder.
pub(super) fn read(
    files: &[PathBuf],
    masks: Option<&Path>,
    given_classes: Option<&ClassList>,
    lenient: bool,
) -> Result<Dataset, DatasetError> {
    read_with(files, masks, given_classes, lenient, FileColumn::Any)
}

fn read_with(
    files: &[PathBuf],
    masks: Option<&Path>,
    given_classes: Option<&ClassList>,
    lenient: bool,
    column: FileColumn,
) -> Result<Dataset, DatasetError> {
    let mut validator = BoxValidator::new(lenient);
    let mut rows = Vec::new();
    for path in files {
        rows.extend(read_rows(path, column, &mut validator)?);
    }
    add_sizes(&mut rows);
    let names_classes = rows.iter().any(|placed| placed.row.names_class());
    let classes = class_list(given_classes, rows.iter().map(|placed| &placed.row))?;
    let mut photos = TablePhotos {
        classes: &classes,
        masks,
        list: Vec::new(),
        index: HashMap::new(),
        weighted: false,
        repeated: Vec::new(),
        of_other_classes: 0,
    };
    for placed in rows {
        let place = placed.place.clone();
        if let Err(fault) = photos.add(placed, &mut validator) {
            validator.faults.add(format!("{place}: {fault}"));
        }
    }
    let (own_notes, suspicions) = (photos.notes(), photos.suspicions());
    let TablePhotos {
        list: photos,
        weighted,
        ..
    } = photos;
    let (mut notes, edges) = validator.finish()?;
    notes.extend(own_notes);
    if !names_classes {
        notes.push("the table names no classes".into());
    }
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
        suspicions,
        edges,
        ..Dataset::default()
    })
}

/// The rows of a file.
fn read_rows(
    path: &Path,
    column: FileColumn,
    validator: &mut BoxValidator,
) -> Result<Vec<PlacedRow>, DatasetError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut rows = Vec::new();
    for (place, row) in csv_rows::<BoxTableRow>(path, &BOX_COLUMNS, &mut validator.faults)? {
        let row = row.completed();
        if row.image_id.is_empty() {
            validator.faults.add(format!(
                "{place}: neither image_id nor file names the photo"
            ));
        }
        match column.path(&row.file, folder) {
            Ok(photo) => rows.push(PlacedRow {
                place,
                path: photo,
                row,
            }),
            Err(fault) => validator.faults.add(format!("{place}: {fault}")),
        }
    }
    Ok(rows)
}

/// Gives the rows that state no size that of their photo's file, where it can be read.
fn add_sizes(rows: &mut [PlacedRow]) {
    let (places, paths): (Vec<usize>, Vec<PathBuf>) = rows
        .iter()
        .enumerate()
        .filter(|(_, placed)| placed.row.size().is_none())
        .map(|(i, placed)| (i, placed.path.clone()))
        .unzip();
    for (i, size) in places.into_iter().zip(read_sizes(&paths)) {
        let row = &mut rows[i].row;
        (row.width, row.height) = (size.map(|s| s.width), size.map(|s| s.height));
    }
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
    /// The places of rows that repeat a box of their photo.
    repeated: Vec<String>,
    /// The number of boxes that are not of their photo's class.
    of_other_classes: usize,
}

impl TablePhotos<'_> {
    /// What was left out.
    fn notes(&self) -> Option<String> {
        let count = self.of_other_classes;
        (count > 0).then(|| {
            format!(
                "{count} boxes are not of the class of their photo's first row, which is the \
                 photo's class; they are not its truth"
            )
        })
    }

    fn suspicions(&self) -> Vec<Suspicion> {
        let repeated = self.repeated.first().map(|first| {
            let count = self.repeated.len();
            let what = format!("{count} rows repeat a box of their photo; the first is {first}");
            Suspicion::new(what, "check that no photo is in the table twice")
        });
        repeated.into_iter().collect()
    }

    /// Adds a row. A photo is what its first row says, and has a box for each row of its class.
    fn add(&mut self, placed: PlacedRow, validator: &mut BoxValidator) -> Result<(), String> {
        let PlacedRow { place, path, row } = placed;
        let class = row.class(self.classes)?;
        let size = row.size();
        let bbox = row
            .bbox()
            .and_then(|bbox| validator.check(bbox, size, || place.clone()));
        if let Some((i, first)) = self.index.get(&row.image_id) {
            let photo = &mut self.list[*i];
            if photo.path != path || photo.size != size {
                let id = row.image_id;
                return Err(format!(
                    "duplicate id {id} (first at {first}) with another file or size"
                ));
            }
            if photo.class != class {
                photo.distractors = true;
                self.of_other_classes += 1;
            } else if bbox.is_some_and(|bbox| photo.boxes.contains(&bbox)) {
                self.repeated.push(place);
            }
            if photo.class == class {
                photo.boxes.extend(bbox);
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
            .insert(row.image_id.clone(), (self.list.len(), place));
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
    let table = folder.join("truth.csv");
    let truth = read_with(&[table], None, Some(&classes), lenient, FileColumn::Own)?;
    Ok(Dataset {
        name: manifest.dataset,
        profile: manifest.profile,
        // Whoever made the run was warned of them.
        suspicions: Vec::new(),
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
    let mut unnumbered = BTreeSet::new();
    for row in rows {
        let Some(index) = row.index() else {
            unnumbered.insert(row.wnid.as_str());
            continue;
        };
        let Ok(class) = usize::try_from(index) else {
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
    for key in unnumbered {
        if !key.is_empty() && !keys.iter().any(|known| known == key) {
            keys.push(key.to_owned());
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
/// # Errors
/// Those of the writer.
pub fn write_csv(dataset: &Dataset, to: impl Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(to);
    let mut write = |photo: &Photo, bbox: Option<&BBox>| {
        writer.serialize(BoxTableRow::new(dataset, photo, bbox))
    };
    for photo in &dataset.photos {
        if photo.boxes.is_empty() {
            write(photo, None)?;
        }
        for bbox in &photo.boxes {
            write(photo, Some(bbox))?;
        }
    }
    writer.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "image_id,file,width,height,wnid,class_index,x_min,y_min,x_max,y_max";

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
            [
                "1 boxes were cut off at their photo's edge",
                "1 boxes are not of the class of their photo's first row, which is the photo's \
                 class; they are not its truth"
            ]
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
        let mut written = Vec::new();
        write_csv(&first, &mut written).expect("memory takes everything");
        let again =
            read_text(&String::from_utf8(written).expect("text")).unwrap_or_else(|e| panic!("{e}"));
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
                .contains("columns x_min, y_min, x_max, y_max are missing; found image_id,file;")
        );
    }
}
