//! The metadata of wsolevaluation (Choe et al. 2020): four lists, fields apart by commas, no end of
//! the last line.
//!
//! * `image_ids.txt`: `id`, such as `val/ILSVRC2012_val_00000001.JPEG`, which is also the photo's
//!   file;
//! * `class_labels.txt`: `id,label`, from 0, in sorted-WordNet order for ILSVRC;
//! * `image_sizes.txt`: `id,width,height`; where it is not there, sizes are the photos' own;
//! * `localization.txt`: `id,x0,y0,x1,y1`, one line a box, 0-based and inclusive; or
//!   `id,mask,ignore` for OpenImages, where the second mask of a photo leaves `ignore` empty.
//!
//! Beside them may lie `blacklist.txt` (numbers of ILSVRC's val photos left out of localisation)
//! and `ascii_order_to_synset_order.txt` (the ILSVRC ID of each class in sorted-WordNet order).

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::faults::Gate;
use super::{Dataset, DatasetError, Mask, Photo, Profile, label_order, photo, text, val};
use crate::classes::ClassList;
use crate::geometry::{BBox, Size};

/// The list that tells the layout from others.
pub(super) const SIGN: &str = "image_ids.txt";
/// The order of ILSVRC's IDs.
const LABEL_ORDER: &str = "ascii_order_to_synset_order.txt";

/// Reads the lists in `folder`; photos lie in `images`, masks in `masks`. `classes` names the
/// labels, which otherwise are ImageNet's where the photos are ILSVRC's, and mere numbers
/// elsewhere.
pub(super) fn read(
    folder: &Path,
    images: &Path,
    masks: &Path,
    classes: Option<ClassList>,
    lenient: bool,
) -> Result<Dataset, DatasetError> {
    let mut gate = Gate::new(lenient);
    let mut lists = WsolLists::named(folder, images, &mut gate)?;
    lists.labels(&mut gate)?;
    lists.sizes(&mut gate)?;
    lists.truth(masks, &mut gate)?;
    let WsolLists { mut photos, .. } = lists;
    // Where a photo is away, its first mask tells its shape.
    for photo in photos.iter_mut().filter(|photo| photo.size.is_none()) {
        if let Some(Mask::Joined { objects, .. }) = &photo.mask {
            photo.size = photo::size(&objects[0]).ok();
        }
    }
    let classes = class_list(&photos, classes)?;
    complete(&photos, classes.len(), folder, &mut gate);

    let mut files = Vec::new();
    let blacklist = folder.join("blacklist.txt");
    if blacklist.is_file() {
        let numbers = val::blacklist(&blacklist, val::PHOTOS)?;
        photos
            .iter_mut()
            .for_each(|photo| photo.blacklisted = numbers.contains(&val::number(&photo.id)));
        files.push(("blacklist", blacklist));
    }
    let order = folder.join(LABEL_ORDER);
    let ilsvrc_ids = order
        .is_file()
        .then(|| label_order::list(&order, classes.len()))
        .transpose()?;
    files.extend(ilsvrc_ids.is_some().then_some(("label order", order)));
    let (mut notes, edges) = gate.close()?;
    let is_ilsvrc = photos.iter().any(|photo| val::number(&photo.id) > 0);
    if is_ilsvrc && !files.iter().any(|(what, _)| *what == "blacklist") {
        notes.push(val::NO_BLACKLIST.into());
    }
    let profile = if is_ilsvrc {
        Profile::Devkit
    } else {
        Profile::Boxes
    };
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

/// The lists while they are read.
struct WsolLists<'a> {
    folder: &'a Path,
    photos: Vec<Photo>,
    places: HashMap<String, usize>,
}

impl<'a> WsolLists<'a> {
    /// The photos that `image_ids.txt` names.
    fn named(folder: &'a Path, images: &Path, gate: &mut Gate) -> Result<Self, DatasetError> {
        let list = folder.join(SIGN);
        let (mut photos, mut places) = (Vec::new(), HashMap::new());
        for (line, id) in text::each(&list, |line| Ok(line.to_owned()))? {
            if let Some(first) = places.insert(id.clone(), photos.len()) {
                let place = format!("{}:{line}", list.display());
                gate.faults.add(format!(
                    "{place}: duplicate id {id} (first is photo {})",
                    first + 1
                ));
            }
            photos.push(Photo {
                path: images.join(&id),
                id,
                ..Photo::default()
            });
        }
        Ok(Self {
            folder,
            photos,
            places,
        })
    }

    /// Place, photo and value of each line of a list.
    fn each<T>(
        &self,
        name: &str,
        parse: impl for<'b> Fn(&'b str) -> Result<(&'b str, T), String>,
    ) -> Result<Vec<(String, usize, T)>, DatasetError> {
        let path = self.folder.join(name);
        let lines = text::each(&path, |line| {
            let (id, value) = parse(line)?;
            let place = self
                .places
                .get(id)
                .ok_or_else(|| format!("{id} is not in {SIGN}"))?;
            Ok((*place, value))
        })?;
        let placed = |(line, (photo, value))| (format!("{}:{line}", path.display()), photo, value);
        Ok(lines.into_iter().map(placed).collect())
    }

    fn labels(&mut self, gate: &mut Gate) -> Result<(), DatasetError> {
        let labels = self.each("class_labels.txt", |line| {
            let [id, label] = text::fields(line, ',')?;
            Ok((
                id,
                label
                    .parse::<usize>()
                    .map_err(|_| format!("'{label}' is no label"))?,
            ))
        })?;
        for (place, photo, label) in labels {
            if self.photos[photo].class.replace(label).is_some() {
                gate.faults.add(format!("{place}: a second label"));
            }
        }
        Ok(())
    }

    /// OpenImages has no list of sizes: masks are files of any size.
    fn sizes(&mut self, gate: &mut Gate) -> Result<(), DatasetError> {
        if !self.folder.join("image_sizes.txt").is_file() {
            let paths: Vec<PathBuf> = self.photos.iter().map(|photo| photo.path.clone()).collect();
            self.photos
                .iter_mut()
                .zip(photo::sizes(&paths))
                .for_each(|(photo, size)| photo.size = size);
            return Ok(());
        }
        let sizes = self.each("image_sizes.txt", |line| {
            let [id, width, height] = text::fields(line, ',')?;
            let side = |text: &str| {
                text.parse()
                    .ok()
                    .filter(|&n: &u32| n > 0)
                    .ok_or(format!("'{text}' is no side"))
            };
            Ok((id, Size::new(side(width)?, side(height)?)))
        })?;
        for (place, photo, size) in sizes {
            if self.photos[photo].size.replace(size).is_some() {
                gate.faults.add(format!("{place}: a second size"));
            }
        }
        Ok(())
    }

    /// Boxes, or masks in the folder `masks`.
    fn truth(&mut self, masks: &Path, gate: &mut Gate) -> Result<(), DatasetError> {
        let first = |line: &str| line.split(',').next().unwrap_or_default().len();
        let lines = self.each("localization.txt", |line| {
            Ok((&line[..first(line)], line.to_owned()))
        })?;
        for (place, photo, line) in lines {
            let photo = &mut self.photos[photo];
            match line.split(',').count() {
                3 => {
                    let [_, object, ignore] = text::fields::<3>(&line, ',').expect("three");
                    join(photo, masks, object, ignore);
                }
                5 => match corners(&line) {
                    Ok([x0, y0, x1, y1]) => {
                        let bbox =
                            gate.pass(BBox::from_inclusive(x0, y0, x1, y1), photo.size, || place);
                        photo.boxes.extend(bbox);
                    }
                    Err(fault) => gate.faults.add(format!("{place}: {fault}")),
                },
                n => gate
                    .faults
                    .add(format!("{place}: {n} fields are neither a box nor a mask")),
            }
        }
        Ok(())
    }
}

fn corners(line: &str) -> Result<[f64; 4], String> {
    let [_, x0, y0, x1, y1] = text::fields(line, ',')?;
    Ok([
        text::number(x0)?,
        text::number(y0)?,
        text::number(x1)?,
        text::number(y1)?,
    ])
}

/// Adds a mask to a photo's.
fn join(photo: &mut Photo, folder: &Path, object: &str, leave_out: &str) {
    let leave_out = (!leave_out.is_empty()).then(|| folder.join(leave_out));
    match &mut photo.mask {
        Some(Mask::Joined { objects, ignore }) => {
            objects.push(folder.join(object));
            *ignore = ignore.take().or(leave_out);
        }
        mask => {
            *mask = Some(Mask::Joined {
                objects: vec![folder.join(object)],
                ignore: leave_out,
            })
        }
    }
}

/// Every photo needs its line in every list.
fn complete(photos: &[Photo], classes: usize, folder: &Path, gate: &mut Gate) {
    for Photo {
        id,
        class,
        size,
        boxes,
        mask,
        ..
    } in photos
    {
        let missing = match (class, size) {
            (None, _) => "no class",
            (_, None) if mask.is_none() => "no size",
            _ if boxes.is_empty() && mask.is_none() && !gate.lenient => "neither a box nor a mask",
            (Some(class), _) if *class >= classes => "a label outside the class list",
            _ => continue,
        };
        gate.faults
            .add(format!("{}: {id} has {missing}", folder.display()));
    }
}

fn class_list(photos: &[Photo], given: Option<ClassList>) -> Result<ClassList, DatasetError> {
    let most = photos
        .iter()
        .filter_map(|photo| photo.class)
        .max()
        .map_or(0, |label| label + 1);
    let ilsvrc = photos.iter().any(|photo| val::number(&photo.id) > 0);
    match given {
        Some(list) => Ok(list),
        None if ilsvrc => ClassList::read(ClassList::IMAGENET).map_err(DatasetError::new),
        None => Ok(ClassList::numbered(most)),
    }
}

/// Where masks lie: in the data folder, or beside the metadata as wsolevaluation has them.
pub(super) fn masks(folder: &Path, data: &Path) -> PathBuf {
    let set = folder
        .parent()
        .and_then(Path::file_name)
        .unwrap_or_default();
    let above = folder.ancestors().nth(3).unwrap_or(Path::new(""));
    let places = [
        data.to_owned(),
        above.join("masks").join(set),
        above.join("dataset").join(set),
    ];
    places
        .into_iter()
        .find(|place| place.join("test").is_dir() || place.join("val").is_dir())
        .unwrap_or(data.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    const LISTS: [(&str, &str); 4] = [
        (
            SIGN,
            "val/ILSVRC2012_val_00000001.JPEG\r\nval/ILSVRC2012_val_00000002.JPEG",
        ),
        (
            "class_labels.txt",
            "val/ILSVRC2012_val_00000002.JPEG,970\nval/ILSVRC2012_val_00000001.JPEG,65",
        ),
        (
            "image_sizes.txt",
            "val/ILSVRC2012_val_00000001.JPEG,500,375\nval/ILSVRC2012_val_00000002.JPEG,500,375",
        ),
        (
            "localization.txt",
            "val/ILSVRC2012_val_00000001.JPEG,111,108,441,193\nval/ILSVRC2012_val_00000002.JPEG,45,49,499,162\n\
             val/ILSVRC2012_val_00000002.JPEG,2,69,437,207",
        ),
    ];

    fn folder(change: &[(&str, &str)]) -> TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in LISTS.iter().chain(change) {
            fs::write(folder.path().join(name), text).expect("a file");
        }
        folder
    }

    fn read_lists(change: &[(&str, &str)]) -> Result<Dataset, DatasetError> {
        let folder = folder(change);
        read(folder.path(), folder.path(), folder.path(), None, false)
    }

    /// No end of the last line, carriage returns, labels in another order than the photos; two
    /// boxes.
    #[test]
    fn odd_lists_are_read() {
        let order: Vec<_> = (1..=1000).rev().map(|n: usize| n.to_string()).collect();
        let dataset = read_lists(&[("blacklist.txt", "2\n36"), (LABEL_ORDER, &order.join("\n"))])
            .unwrap_or_else(|e| panic!("{e}"));
        let [first, second] = &dataset.photos[..] else {
            panic!("two photos")
        };
        assert_eq!(
            (first.class, first.size, first.blacklisted),
            (Some(65), Some([500, 375]), false)
        );
        assert_eq!(first.boxes, [BBox::new(111., 108., 442., 194.)]);
        assert_eq!((second.boxes.len(), second.blacklisted), (2, true));
        assert_eq!(
            (dataset.profile, dataset.ilsvrc_ids.expect("an order")[0]),
            (Profile::Devkit, 1000)
        );
        assert_eq!(dataset.classes.key(65), "n01751748");
    }

    #[test]
    fn masks_are_joined() {
        let lists = [
            (SIGN, "test/a.jpg\ntest/b.jpg\n"),
            ("class_labels.txt", "test/a.jpg,7\ntest/b.jpg,99\n"),
            ("image_sizes.txt", "test/a.jpg,4,4\ntest/b.jpg,4,4\n"),
            (
                "localization.txt",
                "test/a.jpg,m0.png,i.png\ntest/a.jpg,m1.png,\ntest/b.jpg,n0.png,j.png\n",
            ),
        ];
        let dataset = read_lists(&lists).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(
            (dataset.classes.len(), dataset.profile),
            (100, Profile::Boxes)
        );
        let Some(Mask::Joined { objects, ignore }) = &dataset.photos[0].mask else {
            panic!("a mask")
        };
        let name = |path: &Path| path.file_name().expect("a name").to_owned();
        assert_eq!(
            objects.iter().map(|p| name(p)).collect::<Vec<_>>(),
            ["m0.png", "m1.png"]
        );
        assert_eq!(ignore.as_ref().map(|p| name(p)), Some("i.png".into()));
    }

    #[test]
    fn faults_are_named() {
        let id = "val/ILSVRC2012_val_00000001.JPEG";
        for (name, text, expected) in [
            (
                SIGN,
                format!("{id}\n{id}\nval/ILSVRC2012_val_00000002.JPEG"),
                "image_ids.txt:2: duplicate id",
            ),
            (
                "class_labels.txt",
                format!("{id},65"),
                "00000002.JPEG has no class",
            ),
            (
                "class_labels.txt",
                format!("{id},65\nval/ILSVRC2012_val_00000002.JPEG,1000"),
                "a label outside",
            ),
            (
                "class_labels.txt",
                format!("{id},-1"),
                "class_labels.txt:1: '-1' is no label",
            ),
            (
                "image_sizes.txt",
                format!("{id},500"),
                "image_sizes.txt:1: 2 fields",
            ),
            ("image_sizes.txt", format!("{id},500,0"), "'0' is no side"),
            (
                "localization.txt",
                format!("{id},1,2,3"),
                "4 fields are neither",
            ),
            (
                "localization.txt",
                format!("{id},1,2,nan,4"),
                "localization.txt:1: 'nan' is no number",
            ),
            ("localization.txt", format!("{id},9,2,3,4"), "inside out"),
            (
                "localization.txt",
                format!("{id},1,2,3,4"),
                "00000002.JPEG has neither a box nor a mask",
            ),
            (
                "localization.txt",
                "other,1,2,3,4".into(),
                "other is not in image_ids.txt",
            ),
            ("blacklist.txt", "50001".into(), "photo 50001"),
            (LABEL_ORDER, "1\n2".into(), "each of 1 to 1000 once"),
        ] {
            let error = read_lists(&[(name, &text)])
                .expect_err(expected)
                .to_string();
            assert!(error.contains(expected), "{expected}:\n{error}");
        }
    }
}
