//! The `boxes.csv` layout: one row a box, photos beside the file.
//!
//! `image_id,file,width,height,wnid,class_index,x_min,y_min,x_max,y_max`: pixels of `file`, 0-based, max exclusive, which is
//! the inner convention. `class_index` is −1 where the photo has no class. A photo's class is that of its first row;
//! boxes of other classes in the same photo are not its truth.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Dataset, Error, Faults, Photo, checked};
use crate::classifier::ClassList;
use crate::geometry::BBox;

#[derive(Debug, Deserialize)]
struct Row {
    image_id: String,
    file: PathBuf,
    width: u32,
    height: u32,
    wnid: String,
    class_index: i64,
    x_min: f64,
    y_min: f64,
    x_max: f64,
    y_max: f64,
}

const HEADER: &str = "image_id,file,width,height,wnid,class_index,x_min,y_min,x_max,y_max";

/// Reads one or more files into one dataset, photos in the order of their first rows.
pub(super) fn read(files: &[PathBuf], classes: &ClassList) -> Result<Dataset, Error> {
    let mut faults = Faults::default();
    let mut photos: Vec<Photo> = Vec::new();
    let mut places: HashMap<String, (usize, String)> = HashMap::new();
    let mut cut_off = 0;
    for path in files {
        let shown = path.display();
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut reader = open(path, HEADER)?;
        for (i, row) in reader.deserialize::<Row>().enumerate() {
            let row = match row {
                Ok(row) => row,
                Err(e) => {
                    faults.add(format!("{shown}: {e}"));
                    continue;
                }
            };
            let place = format!("{shown}:{}", i + 2);
            let class = match usize::try_from(row.class_index) {
                Ok(class) if class < classes.len() => Some(class),
                Err(_) if row.class_index == -1 => None,
                _ => {
                    faults.add(format!("{place}: class_index {} is not in -1..{}", row.class_index, classes.len()));
                    continue;
                }
            };
            if class.is_some_and(|class| !row.wnid.is_empty() && classes.wnid(class) != row.wnid) {
                let (found, index) = (&row.wnid, row.class_index);
                faults.add(format!("{place}: class {index} is {}, not {found}", classes.wnid(class.unwrap_or(0))));
                continue;
            }
            let size = [row.width, row.height];
            let bbox = match checked(BBox::new(row.x_min, row.y_min, row.x_max, row.y_max), size) {
                Ok((bbox, cut)) => {
                    cut_off += usize::from(cut);
                    bbox
                }
                Err(fault) => {
                    faults.add(format!("{place}: {fault}"));
                    continue;
                }
            };
            let photo_path = folder.join(&row.file);
            match places.get(&row.image_id) {
                Some((at, first)) => {
                    let photo = &mut photos[*at];
                    if photo.path != photo_path || photo.size != size {
                        let id = row.image_id;
                        faults.add(format!("{place}: duplicate id {id} (first at {first}) with another file or size"));
                    } else if photo.class == class {
                        photo.boxes.push(bbox);
                    }
                }
                None => {
                    places.insert(row.image_id.clone(), (photos.len(), place));
                    photos.push(Photo {
                        id: row.image_id,
                        path: photo_path,
                        size,
                        class,
                        boxes: vec![bbox],
                        blacklisted: false,
                        weight: 1.0,
                    });
                }
            }
        }
    }
    faults.into_result()?;
    let name = files.first().and_then(|f| f.parent()).and_then(Path::file_name).unwrap_or_default();
    let notes = if cut_off > 0 { vec![format!("{cut_off} boxes were cut off at their photo's edge")] } else { vec![] };
    Ok(Dataset { name: name.to_string_lossy().into_owned(), photos, weighted: false, notes })
}

/// Weights above this are a mistake.
const MOST_WEIGHT: f64 = 1e9;

/// The weights in a CSV with the columns `image_id` and `weight`.
pub(super) fn weights(path: &Path) -> Result<HashMap<String, f64>, Error> {
    #[derive(Deserialize)]
    struct Weight {
        image_id: String,
        weight: f64,
    }
    let mut faults = Faults::default();
    let mut weights = HashMap::new();
    for (i, row) in open(path, "image_id,weight")?.deserialize::<Weight>().enumerate() {
        let place = format!("{}:{}", path.display(), i + 2);
        match row {
            Ok(Weight { weight, .. }) if !(0.0..=MOST_WEIGHT).contains(&weight) => {
                faults.add(format!("{place}: weight {weight} is not in 0..{MOST_WEIGHT}"));
            }
            Ok(Weight { image_id, weight }) => {
                if weights.insert(image_id.clone(), weight).is_some() {
                    faults.add(format!("{place}: a second weight for {image_id}"));
                }
            }
            Err(e) => faults.add(format!("{}: {e}", path.display())),
        }
    }
    faults.into_result()?;
    Ok(weights)
}

/// A reader past the header, in which every wanted column must be.
fn open(path: &Path, wanted: &str) -> Result<csv::Reader<std::fs::File>, Error> {
    let failed = |reason: String| Error::one(format!("{}: {reason}", path.display()));
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path).map_err(|e| failed(e.to_string()))?;
    let header = reader.headers().map_err(|e| failed(e.to_string()))?;
    let missing: Vec<_> = wanted.split(',').filter(|column| !header.iter().any(|h| h == *column)).collect();
    if !missing.is_empty() {
        return Err(failed(format!("columns {} are missing; wanted are {wanted}", missing.join(", "))));
    }
    Ok(reader)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Dataset, Error> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("boxes.csv");
        std::fs::write(&path, text).expect("a file");
        read(&[path], &ClassList::read("imagenet1k").expect("the classes"))
    }

    #[test]
    fn rows_of_one_photo_are_its_boxes() {
        let text = format!(
            "\u{feff}{HEADER}\r\na,a.jpg,10,8,n01440764,0,0,0,5,5\r\na,a.jpg,10,8,n01440764,0,5.5,5,12,8\r\n\
             a,a.jpg,10,8,n01443537,1,0,0,1,1\r\nb,b.jpg,10,8,,-1,0,0,5,5\r\n"
        );
        let dataset = read_text(&text).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(dataset.photos.len(), 2);
        assert_eq!(dataset.photos[0].boxes, [BBox::new(0., 0., 5., 5.), BBox::new(5.5, 5., 10., 8.)]);
        assert_eq!((dataset.photos[0].class, dataset.photos[1].class), (Some(0), None));
        assert_eq!(dataset.notes, ["1 boxes were cut off at their photo's edge"]);
    }

    #[test]
    fn faults_are_listed_with_their_lines() {
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
        let error = read_text(&format!("{HEADER}\n{}\n", rows.join("\n"))).expect_err("faults").to_string();
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
        assert!(read_text("image_id,file\na,b\n").expect_err("columns").to_string().contains("width"));
    }
}
