//! The lists of a COCO file: photos, categories, and the objects in each photo. Faults and notes are
//! collected.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Display;
use std::path::{Path, PathBuf};

use serde_json::value::RawValue;

use super::coco_annotation::CocoAnnotation;
use super::coco_image::CocoImage;
use super::coco_json::{CocoEntry, CocoId};
use super::segmentation::Segmentation;
use super::validator::BoxValidator;
use crate::geometry::BBox;

/// A category's objects in a photo.
#[derive(Default)]
pub(super) struct CocoObjects {
    pub(super) boxes: Vec<BBox>,
    /// One per box; `None` for a box without a segmentation.
    pub(super) masks: Vec<Option<Segmentation>>,
    pub(super) crowds: Vec<Segmentation>,
}

/// Objects by image id and category id.
pub(super) type CocoObjectsById = BTreeMap<(CocoId, CocoId), CocoObjects>;

/// Reads the lists of a file, and collects faults and notes.
pub(super) struct CocoReader<'a> {
    pub(super) file: &'a Path,
    pub(super) validator: BoxValidator,
    pub(super) notes: Vec<String>,
}

impl CocoReader<'_> {
    fn add_fault(&mut self, fault: impl Display) {
        let fault = format!("{}: {fault}", self.file.display());
        self.validator.faults.add(fault);
    }

    /// The entries of a list by id, each parsed. An entry that is repeated with the same content
    /// counts once.
    fn by_id<T: PartialEq>(
        &mut self,
        kind: &str,
        list: &[&RawValue],
        parse: impl Fn(&CocoEntry) -> Result<T, String>,
    ) -> BTreeMap<CocoId, T> {
        let mut found: BTreeMap<CocoId, T> = BTreeMap::new();
        let mut repeated = 0;
        for (index, raw) in list.iter().enumerate() {
            let entry = CocoEntry::new(kind, index, raw);
            let parsed = entry.and_then(|entry| Ok((entry.id("id")?, parse(&entry)?)));
            match parsed {
                Err(fault) => self.add_fault(fault),
                Ok((id, item)) => match found.get(&id) {
                    None => drop(found.insert(id, item)),
                    Some(first) if *first == item => repeated += 1,
                    Some(_) => {
                        self.add_fault(format!("{kind} {id} occurs twice, with different content"));
                    }
                },
            }
        }
        if repeated > 0 {
            self.notes.push(format!(
                "{repeated} entries of {kind} are repeated, and count once"
            ));
        }
        found
    }

    /// The names of the categories by id.
    pub(super) fn categories(&mut self, list: &[&RawValue]) -> BTreeMap<CocoId, String> {
        self.by_id("category", list, |entry| match entry.get("name") {
            Some(_) => entry.text("name"),
            None => Ok(entry.id("id")?.to_string()),
        })
    }

    /// The photos by id.
    pub(super) fn images(
        &mut self,
        list: &[&RawValue],
        folders: &[PathBuf],
    ) -> BTreeMap<CocoId, CocoImage> {
        let images = self.by_id("image", list, |entry| CocoImage::parse(entry, folders));
        let without_size = images.values().filter(|image| !image.states_size).count();
        if without_size > 0 {
            self.notes.push(format!(
                "{without_size} images have no size; it was read from their photos"
            ));
        }
        let mut first: HashMap<&Path, (&CocoId, &CocoImage)> = HashMap::new();
        let mut same_file = 0;
        for (id, image) in &images {
            let Some((other, other_image)) = first.insert(&image.path, (id, image)) else {
                continue;
            };
            if image.file_name == other_image.file_name {
                same_file += 1;
                continue;
            }
            let path = image.path.display();
            self.add_fault(format!(
                "image {id}: its photo {path} is also that of image {other}"
            ));
        }
        if same_file > 0 {
            self.notes
                .push(format!("{same_file} images have the file of another image"));
        }
        images
    }

    /// The objects of the photos.
    pub(super) fn objects(
        &mut self,
        list: &[&RawValue],
        images: &BTreeMap<CocoId, CocoImage>,
        categories: &BTreeMap<CocoId, String>,
    ) -> CocoObjectsById {
        let mut objects = CocoObjectsById::new();
        let (mut texts, mut repeated) = (HashSet::new(), 0);
        let (mut ids, mut same_id) = (HashSet::new(), 0);
        for (index, raw) in list.iter().enumerate() {
            if !texts.insert(raw.get()) {
                repeated += 1;
                continue;
            }
            let added = CocoEntry::new("annotation", index, raw).and_then(|entry| {
                same_id += usize::from(entry.id("id").is_ok_and(|id| !ids.insert(id)));
                self.add_annotation(&entry, images, categories, &mut objects)
            });
            if let Err(fault) = added {
                self.add_fault(fault);
            }
        }
        if same_id > 0 {
            self.notes
                .push(format!("{same_id} annotations have the id of another"));
        }
        if repeated > 0 {
            self.notes.push(format!(
                "{repeated} annotations are repeated, and count once"
            ));
        }
        let annotated: BTreeSet<&CocoId> = objects.keys().map(|(image, _)| image).collect();
        let without = images.keys().filter(|id| !annotated.contains(id)).count();
        if without > 0 {
            self.notes.push(format!(
                "{without} images have no annotation, and are left out"
            ));
        }
        objects
    }

    /// Adds an annotation to the objects.
    fn add_annotation(
        &mut self,
        entry: &CocoEntry,
        images: &BTreeMap<CocoId, CocoImage>,
        categories: &BTreeMap<CocoId, String>,
        objects: &mut CocoObjectsById,
    ) -> Result<(), String> {
        let (image_id, category_id) = (entry.id("image_id")?, entry.id("category_id")?);
        let name = format!("{} (image {image_id})", entry.name);
        let Some(image) = images.get(&image_id) else {
            return Err(format!("{name}: there is no such image"));
        };
        if !categories.contains_key(&category_id) {
            return Err(format!("{name}: there is no category {category_id}"));
        }
        let annotation = match CocoAnnotation::parse(entry, image.size) {
            Ok(annotation) => annotation,
            Err(fault) => {
                let fault = format!("{}: {fault}", self.file.display());
                self.validator.reject(fault);
                return Ok(());
            }
        };
        let of_class = objects.entry((image_id, category_id)).or_default();
        let place = || format!("{}: {name}", self.file.display());
        match annotation.bbox {
            None => of_class.crowds.extend(annotation.segmentation),
            Some(bbox) => {
                if let Some(bbox) = self.validator.check(bbox, Some(image.size), place) {
                    of_class.boxes.push(bbox);
                    of_class.masks.push(annotation.segmentation);
                }
            }
        }
        Ok(())
    }
}
