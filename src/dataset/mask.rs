//! True masks: the pixels of an object, and the pixels that are left out of the score.

use std::path::{Path, PathBuf};

use ndarray::{Array2, Zip};

use crate::geometry::Size;
use super::coco::Segmentation;
use super::photo::MAX_PIXELS;

/// Where a photo's mask comes from. It is read when it is needed.
#[derive(Clone, Debug, PartialEq)]
pub enum Mask {
    /// wsolevaluation's files: any value above 0 counts, all files of a photo are joined, and the
    /// object wins over what is to be left out. Files may be of other sizes than their photo.
    Joined {
        /// Grey pictures, one an object.
        objects: Vec<PathBuf>,
        /// A grey picture of what to leave out.
        ignore: Option<PathBuf>,
    },
    /// One grey picture: 255 is the object, 0 the rest, anything between is left out.
    Trimap {
        /// The picture.
        path: PathBuf,
        /// The photo's size, which must be the picture's, where it is known.
        size: Option<Size>,
    },
    /// COCO's segmentations, in the pixels of a photo of this size.
    Coco {
        /// The photo's size.
        size: Size,
        /// The objects.
        objects: Vec<Segmentation>,
        /// Crowds, to be left out.
        ignore: Vec<Segmentation>,
    },
}

/// A mask that was read, [height, width].
#[derive(Clone, Debug, PartialEq)]
pub struct TrueMask {
    /// The object's pixels.
    pub object: Array2<bool>,
    /// Pixels to leave out; none of them is the object's.
    pub ignore: Array2<bool>,
}

impl Mask {
    /// Reads the mask at a size: each picture is brought to it by OpenCV's nearest
    /// neighbour, as wsolevaluation does. At the photo's own size nothing changes.
    ///
    /// # Errors
    /// A text when a file cannot be read or a segmentation is none.
    pub fn read(&self, size: Size) -> Result<TrueMask, String> {
        let nothing = || Array2::from_elem(size.shape(), false);
        let (object, ignore) = match self {
            Self::Joined { objects, ignore } => {
                let mut object = nothing();
                for path in objects {
                    Zip::from(&mut object)
                        .and(&resized(&grey(path)?, size))
                        .for_each(|o, &v| *o |= v > 0);
                }
                let ignore = ignore
                    .as_ref()
                    .map(|path| Ok::<_, String>(resized(&grey(path)?, size)))
                    .transpose()?;
                (
                    object,
                    ignore.map_or_else(nothing, |values| values.mapv(|v| v > 0)),
                )
            }
            Self::Trimap { path, size: own } => {
                let values = grey(path)?;
                let found = Size::from_array(&values);
                if let Some(own) = own.filter(|own| *own != found) {
                    return Err(format!(
                        "{}: the mask is {found}, its photo {own}",
                        path.display()
                    ));
                }
                let values = resized(&values, size);
                (
                    values.mapv(|v| v == 255),
                    values.mapv(|v| v != 255 && v != 0),
                )
            }
            Self::Coco {
                size: own,
                objects,
                ignore,
            } => (
                resized(&painted(objects, *own)?, size),
                resized(&painted(ignore, *own)?, size),
            ),
        };
        let ignore = Zip::from(&ignore)
            .and(&object)
            .map_collect(|&ignore, &object| ignore && !object);
        Ok(TrueMask { object, ignore })
    }
}

/// The pixels of segmentations, joined, [height, width].
fn painted(segmentations: &[Segmentation], size: Size) -> Result<Array2<bool>, String> {
    let (height, width) = size.shape();
    if size.area() as u64 > MAX_PIXELS {
        return Err(format!(
            "a mask of {size} is more than {} megapixels",
            MAX_PIXELS >> 20
        ));
    }
    let mut pixels = vec![false; width * height];
    for segmentation in segmentations {
        segmentation
            .runs(size)?
            .iter()
            .for_each(|runs| runs.paint(&mut pixels));
    }
    Ok(Array2::from_shape_vec((height, width), pixels).expect("a pixel each"))
}

/// The values of a grey picture, [height, width].
pub(crate) fn grey(path: &Path) -> Result<Array2<u8>, String> {
    let picture = image::open(path)
        .map_err(|e| format!("{}: {e}", path.display()))?
        .into_luma8();
    let (width, height) = picture.dimensions();
    Ok(
        Array2::from_shape_vec((height as usize, width as usize), picture.into_raw())
            .expect("a value a pixel"),
    )
}

/// OpenCV's nearest neighbour: pixel i of `to` is pixel ⌊i · (1 / (to / from))⌋ of `from`, in
/// binary arithmetic.
fn nearest(i: usize, from: usize, to: usize) -> usize {
    let scale = 1.0 / (to as f64 / from as f64);
    ((i as f64 * scale) as usize).min(from - 1)
}

/// Pixels at another size.
fn resized<T: Copy>(values: &Array2<T>, size: Size) -> Array2<T> {
    let ((h, w), (height, width)) = (values.dim(), size.shape());
    Array2::from_shape_fn((height, width), |(y, x)| {
        values[[nearest(y, h, height), nearest(x, w, width)]]
    })
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
            image::GrayImage::from_raw(2, 2, values.to_vec())
                .expect("four")
                .save(&path)
                .expect("a picture");
            path
        };
        let [a, b] = [file("a.png", [255, 0, 0, 0]), file("b.png", [0, 1, 0, 0])];
        let ignore = file("i.png", [255, 0, 255, 0]);
        let mask = Mask::Joined {
            objects: vec![a, b],
            ignore: Some(ignore),
        };
        let found = mask.read([2, 2]).expect("a mask");
        assert_eq!(found.object, array![[true, true], [false, false]]);
        assert_eq!(found.ignore, array![[false, false], [true, false]]);
        // At another size, as masks of OpenImages are.
        assert_eq!(
            mask.read([4, 2]).expect("a mask").ignore.row(1).to_vec(),
            [true, true, false, false]
        );
        let path = file("t.png", [255, 128, 0, 255]);
        let trimap = |size| {
            Mask::Trimap {
                path: path.clone(),
                size: Some(size),
            }
            .read([2, 2])
        };
        assert!(
            trimap([2, 3])
                .expect_err("a size")
                .contains("the mask is 2 x 2, its photo 2 x 3")
        );
        let trimap = trimap([2, 2]).expect("a mask");
        assert_eq!(trimap.object, array![[true, false], [false, true]]);
        assert_eq!(trimap.ignore, array![[false, true], [false, false]]);
        let gone = Mask::Trimap {
            path: folder.path().join("gone.png"),
            size: None,
        }
        .read([3, 2])
        .expect_err("no file");
        assert!(gone.contains("gone.png"), "{gone}");
    }

    /// Row 400 · (1 / (224 / 400)) is not ⌊i · 400 / 224⌋ everywhere.
    #[test]
    fn nearest_is_opencvs() {
        let tidy = |i: usize| i * 400 / 224;
        assert!((0..224).any(|i| nearest(i, 400, 224) != tidy(i)));
        assert_eq!(
            (
                nearest(0, 640, 224),
                nearest(223, 640, 224),
                nearest(223, 100, 224)
            ),
            (0, 637, 99)
        );
    }
}
