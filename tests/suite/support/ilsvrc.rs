//! Parts of ILSVRC's validation set, made of the sample's photos: each photo has the name and number
//! of a photo of the validation set that has its class.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::write;

/// A photo of the sample under a name of the validation set.
#[derive(Clone, Debug)]
pub(crate) struct ValPhoto {
    pub(crate) number: usize,
    pub(crate) wnid: String,
    /// The photo's file in the sample.
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

/// Four photos of the sample, in the order of their numbers.
pub(crate) fn val_photos() -> Vec<ValPhoto> {
    let lines = |path: &str| -> Vec<usize> {
        let text = fs::read_to_string(path).unwrap();
        text.lines().map(|line| line.parse().unwrap()).collect()
    };
    let (ids, order) = (
        lines("data/ilsvrc/ground_truth.txt"),
        lines("data/ilsvrc/label_order.txt"),
    );
    let mut photos: Vec<ValPhoto> = Vec::new();
    for row in csv::Reader::from_path("data/sample/boxes.csv")
        .unwrap()
        .records()
    {
        let row = row.unwrap();
        let number = |column: usize| row[column].parse::<u32>().unwrap();
        if !["chelsea", "coffee", "rocket", "dragonfly"].contains(&&row[0]) {
            continue;
        }
        let bbox = [number(6), number(7), number(8) - 1, number(9) - 1];
        let file = Path::new("data/sample").join(&row[1]);
        if let Some(photo) = photos.iter_mut().find(|photo| photo.file == file) {
            photo.boxes.push(bbox);
            continue;
        }
        let id = order[number(5) as usize];
        photos.push(ValPhoto {
            number: 1 + ids.iter().position(|found| *found == id).unwrap(),
            wnid: row[4].to_owned(),
            file,
            size: [number(2), number(3)],
            boxes: vec![bbox],
        });
    }
    photos.sort_by_key(|photo| photo.number);
    photos
}

/// Writes each photo under the name that `name` gives it.
pub(crate) fn write_photos(folder: &Path, name: impl Fn(&ValPhoto) -> String) {
    for photo in val_photos() {
        write(folder, &name(&photo), fs::read(&photo.file).unwrap());
    }
}

/// Writes each annotation into `place`.
pub(crate) fn write_xml(folder: &Path, place: &str) {
    for photo in val_photos() {
        write(
            folder,
            &format!("{place}/{}.xml", photo.name()),
            photo.xml(),
        );
    }
}

/// Kaggle's table.
pub(crate) fn solutions() -> String {
    let rows = val_photos();
    let rows = rows.iter().rev().map(ValPhoto::solution);
    format!("ImageId,PredictionString\n{}", rows.collect::<String>())
}

/// wsolevaluation's lists of these photos.
pub(crate) fn write_wsol_lists(folder: &Path, place: &str) {
    let mut lists = [const { String::new() }; 4];
    for photo in val_photos() {
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
        for [x0, y0, x1, y1] in photo.boxes {
            lists[3] += &format!("{id},{x0},{y0},{x1},{y1}\n");
        }
    }
    let names = ["image_ids", "class_labels", "image_sizes", "localization"];
    for (name, list) in names.iter().zip(&lists) {
        write(folder, &format!("{place}/{name}.txt"), list.trim_end());
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
