//! The four lists of wsolevaluation's metadata (Choe et al. 2020), whose fields are separated by
//! commas, without a newline at the end.
//!
//! * `image_ids.txt`: `id`, such as `val/ILSVRC2012_val_00000001.JPEG`, which is also the path of
//!   the photo.
//! * `class_labels.txt`: `id,label`. Labels count from 0; for ILSVRC, label i is the i-th WordNet
//!   id in sorted order, counted from 0.
//! * `image_sizes.txt`: `id,width,height`. Without this list, sizes are those of the photos' files.
//! * `localization.txt`: `id,x0,y0,x1,y1`, one line per box, 0-based and inclusive; or
//!   `id,mask,ignore` for OpenImages, where the second mask of a photo leaves `ignore` empty.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::decode::{read_size, read_sizes};
use super::error::DatasetError;
use super::mask::Mask;
use super::photo::Photo;
use super::text;
use super::validator::BoxValidator;
use crate::geometry::{BBox, Size};
use crate::storage;

/// The list by which the layout is recognised.
pub(super) const IDS_FILE: &str = "image_ids.txt";

/// Reads the class, size, boxes and masks of all photos from the lists in `folder`. `path_of` is the
/// path of the photo with an id; masks are below `masks`.
///
/// # Errors
/// [`DatasetError`] if a list cannot be read. Faults of lines go to `validator`.
pub(super) fn read(
    folder: &Path,
    path_of: impl Fn(&str) -> PathBuf,
    masks: &Path,
    validator: &mut BoxValidator,
) -> Result<Vec<Photo>, DatasetError> {
    let mut lists = WsolLists::read_ids(folder, path_of, validator)?;
    lists.read_labels(validator)?;
    lists.read_sizes(validator)?;
    lists.read_truth(masks, validator)?;
    take_sizes_of_masks(&mut lists.photos);
    Ok(lists.photos)
}

/// The path of a file in `folder`, if there is one of this name.
pub(super) fn existing(folder: &Path, name: &str) -> Option<PathBuf> {
    let path = folder.join(name);
    storage::is_file(&path).then_some(path)
}

/// The lists while they are read.
struct WsolLists<'a> {
    folder: &'a Path,
    photos: Vec<Photo>,
    /// The index of each photo, by name.
    index: HashMap<String, usize>,
}

/// A line of a list.
struct WsolLine<T> {
    /// File and line.
    place: String,
    /// The index of its photo.
    photo: usize,
    value: T,
}

impl<'a> WsolLists<'a> {
    /// The photos that `image_ids.txt` names.
    fn read_ids(
        folder: &'a Path,
        path_of: impl Fn(&str) -> PathBuf,
        validator: &mut BoxValidator,
    ) -> Result<Self, DatasetError> {
        let list = folder.join(IDS_FILE);
        let (mut photos, mut index) = (Vec::new(), HashMap::new());
        for (line, id) in text::parse_lines(&list, |line| Ok(line.to_owned()))? {
            if let Some(first) = index.insert(id.clone(), photos.len()) {
                let place = format!("{}:{line}", list.display());
                let first = first + 1;
                validator.faults.add(format!(
                    "{place}: duplicate id {id} (also photo {first} of the list)"
                ));
            }
            photos.push(Photo {
                path: path_of(&id),
                id,
                ..Photo::default()
            });
        }
        Ok(Self {
            folder,
            photos,
            index,
        })
    }

    /// The lines of a list. `parse` returns the id of a line's photo and the line's value.
    fn parse_list<T>(
        &self,
        name: &str,
        parse: impl for<'b> Fn(&'b str) -> Result<(&'b str, T), String>,
    ) -> Result<Vec<WsolLine<T>>, DatasetError> {
        let path = self.folder.join(name);
        let lines = text::parse_lines(&path, |line| {
            let (id, value) = parse(line)?;
            match self.index.get(id) {
                Some(photo) => Ok((*photo, value)),
                None => Err(format!("{id} is not in {IDS_FILE}")),
            }
        })?;
        let lines = lines.into_iter().map(|(line, (photo, value))| WsolLine {
            place: format!("{}:{line}", path.display()),
            photo,
            value,
        });
        Ok(lines.collect())
    }

    fn read_labels(&mut self, validator: &mut BoxValidator) -> Result<(), DatasetError> {
        let labels = self.parse_list("class_labels.txt", |line| {
            let [id, label] = text::fields(line, ',')?;
            let label: usize = label
                .parse()
                .map_err(|_| format!("'{label}' is not a label"))?;
            Ok((id, label))
        })?;
        self.set_once(|photo| &mut photo.class, labels, "label", validator);
        Ok(())
    }

    /// Reads the list of sizes. OpenImages has none, and its masks are files of any size.
    fn read_sizes(&mut self, validator: &mut BoxValidator) -> Result<(), DatasetError> {
        const LIST: &str = "image_sizes.txt";
        if existing(self.folder, LIST).is_none() {
            let paths: Vec<PathBuf> = self.photos.iter().map(|photo| photo.path.clone()).collect();
            for (photo, size) in self.photos.iter_mut().zip(read_sizes(&paths)) {
                photo.size = size;
            }
            return Ok(());
        }
        let sizes = self.parse_list(LIST, |line| {
            let [id, width, height] = text::fields(line, ',')?;
            Ok((id, Size::new(parse_side(width)?, parse_side(height)?)))
        })?;
        self.set_once(|photo| &mut photo.size, sizes, "size", validator);
        Ok(())
    }

    /// Sets a field of each line's photo. A second line of a photo is a fault.
    fn set_once<T>(
        &mut self,
        field: fn(&mut Photo) -> &mut Option<T>,
        lines: Vec<WsolLine<T>>,
        what: &str,
        validator: &mut BoxValidator,
    ) {
        for line in lines {
            let known = field(&mut self.photos[line.photo]);
            if known.replace(line.value).is_some() {
                let fault = format!("{}: a second {what}", line.place);
                validator.faults.add(fault);
            }
        }
    }

    /// Reads the boxes, or the masks in the folder `masks`.
    fn read_truth(
        &mut self,
        masks: &Path,
        validator: &mut BoxValidator,
    ) -> Result<(), DatasetError> {
        let lines = self.parse_list("localization.txt", |line| {
            let id = line.split(',').next().unwrap_or_default();
            Ok((id, line.to_owned()))
        })?;
        for line in lines {
            let WsolLine {
                place,
                photo,
                value,
            } = line;
            let photo = &mut self.photos[photo];
            match value.split(',').count() {
                3 => {
                    let [_, object, ignore] = text::fields::<3>(&value, ',').expect("three fields");
                    add_mask(photo, masks, object, ignore);
                }
                5 => match parse_box(&value) {
                    Ok(bbox) => {
                        let bbox = validator.check(bbox, photo.size, || place);
                        photo.boxes.extend(bbox);
                    }
                    Err(fault) => validator.faults.add(format!("{place}: {fault}")),
                },
                n => validator.faults.add(format!(
                    "{place}: {n} fields are neither a box (5) nor a mask (3)"
                )),
            }
        }
        Ok(())
    }
}

/// If the size of a photo is not known (its file is missing, or the list of sizes does not name
/// it), the size of its first mask is used.
fn take_sizes_of_masks(photos: &mut [Photo]) {
    for photo in photos.iter_mut().filter(|photo| photo.size.is_none()) {
        if let Some(Mask::Joined { objects, .. }) = &photo.mask {
            photo.size = read_size(&objects[0]).ok();
        }
    }
}

/// A width or height in pixels.
fn parse_side(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(side) if side > 0 => Ok(side),
        _ => Err(format!("'{text}' is not a width or height in pixels")),
    }
}

/// The box in a line `id,x0,y0,x1,y1`, whose corners are inclusive.
fn parse_box(line: &str) -> Result<BBox, String> {
    let [_, x0, y0, x1, y1] = text::fields(line, ',')?;
    let [x0, y0, x1, y1] = [x0, y0, x1, y1].map(text::parse_number);
    Ok(BBox::from_inclusive(x0?, y0?, x1?, y1?))
}

/// Adds an object's mask to a photo. The first `ignore` that is not empty is the photo's.
fn add_mask(photo: &mut Photo, folder: &Path, object: &str, ignore: &str) {
    let object = folder.join(object);
    let new_ignore = (!ignore.is_empty()).then(|| folder.join(ignore));
    if let Some(Mask::Joined {
        objects,
        ignore: first_ignore,
    }) = &mut photo.mask
    {
        objects.push(object);
        *first_ignore = first_ignore.take().or(new_ignore);
    } else {
        photo.mask = Some(Mask::Joined {
            objects: vec![object],
            ignore: new_ignore,
        });
    }
}

/// Reports the first thing that each photo lacks: class, size, truth, or a label within the class
/// list.
pub(super) fn check_complete(
    photos: &[Photo],
    classes: usize,
    folder: &Path,
    validator: &mut BoxValidator,
) {
    for photo in photos {
        let has_truth = !photo.boxes.is_empty() || photo.mask.is_some();
        let missing = match (photo.class, photo.size) {
            (None, _) => "no class",
            (_, None) if photo.mask.is_none() => "no size",
            _ if !has_truth && !validator.lenient => "neither a box nor a mask",
            (Some(class), _) if class >= classes => "a label outside the class list",
            _ => continue,
        };
        let fault = format!("{}: {} has {missing}", folder.display(), photo.id);
        validator.faults.add(fault);
    }
}
