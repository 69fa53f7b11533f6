//! True masks: the pixels of an object, and the pixels that are left out of the score.

use std::path::{Path, PathBuf};

use ndarray::{Array2, Zip};

use super::coco::Segmentation;

/// Where a photo's mask comes from. It is read when it is needed.
#[derive(Clone, Debug, PartialEq)]
pub enum Mask {
    /// wsolevaluation's files: any value above 0 counts, all files of a photo are joined, and the object wins over what
    /// is to be left out.
    Joined {
        /// Grey pictures of the photo's size, one an object.
        objects: Vec<PathBuf>,
        /// A grey picture of what to leave out.
        ignore: Option<PathBuf>,
    },
    /// One grey picture: 255 is the object, 0 the rest, anything between is left out.
    Trimap(PathBuf),
    /// COCO's segmentations.
    Coco {
        /// The objects.
        objects: Vec<Segmentation>,
        /// Crowds, to be left out.
        ignore: Vec<Segmentation>,
    },
}

/// A mask that was read, [height, width] of the photo.
#[derive(Clone, Debug, PartialEq)]
pub struct TrueMask {
    /// The object's pixels.
    pub object: Array2<bool>,
    /// Pixels to leave out; none of them is the object's.
    pub ignore: Array2<bool>,
}

impl Mask {
    /// Reads the mask of a photo of `size` (width, height).
    ///
    /// # Errors
    /// A text when a file cannot be read or is of another size.
    pub fn read(&self, size: [u32; 2]) -> Result<TrueMask, String> {
        let [width, height] = size.map(|n| n as usize);
        let nothing = || Array2::from_elem((height, width), false);
        let (object, ignore) = match self {
            Self::Joined { objects, ignore } => {
                let mut object = nothing();
                for path in objects {
                    Zip::from(&mut object).and(&grey(path, size)?).for_each(|o, &v| *o |= v > 0);
                }
                let ignore = ignore.as_ref().map(|path| grey(path, size)).transpose()?;
                (object, ignore.map_or_else(nothing, |values| values.mapv(|v| v > 0)))
            }
            Self::Trimap(path) => {
                let values = grey(path, size)?;
                (values.mapv(|v| v == 255), values.mapv(|v| v != 255 && v != 0))
            }
            Self::Coco { objects, ignore } => {
                let paint = |segmentations: &[Segmentation]| {
                    let mut pixels = vec![false; width * height];
                    for segmentation in segmentations {
                        segmentation.runs(size)?.iter().for_each(|runs| runs.paint(&mut pixels));
                    }
                    Ok::<_, String>(Array2::from_shape_vec((height, width), pixels).expect("a pixel each"))
                };
                (paint(objects)?, paint(ignore)?)
            }
        };
        let ignore = Zip::from(&ignore).and(&object).map_collect(|&ignore, &object| ignore && !object);
        Ok(TrueMask { object, ignore })
    }
}

/// The values of a grey picture, [height, width].
fn grey(path: &Path, size: [u32; 2]) -> Result<Array2<u8>, String> {
    let wrong = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let picture = image::open(path).map_err(|e| wrong(&e))?.into_luma8();
    let (width, height) = picture.dimensions();
    if [width, height] != size {
        return Err(wrong(&format!("the mask is {width} x {height}, its photo {} x {}", size[0], size[1])));
    }
    Ok(Array2::from_shape_vec((height as usize, width as usize), picture.into_raw()).expect("a value a pixel"))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn the_object_wins_over_what_is_left_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, values: [u8; 4]| {
            let path = folder.path().join(name);
            image::GrayImage::from_raw(2, 2, values.to_vec()).expect("four").save(&path).expect("a picture");
            path
        };
        let [a, b] = [file("a.png", [255, 0, 0, 0]), file("b.png", [0, 1, 0, 0])];
        let ignore = file("i.png", [255, 0, 255, 0]);
        let mask = Mask::Joined { objects: vec![a, b], ignore: Some(ignore) }.read([2, 2]).expect("a mask");
        assert_eq!(mask.object, array![[true, true], [false, false]]);
        assert_eq!(mask.ignore, array![[false, false], [true, false]]);
        let trimap = Mask::Trimap(file("t.png", [255, 128, 0, 255])).read([2, 2]).expect("a mask");
        assert_eq!(trimap.object, array![[true, false], [false, true]]);
        assert_eq!(trimap.ignore, array![[false, true], [false, false]]);
        assert!(Mask::Trimap(folder.path().join("t.png")).read([3, 2]).expect_err("a size").contains("2 x 2"));
    }
}
