//! Parts of ILSVRC's validation set in the layouts that people have. Photos of the sample stand in for
//! its photos; the shared folder has some of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use csv::StringRecord;

use super::{shared, write};

/// A photo of the validation set, or one that stands in for it.
#[derive(Clone, Debug)]
pub(crate) struct ValPhoto {
    pub(crate) number: usize,
    pub(crate) wnid: String,
    /// The photo's file.
    pub(crate) file: PathBuf,
    pub(crate) size: [u32; 2],
    /// 0-based and inclusive: x_min, y_min, x_max, y_max.
    pub(crate) boxes: Vec<[u32; 4]>,
}

impl ValPhoto {
    pub(crate) fn name(&self) -> String {
        format!("ILSVRC2012_val_{:08}", self.number)
    }

    pub(crate) fn xml(&self) -> String {
        let object = |[x0, y0, x1, y1]: &[u32; 4]| {
            format!(
                "<object><name>{}</name><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin>\
                 <xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>",
                self.wnid
            )
        };
        let objects: String = self.boxes.iter().map(object).collect();
        let ([width, height], name) = (self.size, self.name());
        format!(
            "<annotation><filename>{name}</filename><size><width>{width}</width>\
             <height>{height}</height><depth>3</depth></size>{objects}</annotation>"
        )
    }

    /// A row of Kaggle's table.
    pub(crate) fn solution(&self) -> String {
        let boxes = self
            .boxes
            .iter()
            .map(|[x0, y0, x1, y1]| format!("{} {x0} {y0} {x1} {y1} ", self.wnid));
        format!("{},{}\n", self.name(), boxes.collect::<String>())
    }
}

/// Some photos of the validation set, in the order of their numbers.
pub(crate) struct ValPhotos(pub(crate) Vec<ValPhoto>);

impl ValPhotos {
    /// Four photos of the sample, each with the number of a photo of its class.
    pub(crate) fn sample() -> Self {
        let lines = |path: &str| -> Vec<usize> {
            let text = fs::read_to_string(path).unwrap();
            text.lines().map(|line| line.parse().unwrap()).collect()
        };
        let (ids, order) = (
            lines("data/ilsvrc/ground_truth.txt"),
            lines("data/ilsvrc/label_order.txt"),
        );
        let names = ["chelsea", "coffee", "rocket", "dragonfly"];
        let number = |row: &StringRecord| {
            let id = order[row[5].parse::<usize>().unwrap()];
            let position = ids.iter().position(|found| *found == id).unwrap();
            names.contains(&&row[0]).then_some(1 + position)
        };
        Self::from_boxes(Path::new("data/sample"), number)
    }

    /// The original photos in the shared folder. `None`, with a loud skip, where it is not here.
    pub(crate) fn originals() -> Option<Self> {
        let folder = shared("data/dev/ilsvrc_val_full")?;
        let pixels = fs::read_to_string(folder.join("pixels.csv")).unwrap();
        let number = |row: &StringRecord| {
            let original = format!("{},original,", &row[0]);
            let number = row[0].rsplit('_').next().unwrap().parse().unwrap();
            pixels.contains(&original).then_some(number)
        };
        Some(Self::from_boxes(&folder, number))
    }

    /// The photos of a folder's `boxes.csv` to whose rows `number` gives a number.
    fn from_boxes(folder: &Path, number: impl Fn(&StringRecord) -> Option<usize>) -> Self {
        let mut photos: BTreeMap<usize, ValPhoto> = BTreeMap::new();
        let mut table = csv::Reader::from_path(folder.join("boxes.csv")).unwrap();
        for row in table.records() {
            let row = row.unwrap();
            let Some(number) = number(&row) else { continue };
            let column = |index: usize| row[index].parse::<u32>().unwrap();
            let photo = photos.entry(number).or_insert_with(|| ValPhoto {
                number,
                wnid: row[4].to_owned(),
                file: folder.join(&row[1]),
                size: [column(2), column(3)],
                boxes: Vec::new(),
            });
            photo
                .boxes
                .push([column(6), column(7), column(8) - 1, column(9) - 1]);
        }
        Self(photos.into_values().collect())
    }

    /// Writes each photo under the name that `name` gives it.
    pub(crate) fn write_photos(&self, folder: &Path, name: impl Fn(&ValPhoto) -> String) {
        for photo in &self.0 {
            write(folder, &name(photo), fs::read(&photo.file).unwrap());
        }
    }

    /// Writes each annotation into `place`.
    pub(crate) fn write_xml(&self, folder: &Path, place: &str) {
        for photo in &self.0 {
            write(
                folder,
                &format!("{place}/{}.xml", photo.name()),
                photo.xml(),
            );
        }
    }

    /// Kaggle's table.
    pub(crate) fn solutions(&self) -> String {
        let rows = self.0.iter().rev().map(ValPhoto::solution);
        format!("ImageId,PredictionString\n{}", rows.collect::<String>())
    }

    /// wsolevaluation's lists of these photos.
    pub(crate) fn write_wsol_lists(&self, folder: &Path, place: &str) {
        let mut lists = [const { String::new() }; 4];
        for photo in &self.0 {
            let id = format!("val/{}.JPEG", photo.name());
            let order = fs::read_to_string("data/classes/imagenet1k.csv").unwrap();
            let class = order
                .lines()
                .skip(1)
                .position(|line| line.contains(&photo.wnid));
            let [width, height] = photo.size;
            lists[0] += &format!("{id}\n");
            lists[1] += &format!("{id},{}\n", class.unwrap());
            lists[2] += &format!("{id},{width},{height}\n");
            for [x0, y0, x1, y1] in &photo.boxes {
                lists[3] += &format!("{id},{x0},{y0},{x1},{y1}\n");
            }
        }
        let names = ["image_ids", "class_labels", "image_sizes", "localization"];
        for (name, list) in names.iter().zip(&lists) {
            write(folder, &format!("{place}/{name}.txt"), list.trim_end());
        }
    }
}

/// Packs everything in `folder` into an archive beside it, by its extension, and removes the folder.
pub(crate) fn pack(folder: &Path, archive: &Path) {
    let name = archive.to_str().unwrap();
    let mut command = if name.ends_with(".zip") {
        let mut command = Command::new("python3");
        command.args(["-m", "zipfile", "-c", name]);
        let entries = fs::read_dir(folder).unwrap();
        command.args(entries.map(|entry| entry.unwrap().path()));
        command
    } else {
        let mut command = Command::new("tar");
        let form = if name.ends_with("gz") { "-czf" } else { "-cf" };
        command.args([form, name, "-C"]).arg(folder).arg(".");
        command
    };
    assert!(command.status().unwrap().success(), "{command:?}");
    fs::remove_dir_all(folder).unwrap();
}
