//! CUB-200-2011: lists with fields apart by blanks, ids in place of names.
//!
//! `images.txt` (`id path`), `image_class_labels.txt` (`id class`), `classes.txt` (`class name`),
//! `train_test_split.txt` (`id 1` for training), `bounding_boxes.txt` (`id x y width height`),
//! photos in `images/`; masks, where they were fetched too, in `segmentations/` (five annotators'
//! votes: 255 where all agree).
//!
//! A box of width w holds w columns here. wsolevaluation takes x + w as an inclusive end, one more;
//! `box-end` tells which, and the notes repeat it. The lists state no sizes: they are the photos'
//! own.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use super::faults::Gate;
use super::{Dataset, DatasetError, Mask, Photo, Profile, photo, text};
use crate::classes::ClassList;
use crate::geometry::{BBox, Size};

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
    pub(super) fn named(name: Option<&str>) -> Option<Self> {
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
    /// At x + width, outside: the box is `width` columns wide.
    #[default]
    Exclusive,
    /// At x + width, inside, cut off at the photo's last column: as wsolevaluation has it.
    Inclusive,
}

/// What the lists say of photos, by the photos' ids.
struct CubLists {
    labels: HashMap<String, String>,
    splits: HashMap<String, String>,
    boxes: HashMap<String, String>,
}

impl CubLists {
    fn read(root: &Path) -> Result<Self, DatasetError> {
        let by_id = |name: &str| -> Result<HashMap<String, String>, DatasetError> {
            let pairs = text::each(&root.join(name), |line| {
                let (id, value) = line
                    .split_once(' ')
                    .ok_or_else(|| format!("'{line}' is no `id value`"))?;
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

    fn is_in(&self, id: &str, split: CubSplit) -> Result<bool, String> {
        match value(&self.splits, id, "split")? {
            "1" => Ok(split != CubSplit::Test),
            "0" => Ok(split != CubSplit::Train),
            other => Err(format!(
                "photo {id} is of split '{other}'; 0 and 1 are known"
            )),
        }
    }

    /// The class from 0 on, of so many.
    fn class(&self, id: &str, classes: usize) -> Result<usize, String> {
        let label = value(&self.labels, id, "class")?;
        let class = label
            .parse::<usize>()
            .ok()
            .filter(|class| (1..=classes).contains(class));
        Ok(class.ok_or_else(|| format!("photo {id} is of class '{label}', of {classes}"))? - 1)
    }

    fn bbox(&self, id: &str, end: BoxEnd) -> Result<BBox, String> {
        let [x, y, w, h] =
            text::fields::<4>(value(&self.boxes, id, "box")?, ' ')?.map(text::number);
        let (x, y) = (x?, y?);
        let (x_end, y_end) = (x + w?, y + h?);
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

/// wsolevaluation cuts its larger boxes off where they end one pixel behind the photo; that is no
/// fault of the list.
fn cut_off(bbox: BBox, size: Size) -> BBox {
    let Size { width, height } = size;
    let cut = |max: f64, side: f64| if max == side + 1.0 { side } else { max };
    BBox {
        x_max: cut(bbox.x_max, width.into()),
        y_max: cut(bbox.y_max, height.into()),
        ..bbox
    }
}

pub(super) fn read(
    root: &Path,
    split: CubSplit,
    end: BoxEnd,
    lenient: bool,
) -> Result<Dataset, DatasetError> {
    let classes = classes(&root.join("classes.txt"))?;
    let lists = CubLists::read(root)?;
    let list = root.join("images.txt");
    let lines = text::each(&list, |line| {
        let (id, path) = line
            .split_once(' ')
            .ok_or_else(|| format!("'{line}' is no `id path`"))?;
        let wanted = lists.is_in(id, split)?;
        Ok((
            path.trim().to_owned(),
            lists.class(id, classes.len())?,
            lists.bbox(id, end)?,
            wanted,
        ))
    })?;
    let lines: Vec<_> = lines
        .into_iter()
        .filter(|(_, (.., wanted))| *wanted)
        .collect();
    let paths: Vec<_> = lines
        .iter()
        .map(|(_, (path, ..))| root.join("images").join(path))
        .collect();
    let sizes = photo::sizes(&paths);
    let segmentations = root.join("segmentations");
    let mut gate = Gate::new(lenient);
    let mut photos = Vec::new();
    for ((line, (id, class, bbox, _)), (path, size)) in
        lines.into_iter().zip(paths.into_iter().zip(sizes))
    {
        let bbox = match (end, size) {
            (BoxEnd::Inclusive, Some(size)) => cut_off(bbox, size),
            _ => bbox,
        };
        let mask = segmentations.join(&id).with_extension("png");
        photos.push(Photo {
            mask: segmentations
                .is_dir()
                .then_some(Mask::Trimap { path: mask, size }),
            boxes: gate
                .pass(bbox, size, || format!("{}:{line}", list.display()))
                .into_iter()
                .collect(),
            class: Some(class),
            id,
            path,
            size,
            ..Photo::default()
        });
    }
    let (mut notes, edges) = gate.close()?;
    if end == BoxEnd::Inclusive {
        notes.push("boxes end at x + width inclusive, one pixel more than they are wide, as in wsolevaluation".into());
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

/// `1 001.Black_footed_Albatross`: the key is as it stands, the name without number and
/// underscores.
fn classes(path: &Path) -> Result<ClassList, DatasetError> {
    let mut expected = 1..;
    let lines = text::each(path, |line| {
        let [number, key] = text::fields(line, ' ')?;
        if number.parse().ok() != expected.next() {
            return Err(format!("class {number} is out of order"));
        }
        Ok((
            key.to_owned(),
            key.split_once('.')
                .map_or(key, |(_, name)| name)
                .replace('_', " "),
        ))
    })?;
    ClassList::new("cub", lines.into_iter().map(|(_, class)| class)).map_err(|e| DatasetError::at(path, e))
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

    fn with<T>(change: &[(&str, &str)], read: impl FnOnce(&Path) -> T) -> T {
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

    /// The first box of the real list; a blank in a file's name, carriage returns, no end of the
    /// last line.
    #[test]
    fn odd_lists_are_read() {
        let read = |split, end| {
            with(&[], |root| read(root, split, end, false)).unwrap_or_else(|e| panic!("{e}"))
        };
        let test = read(CubSplit::Test, BoxEnd::Exclusive);
        let [photo] = &test.photos[..] else {
            panic!("one photo")
        };
        assert_eq!(
            (photo.id.as_str(), photo.size),
            ("001.Black_footed_Albatross/a b.jpg", Some([385, 331]))
        );
        assert_eq!(photo.boxes, [BBox::new(60., 27., 385., 331.)]);
        assert_eq!(test.classes.title(0), "Black footed Albatross");
        // As in wsolevaluation: (60, 27, 385, 331), cut off at the last column and row.
        let wsol = read(CubSplit::Test, BoxEnd::Inclusive);
        assert_eq!(
            (wsol.photos[0].boxes[0], wsol.edges.behind_end),
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
    fn faults_are_named() {
        for (name, text, expected) in [
            (
                "image_class_labels.txt",
                "1 1\n2 3\n",
                "images.txt:2: photo 2 is of class '3', of 2",
            ),
            ("train_test_split.txt", "1 0\n", "photo 2 has no split"),
            ("train_test_split.txt", "1 0\n2 x\n", "split 'x'"),
            (
                "bounding_boxes.txt",
                "1 60 27 325\n2 0 0 1 1",
                "images.txt:1: 3 fields",
            ),
            (
                "bounding_boxes.txt",
                "1 60 27 -3 5\n2 0 0 1 1",
                "inside out",
            ),
            (
                "bounding_boxes.txt",
                "1 600 27 3 5\n2 0 0 1 1",
                "outside the photo of 385 x 331",
            ),
            (
                "classes.txt",
                "1 a\n3 b\n",
                "classes.txt:2: class 3 is out of order",
            ),
        ] {
            let error = with(&[(name, text)], |root| {
                read(root, CubSplit::All, BoxEnd::Exclusive, false)
            });
            let error = error.expect_err(expected).to_string();
            assert!(error.contains(expected), "{expected}:\n{error}");
        }
    }
}
