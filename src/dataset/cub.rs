//! CUB-200-2011: lists whose fields are separated by blanks, with ids instead of names.
//!
//! The lists are `images.txt` (`id path`), `image_class_labels.txt` (`id class`), `classes.txt`
//! (`class name`), `train_test_split.txt` (`id 1` for training) and `bounding_boxes.txt`
//! (`id x y width height`). Photos are in `images/`; masks, if they were fetched too, are in
//! `segmentations/` (the votes of five annotators: 255 where all agree).
//!
//! A box of width w contains w columns. wsolevaluation takes x + w as an inclusive end, which is
//! one column more. `box-end` chooses between the two, and the notes say so. The lists do not state
//! sizes: they are those of the photos' files.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use super::decode::read_sizes;
use super::error::DatasetError;
use super::mask::Mask;
use super::photo::Photo;
use super::profile::Profile;
use super::text;
use super::truth::Dataset;
use super::validator::BoxValidator;
use crate::classes::ClassList;
use crate::geometry::{BBox, Size};
use crate::storage;

/// Which photos.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum CubSplit {
    /// The 5,794 of the test set.
    #[default]
    Test,
    /// The 5,994 of the training set.
    Train,
    /// All 11,788.
    All,
}

impl CubSplit {
    /// The split with this name; the test set where none is given.
    pub(super) fn from_name(name: Option<&str>) -> Option<Self> {
        match name {
            None | Some("test") => Some(Self::Test),
            Some("train") => Some(Self::Train),
            Some("all") => Some(Self::All),
            _ => None,
        }
    }
}

/// Where a box of x and width ends.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum BoxEnd {
    /// At x + width, exclusive: the box is `width` columns wide.
    #[default]
    Exclusive,
    /// At x + width, inclusive, and cut off at the photo's last column, as in wsolevaluation.
    Inclusive,
}

/// The lists that say something of a photo, by its id.
struct CubLists {
    labels: HashMap<String, String>,
    splits: HashMap<String, String>,
    boxes: HashMap<String, String>,
}

impl CubLists {
    fn read(root: &Path) -> Result<Self, DatasetError> {
        let by_id = |name: &str| -> Result<HashMap<String, String>, DatasetError> {
            let pairs = text::parse_lines(&root.join(name), |line| {
                let (id, value) = line
                    .split_once(' ')
                    .ok_or_else(|| format!("'{line}' is not of the form `id value`"))?;
                Ok((id.to_owned(), value.trim().to_owned()))
            })?;
            Ok(pairs.into_iter().map(|(_, pair)| pair).collect())
        };
        Ok(Self {
            labels: by_id("image_class_labels.txt")?,
            splits: by_id("train_test_split.txt")?,
            boxes: by_id("bounding_boxes.txt")?,
        })
    }

    /// Reads a line of `images.txt`, and what the lists say of its photo.
    fn photo(
        &self,
        line: &str,
        classes: usize,
        split: CubSplit,
        end: BoxEnd,
    ) -> Result<CubPhoto, String> {
        let (id, path) = line
            .split_once(' ')
            .ok_or_else(|| format!("'{line}' is not of the form `id path`"))?;
        let is_in_split = self.is_in(id, split)?;
        Ok(CubPhoto {
            path: path.trim().to_owned(),
            class: self.class(id, classes)?,
            bbox: self.bbox(id, end)?,
            is_in_split,
        })
    }

    fn is_in(&self, id: &str, split: CubSplit) -> Result<bool, String> {
        match value(&self.splits, id, "split")? {
            "1" => Ok(split != CubSplit::Test),
            "0" => Ok(split != CubSplit::Train),
            other => Err(format!(
                "photo {id} has the split '{other}'; expected 0 or 1"
            )),
        }
    }

    /// The class, from 0 on.
    fn class(&self, id: &str, classes: usize) -> Result<usize, String> {
        let label = value(&self.labels, id, "class")?;
        match label.parse::<usize>() {
            Ok(class) if (1..=classes).contains(&class) => Ok(class - 1),
            _ => Err(format!(
                "photo {id} has the class '{label}'; expected 1 to {classes}"
            )),
        }
    }

    fn bbox(&self, id: &str, end: BoxEnd) -> Result<BBox, String> {
        let fields = text::fields::<4>(value(&self.boxes, id, "box")?, ' ')?;
        let [x, y, width, height] = fields.map(text::parse_number);
        let (x, y) = (x?, y?);
        let (x_end, y_end) = (x + width?, y + height?);
        Ok(match end {
            BoxEnd::Exclusive => BBox::new(x, y, x_end, y_end),
            BoxEnd::Inclusive => BBox::from_inclusive(x, y, x_end, y_end),
        })
    }
}

fn value<'a>(list: &'a HashMap<String, String>, id: &str, what: &str) -> Result<&'a str, String> {
    list.get(id)
        .map(String::as_str)
        .ok_or_else(|| format!("photo {id} has no {what}"))
}

/// A line of `images.txt`, with what the other lists say of its photo.
struct CubPhoto {
    /// The path in `images/`, which is the photo's name.
    path: String,
    class: usize,
    bbox: BBox,
    is_in_split: bool,
}

/// wsolevaluation's larger boxes may end one pixel after the photo. They are cut off there, since
/// the list is not at fault.
fn cut_off(bbox: BBox, size: Size) -> BBox {
    let cut = |max: f64, side: f64| if max == side + 1.0 { side } else { max };
    BBox {
        x_max: cut(bbox.x_max, size.width.into()),
        y_max: cut(bbox.y_max, size.height.into()),
        ..bbox
    }
}

pub(super) fn read(
    root: &Path,
    split: CubSplit,
    end: BoxEnd,
    lenient: bool,
) -> Result<Dataset, DatasetError> {
    let classes = read_classes(&root.join("classes.txt"))?;
    let lists = CubLists::read(root)?;
    let list = root.join("images.txt");
    let mut lines = text::parse_lines(&list, |line| lists.photo(line, classes.len(), split, end))?;
    lines.retain(|(_, photo)| photo.is_in_split);
    let images = root.join("images");
    let paths: Vec<_> = lines
        .iter()
        .map(|(_, photo)| images.join(&photo.path))
        .collect();
    let sizes = read_sizes(&paths);
    let segmentations = root.join("segmentations");
    let has_masks = storage::is_dir(&segmentations);
    let mut validator = BoxValidator::new(lenient);
    let mut photos = Vec::new();
    for (((line, photo), path), size) in lines.into_iter().zip(paths).zip(sizes) {
        let bbox = match (end, size) {
            (BoxEnd::Inclusive, Some(size)) => cut_off(photo.bbox, size),
            _ => photo.bbox,
        };
        let bbox = validator.check(bbox, size, || format!("{}:{line}", list.display()));
        let mask = segmentations.join(&photo.path).with_extension("png");
        photos.push(Photo {
            mask: has_masks.then_some(Mask::Trimap { path: mask, size }),
            boxes: bbox.into_iter().collect(),
            class: Some(photo.class),
            id: photo.path,
            path,
            size,
            ..Photo::default()
        });
    }
    let (mut notes, edges) = validator.finish()?;
    if end == BoxEnd::Inclusive {
        let note = "boxes end at x + width inclusive, one pixel more than they are wide, as in \
                    wsolevaluation";
        notes.push(note.into());
    }
    Ok(Dataset {
        profile: Profile::Cub,
        classes,
        photos,
        notes,
        edges,
        ..Dataset::default()
    })
}

/// Reads lines such as `1 001.Black_footed_Albatross`. The key is the second field; the name is the
/// key without its number, with blanks for underscores.
fn read_classes(path: &Path) -> Result<ClassList, DatasetError> {
    let mut expected = 1..;
    let lines = text::parse_lines(path, |line| {
        let [number, key] = text::fields(line, ' ')?;
        if number.parse().ok() != expected.next() {
            return Err(format!("class {number} is out of order"));
        }
        let name = key.split_once('.').map_or(key, |(_, name)| name);
        Ok((key.to_owned(), name.replace('_', " ")))
    })?;
    let classes = lines.into_iter().map(|(_, class)| class);
    ClassList::new("cub", classes).map_err(|e| DatasetError::at(path, e))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const LISTS: [(&str, &str); 5] = [
        (
            "images.txt",
            "1 001.Black_footed_Albatross/a b.jpg\r\n2 002.Laysan_Albatross/c.jpg",
        ),
        ("image_class_labels.txt", "1 1\n2 2\n"),
        (
            "classes.txt",
            "1 001.Black_footed_Albatross\n2 002.Laysan_Albatross\n",
        ),
        ("train_test_split.txt", "1 0\n2 1\n"),
        (
            "bounding_boxes.txt",
            "1 60.0 27.0 325.0 304.0\n2 0.0 0.0 10.0 10.0\n",
        ),
    ];

    fn with_lists<T>(change: &[(&str, &str)], read: impl FnOnce(&Path) -> T) -> T {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in LISTS.iter().chain(change) {
            fs::write(folder.path().join(name), text).expect("a file");
        }
        let photos = folder.path().join("images/001.Black_footed_Albatross");
        fs::create_dir_all(&photos).expect("a folder");
        image::RgbImage::new(385, 331)
            .save(photos.join("a b.jpg"))
            .expect("a photo");
        read(folder.path())
    }

    /// The first box of the real list; a blank in a file's name, carriage returns, no newline at
    /// the end.
    #[test]
    fn odd_lists_are_read() {
        let read = |split, end| {
            with_lists(&[], |root| read(root, split, end, false)).unwrap_or_else(|e| panic!("{e}"))
        };
        let test = read(CubSplit::Test, BoxEnd::Exclusive);
        let [photo] = &test.photos[..] else {
            panic!("one photo")
        };
        assert_eq!(
            (photo.id.as_str(), photo.size),
            (
                "001.Black_footed_Albatross/a b.jpg",
                Some(Size::new(385, 331))
            )
        );
        assert_eq!(photo.boxes, [BBox::new(60., 27., 385., 331.)]);
        assert_eq!(test.classes.title(0), "Black footed Albatross");
        // As in wsolevaluation: (60, 27, 385, 331), cut off at the last column and row.
        let wsol = read(CubSplit::Test, BoxEnd::Inclusive);
        assert_eq!(
            (wsol.photos[0].boxes[0], wsol.edges.past_end),
            (BBox::new(60., 27., 385., 331.), 0)
        );
        // The photo of the training set is not there: its size is not known.
        let train = read(CubSplit::Train, BoxEnd::Inclusive);
        assert_eq!(
            (train.photos[0].size, train.photos[0].boxes[0]),
            (None, BBox::new(0., 0., 11., 11.))
        );
        assert_eq!(read(CubSplit::All, BoxEnd::Exclusive).photos.len(), 2);
    }

    #[test]
    fn faults_name_their_place() {
        for (name, text, expected) in [
            (
                "image_class_labels.txt",
                "1 1\n2 3\n",
                "images.txt:2: photo 2 has the class '3'; expected 1 to 2",
            ),
            (
                "train_test_split.txt",
                "1 0\n",
                "images.txt:2: photo 2 has no split",
            ),
            (
                "train_test_split.txt",
                "1 0\n2 x\n",
                "images.txt:2: photo 2 has the split 'x'; expected 0 or 1",
            ),
            (
                "bounding_boxes.txt",
                "1 60 27 325\n2 0 0 1 1",
                "images.txt:1: expected 4 fields, found 3",
            ),
            (
                "bounding_boxes.txt",
                "1 60 27 -3 5\n2 0 0 1 1",
                "images.txt:1: box (60, 27, 57, 32) is inverted",
            ),
            (
                "bounding_boxes.txt",
                "1 600 27 3 5\n2 0 0 1 1",
                "images.txt:1: box (600, 27, 603, 32) is outside the photo of 385 x 331",
            ),
            (
                "classes.txt",
                "1 a\n3 b\n",
                "classes.txt:2: class 3 is out of order",
            ),
        ] {
            let error = with_lists(&[(name, text)], |root| {
                read(root, CubSplit::All, BoxEnd::Exclusive, false)
            });
            let error = error.expect_err(expected).to_string();
            assert!(error.contains(expected), "{expected}:\n{error}");
        }
    }
}
