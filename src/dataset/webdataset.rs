//! WebDataset: tar archives, called shards, whose members belong together if their paths are the
//! same up to the first dot of the file's name, which is the key of a sample.
//!
//! * `KEY.jpg`, `.jpeg`, `.png` or `.webp` is the photo.
//! * `KEY.cls` is its class: the index in the class list, or the key of a class.
//! * `KEY.json` is an object, in which `label` may be the class in the same way, and `boxes` a list
//!   of boxes with the edges `x_min`, `y_min`, `x_max` and `y_max`: pixels, 0-based, with an exclusive
//!   maximum, as in the tables of this program. Boxes in other forms do not say where they begin and
//!   end. They are left out, with a note.
//!
//! The photo's name is its key. Where several shards have the same key, the shard's name is put in
//! front. What else a sample has is not read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde_json::{Map, Value};

use super::decode::read_sizes;
use super::error::DatasetError;
use super::photo::Photo;
use super::profile::Profile;
use super::truth::Dataset;
use super::validator::BoxValidator;
use crate::classes::ClassList;
use crate::geometry::BBox;
use crate::path_text;
use crate::storage;

const PHOTOS: [&str; 4] = ["jpg", "jpeg", "png", "webp"];

/// The keys under which boxes are stated in forms that are not read.
const OTHER_BOXES: [&str; 5] = ["annotations", "bbox", "bboxes", "box", "objects"];

/// The samples of a dataset.
struct Samples {
    samples: Vec<Sample>,
    /// What was left out or changed, each a sentence.
    notes: Vec<String>,
}

/// The members of a shard that belong to one photo.
#[derive(Debug, Default)]
struct Sample {
    /// The key, after the shard's name where other shards have the same key.
    name: PathBuf,
    photos: Vec<PathBuf>,
    class: Option<PathBuf>,
    json: Option<PathBuf>,
}

/// What a sample says about its photo.
#[derive(Debug, Default, PartialEq)]
struct Label {
    class: Option<usize>,
    boxes: Vec<BBox>,
    has_other_boxes: bool,
}

/// The shards of a folder, if it is a dataset of this kind: the first tar in it has a `.cls`. A tar
/// is its own only shard.
pub(super) fn shards_in(root: &Path) -> Option<Vec<PathBuf>> {
    let is_tar = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "tar");
    let shards: Vec<PathBuf> = if storage::is_archive(root) {
        vec![root.to_owned()]
    } else {
        let children = storage::children(root).ok()?.into_iter();
        children
            .filter(is_tar)
            .filter(|path| storage::is_archive(path))
            .collect()
    };
    let members = storage::members(shards.first()?).ok()?;
    let has_class = members
        .iter()
        .any(|path| path.extension().is_some_and(|e| e == "cls"));
    has_class.then_some(shards)
}

/// Reads the samples of shards, in their order and sorted by key in each.
pub(super) fn read(
    shards: &[PathBuf],
    classes: ClassList,
    lenient: bool,
) -> Result<Dataset, DatasetError> {
    let mut validator = BoxValidator::new(lenient);
    let Samples { samples, mut notes } = Samples::new(shards, &mut validator)?;
    let paths: Vec<PathBuf> = samples.iter().map(|s| s.photos[0].clone()).collect();
    let sizes = read_sizes(&paths);
    let labels: Vec<_> = samples.par_iter().map(|s| s.label(&classes)).collect();

    let mut photos = Vec::new();
    let mut other_boxes = 0;
    for (((sample, path), size), label) in samples.iter().zip(paths).zip(sizes).zip(labels) {
        let label = label.unwrap_or_else(|fault| {
            validator.faults.add(fault);
            Label::default()
        });
        other_boxes += usize::from(label.has_other_boxes);
        let mut boxes = Vec::new();
        for bbox in label.boxes {
            let place = || {
                sample
                    .json
                    .iter()
                    .map(|json| json.display().to_string())
                    .collect()
            };
            boxes.extend(validator.check(bbox, size, place));
        }
        photos.push(Photo {
            id: path_text::encode(&sample.name),
            class: label.class,
            boxes,
            size,
            path,
            ..Photo::default()
        });
    }
    if other_boxes > 0 {
        notes.push(format!(
            "the boxes of {other_boxes} photos were left out: they are not stated as x_min, y_min, \
             x_max and y_max"
        ));
    }
    let (box_notes, edges) = validator.finish()?;
    notes.extend(box_notes);
    Ok(Dataset {
        profile: Profile::Boxes,
        classes,
        photos,
        notes,
        edges,
        ..Dataset::default()
    })
}

impl Samples {
    /// The samples with a photo.
    fn new(shards: &[PathBuf], validator: &mut BoxValidator) -> Result<Self, DatasetError> {
        let mut samples = Vec::new();
        let mut without_photo = Vec::new();
        let mut counts: BTreeMap<PathBuf, usize> = BTreeMap::new();
        for shard in shards {
            for (key, sample) in samples_of(shard)? {
                let place = shard.join(&key);
                match sample.photos.len() {
                    0 => without_photo.push(path_text::encode(place)),
                    1 => {
                        *counts.entry(key).or_default() += 1;
                        samples.push((shard, sample));
                    }
                    _ => {
                        let fault = "this sample has several photos";
                        validator
                            .faults
                            .add(format!("{}: {fault}", place.display()));
                    }
                }
            }
        }
        let mut repeated = 0;
        for (shard, sample) in &mut samples {
            if counts[&sample.name] > 1 {
                repeated += 1;
                let shard = shard.with_extension("");
                sample.name = Path::new(shard.file_name().unwrap_or_default()).join(&sample.name);
            }
        }
        let mut notes = Vec::new();
        if let Some(first) = without_photo.first() {
            let count = without_photo.len();
            notes.push(format!(
                "{count} samples without a JPEG, PNG or WebP photo were left out, such as {first}"
            ));
        }
        if repeated > 0 {
            notes.push(format!(
                "{repeated} photos have keys that several shards have: the shard's name is put in \
                 front of them"
            ));
        }
        Ok(Self {
            samples: samples.into_iter().map(|(_, sample)| sample).collect(),
            notes,
        })
    }
}

/// The samples of a shard by key, which is a path in the shard.
fn samples_of(shard: &Path) -> Result<BTreeMap<PathBuf, Sample>, DatasetError> {
    let members = storage::members(shard).map_err(|e| DatasetError::unreadable(shard, e))?;
    let mut samples: BTreeMap<PathBuf, Sample> = BTreeMap::new();
    for member in members {
        let name = path_text::encode(member.file_name().unwrap_or_default());
        let Some((key, extension)) = name.split_once('.').filter(|(key, _)| !key.is_empty()) else {
            continue;
        };
        let key = member.with_file_name(path_text::decode(key));
        let sample = samples.entry(key.clone()).or_default();
        sample.name = key;
        let path = shard.join(&member);
        match extension.to_lowercase().as_str() {
            "cls" => sample.class = Some(path),
            "json" => sample.json = Some(path),
            extension if PHOTOS.contains(&extension) => sample.photos.push(path),
            _ => {}
        }
    }
    Ok(samples)
}

impl Sample {
    /// What the sample says. An error names the member.
    fn label(&self, classes: &ClassList) -> Result<Label, String> {
        let mut label = Label::default();
        if let Some(path) = &self.json {
            let object = read_object(path).map_err(in_member(path))?;
            label = label_of(&object, classes).map_err(in_member(path))?;
        }
        if let Some(path) = &self.class {
            let text = storage::read(path).map_err(|e| e.to_string());
            let text = text.and_then(|bytes| String::from_utf8(bytes).map_err(|e| e.to_string()));
            let class = text.and_then(|text| class_of(text.trim(), classes));
            let class = class.map_err(in_member(path))?;
            if label.class.is_some_and(|other| other != class) {
                return Err(in_member(path)(
                    "its class is not the label in the JSON of the sample".into(),
                ));
            }
            label.class = Some(class);
        }
        Ok(label)
    }
}

fn in_member(path: &Path) -> impl Fn(String) -> String {
    move |fault| format!("{}: {fault}", path.display())
}

fn read_object(path: &Path) -> Result<Map<String, Value>, String> {
    let bytes = storage::read(path).map_err(|e| e.to_string())?;
    serde_json::from_slice(&bytes).map_err(|e| e.to_string())
}

/// What the JSON of a sample says.
fn label_of(object: &Map<String, Value>, classes: &ClassList) -> Result<Label, String> {
    let class = match object.get("label") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(class_of(text, classes)?),
        Some(Value::Number(number)) => Some(class_of(&number.to_string(), classes)?),
        Some(other) => return Err(format!("label: expected an index or a key, found {other}")),
    };
    let boxes = object.get("boxes").and_then(Value::as_array);
    let stated: Option<Vec<BBox>> = boxes.and_then(|list| list.iter().map(bbox).collect());
    let is_other = object.get("boxes").is_some_and(|value| !value.is_null()) && stated.is_none();
    Ok(Label {
        class,
        boxes: stated.unwrap_or_default(),
        has_other_boxes: is_other || OTHER_BOXES.iter().any(|key| object.contains_key(*key)),
    })
}

/// A box whose edges have the names that this program gives them.
fn bbox(value: &Value) -> Option<BBox> {
    let [x_min, y_min, x_max, y_max] =
        ["x_min", "y_min", "x_max", "y_max"].map(|edge| value.get(edge)?.as_f64());
    Some(BBox::new(x_min?, y_min?, x_max?, y_max?))
}

/// The class of an index or a key.
fn class_of(text: &str, classes: &ClassList) -> Result<usize, String> {
    if let Some(class) = classes.class(text) {
        return Ok(class);
    }
    let count = classes.len();
    let index = text.parse().ok().filter(|&index: &usize| index < count);
    index.ok_or_else(|| {
        format!(
            "'{text}' is neither an index of a class, from 0 to {}, nor the key of one",
            count - 1
        )
    })
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::geometry::Size;

    /// Writes a shard. A photo is 8 x 6 pixels.
    fn shard(folder: &Path, file: &str, members: &[(&str, &str)]) -> PathBuf {
        let path = folder.join(file);
        let mut tar = tar::Builder::new(File::create(&path).expect("a file"));
        let mut photo = std::io::Cursor::new(Vec::new());
        let picture = image::RgbImage::new(8, 6);
        picture
            .write_to(&mut photo, image::ImageFormat::Png)
            .expect("a photo");
        for (name, content) in members {
            let is_photo = name.to_lowercase().ends_with('g') || name.ends_with("webp");
            let content = if is_photo {
                photo.get_ref()
            } else {
                content.as_bytes()
            };
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, name, content)
                .expect("a member");
        }
        tar.finish().expect("a shard");
        path
    }

    fn imagenet() -> ClassList {
        ClassList::read(ClassList::IMAGENET).expect("the classes")
    }

    #[test]
    fn odd_samples_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let boxes =
            r#"{"label": 281, "boxes": [{"x_min": 0, "y_min": 1, "x_max": 8, "y_max": 6}]}"#;
        let first = shard(
            folder.path(),
            "v-0.tar",
            &[
                ("a/1.jpg", ""),
                ("a/1.cls", "281\n"),
                ("a/1.json", boxes),
                ("2.PNG", ""),
                ("2.cls", "n02119789"),
                ("2.seg.png", ""),
                ("3.cls", "1"),
                ("3.txt", "a cat"),
                ("4.webp", ""),
                ("4.json", r#"{"bbox": [0, 0, 1, 1]}"#),
            ],
        );
        let second = shard(folder.path(), "v-1.tar", &[("2.jpeg", ""), ("2.cls", "5")]);
        let shards = shards_in(folder.path()).expect("shards");
        assert_eq!(shards, [first.clone(), second]);
        assert_eq!(shards_in(&first), Some(vec![first]));
        let dataset = read(&shards, imagenet(), false).unwrap_or_else(|e| panic!("{e}"));
        let found: Vec<_> = dataset
            .photos
            .iter()
            .map(|p| (p.id.as_str(), p.class))
            .collect();
        let expected = [
            ("v-0/2", Some(278)),
            ("4", None),
            ("a/1", Some(281)),
            ("v-1/2", Some(5)),
        ];
        assert_eq!(found, expected);
        assert_eq!(dataset.photos[2].boxes, [BBox::new(0., 1., 8., 6.)]);
        assert_eq!(dataset.photos[0].size, Some(Size::new(8, 6)));
        let [without, repeated, left_out] = &dataset.notes[..] else {
            panic!("{:?}", dataset.notes)
        };
        assert!(without.starts_with("1 samples without a JPEG, PNG or WebP photo"));
        assert!(repeated.starts_with("2 photos have keys that several shards have"));
        assert!(left_out.starts_with("the boxes of 1 photos were left out"));
    }

    #[test]
    fn faults_of_samples_name_their_place() {
        for (members, expected) in [
            (
                &[("1.jpg", ""), ("1.cls", "1000")][..],
                "/v.tar/1.cls: '1000' is neither an index of a class, from 0 to 999, nor the key of one",
            ),
            (
                &[("1.jpg", ""), ("1.json", "[1]")],
                "/v.tar/1.json: invalid type: sequence, expected a map at line 1 column 0",
            ),
            (
                &[("1.jpg", ""), ("1.cls", "7"), ("1.json", r#"{"label": 8}"#)],
                "/v.tar/1.cls: its class is not the label in the JSON of the sample",
            ),
            (
                &[("a/1.jpg", ""), ("a/1.png", "")],
                "/v.tar/a/1: this sample has several photos",
            ),
            (
                &[
                    ("1.jpg", ""),
                    (
                        "1.json",
                        r#"{"boxes": [{"x_min": 3, "y_min": 0, "x_max": 3, "y_max": 1}]}"#,
                    ),
                ],
                "/v.tar/1.json: box (3, 0, 3, 1) is inverted (x_min >= x_max)",
            ),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            let shard = shard(folder.path(), "v.tar", members);
            let error = read(&[shard], imagenet(), false)
                .expect_err(expected)
                .to_string();
            assert!(error.ends_with(expected), "{error}");
        }
    }
}
