//! True masks: the pixels of an object, and the pixels that are left out of the score.

use std::path::{Path, PathBuf};

use image::ImageFormat;
use ndarray::{Array2, Zip};

use super::decode::MAX_PIXELS;
use super::segmentation::Segmentation;
use crate::geometry::Size;
use crate::storage;

/// Where a photo's mask comes from. It is read when it is needed.
#[derive(Clone, Debug, PartialEq)]
pub enum Mask {
    /// wsolevaluation's files. Any value above 0 counts, and all files of a photo are joined. A
    /// pixel that is the object's is never left out. Files may have other sizes than their photo.
    Joined {
        /// Grey pictures, one per object.
        objects: Vec<PathBuf>,
        /// A grey picture of what to leave out.
        ignore: Option<PathBuf>,
    },
    /// One grey picture: 255 is the object, 0 the rest, anything between is left out.
    Trimap {
        /// The picture.
        path: PathBuf,
        /// The photo's size, if it is known. It must be the picture's.
        size: Option<Size>,
    },
    /// COCO's segmentations, in the pixels of a photo of this size.
    Coco {
        /// The photo's size.
        size: Size,
        /// The objects.
        objects: Vec<Segmentation>,
        /// Crowds, which are left out.
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
    /// Reads the mask at a size. Each picture is resized by OpenCV's nearest neighbour, as
    /// wsolevaluation does; at the photo's own size nothing changes.
    ///
    /// # Errors
    /// A text when a file cannot be read, does not fit its photo, or a segmentation is invalid.
    pub fn read(&self, size: Size) -> Result<TrueMask, String> {
        let (object, ignore) = match self {
            Self::Joined { objects, ignore } => read_joined(objects, ignore.as_deref(), size)?,
            Self::Trimap { path, size: own } => read_trimap(path, *own, size)?,
            Self::Coco {
                size: own,
                objects,
                ignore,
            } => (
                resize(&paint(objects, *own)?, size),
                resize(&paint(ignore, *own)?, size),
            ),
        };
        let ignore = Zip::from(&ignore)
            .and(&object)
            .map_collect(|&ignore, &object| ignore && !object);
        Ok(TrueMask { object, ignore })
    }
}

/// The pixels of the objects and those to leave out, each [height, width].
type ObjectAndIgnore = (Array2<bool>, Array2<bool>);

fn read_joined(
    objects: &[PathBuf],
    ignore: Option<&Path>,
    size: Size,
) -> Result<ObjectAndIgnore, String> {
    let mut object = Array2::from_elem(size.shape(), false);
    for path in objects {
        let values = resize(&read_grey(path)?, size);
        Zip::from(&mut object)
            .and(&values)
            .for_each(|o, &v| *o |= v > 0);
    }
    let ignore = match ignore {
        Some(path) => resize(&read_grey(path)?, size).mapv(|v| v > 0),
        None => Array2::from_elem(size.shape(), false),
    };
    Ok((object, ignore))
}

fn read_trimap(
    path: &Path,
    photo_size: Option<Size>,
    size: Size,
) -> Result<ObjectAndIgnore, String> {
    let values = read_grey(path)?;
    let found = Size::from_array(&values);
    if let Some(photo_size) = photo_size.filter(|photo_size| *photo_size != found) {
        return Err(format!(
            "{}: the mask is {found}, its photo {photo_size}",
            path.display()
        ));
    }
    let values = resize(&values, size);
    Ok((
        values.mapv(|v| v == 255),
        values.mapv(|v| v != 255 && v != 0),
    ))
}

/// The pixels of segmentations, joined, [height, width].
fn paint(segmentations: &[Segmentation], size: Size) -> Result<Array2<bool>, String> {
    if size.area() as u64 > MAX_PIXELS {
        let limit = MAX_PIXELS >> 20;
        return Err(format!("a mask of {size} is more than {limit} megapixels"));
    }
    let mut pixels = vec![false; size.area()];
    for segmentation in segmentations {
        for runs in segmentation.runs(size)? {
            runs.paint(&mut pixels);
        }
    }
    Ok(Array2::from_shape_vec(size.shape(), pixels).expect("one value per pixel"))
}

/// The values of a grey picture, [height, width]. The content decides its format. A JPEG is refused:
/// near an edge its values are not those that were saved.
pub(crate) fn read_grey(path: &Path) -> Result<Array2<u8>, String> {
    let shown = path.display();
    let bytes = storage::read(path).map_err(|e| format!("{shown}: {e}"))?;
    if image::guess_format(&bytes).is_ok_and(|format| format == ImageFormat::Jpeg) {
        return Err(format!(
            "{shown}: a JPEG does not keep the values of a mask; save masks as PNG"
        ));
    }
    let picture = image::load_from_memory(&bytes).map_err(|e| format!("{shown}: {e}"))?;
    let picture = picture.into_luma8();
    let (width, height) = picture.dimensions();
    let shape = Size::new(width, height).shape();
    Ok(Array2::from_shape_vec(shape, picture.into_raw()).expect("one value per pixel"))
}

/// OpenCV's nearest neighbour: pixel i of `to` is pixel ⌊i · (1 / (to / from))⌋ of `from`, in
/// binary arithmetic.
fn nearest(i: usize, from: usize, to: usize) -> usize {
    let scale = 1.0 / (to as f64 / from as f64);
    ((i as f64 * scale) as usize).min(from - 1)
}

/// Pixels at another size.
fn resize<T: Copy>(values: &Array2<T>, size: Size) -> Array2<T> {
    let ((old_rows, old_columns), (rows, columns)) = (values.dim(), size.shape());
    Array2::from_shape_fn((rows, columns), |(row, column)| {
        let from = [
            nearest(row, old_rows, rows),
            nearest(column, old_columns, columns),
        ];
        values[from]
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
        let found = mask.read(Size::new(2, 2)).expect("a mask");
        assert_eq!(found.object, array![[true, true], [false, false]]);
        assert_eq!(found.ignore, array![[false, false], [true, false]]);
        // At another size, as masks of OpenImages are.
        assert_eq!(
            mask.read(Size::new(4, 2))
                .expect("a mask")
                .ignore
                .row(1)
                .to_vec(),
            [true, true, false, false]
        );
        let path = file("t.png", [255, 128, 0, 255]);
        let trimap = |size| {
            Mask::Trimap {
                path: path.clone(),
                size: Some(size),
            }
            .read(Size::new(2, 2))
        };
        assert!(
            trimap(Size::new(2, 3))
                .expect_err("a size")
                .contains("the mask is 2 x 2, its photo 2 x 3")
        );
        let trimap = trimap(Size::new(2, 2)).expect("a mask");
        assert_eq!(trimap.object, array![[true, false], [false, true]]);
        assert_eq!(trimap.ignore, array![[false, true], [false, false]]);
        let gone = Mask::Trimap {
            path: folder.path().join("gone.png"),
            size: None,
        }
        .read(Size::new(3, 2))
        .expect_err("no file");
        assert!(gone.contains("gone.png"), "{gone}");
    }

    /// Row 400 · (1 / (224 / 400)) is not ⌊i · 400 / 224⌋ everywhere.
    #[test]
    fn nearest_is_opencvs() {
        let exact = |i: usize| i * 400 / 224;
        assert!((0..224).any(|i| nearest(i, 400, 224) != exact(i)));
        assert_eq!(
            (
                nearest(0, 640, 224),
                nearest(223, 640, 224),
                nearest(223, 100, 224)
            ),
            (0, 637, 99)
        );
    }

    #[test]
    fn a_jpeg_is_no_mask() {
        let folder = tempfile::tempdir().expect("a folder");
        let picture = image::GrayImage::from_fn(16, 16, |x, _| image::Luma([x as u8 / 8 * 255]));
        for (name, format, expected) in [
            ("a.png", ImageFormat::Png, true),
            ("b.jpg", ImageFormat::Jpeg, false),
            ("c.png", ImageFormat::Jpeg, false),
            ("d.jpg", ImageFormat::Png, true),
        ] {
            let path = folder.path().join(name);
            picture.save_with_format(&path, format).expect("a picture");
            match read_grey(&path) {
                Ok(values) => assert!(expected && values[[3, 12]] == 255, "{name}"),
                Err(error) => assert!(!expected && error.contains("a JPEG does not"), "{error}"),
            }
        }
    }
}
