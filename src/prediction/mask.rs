//! Masks: `FOLDER/ID.png`, grey, of the photo's size; values above 127 are the object.

use std::io::Cursor;
use std::path::Path;

use image::{GrayImage, ImageFormat, Luma};
use ndarray::{Array2, ArrayView2};

use super::{file_of, of_each};
use crate::geometry::Size;
use crate::dataset::{Dataset, DatasetError, grey};
use crate::score::Overlap;

/// Reads the mask of a photo of `size`.
///
/// # Errors
/// A text naming the file when it is missing, no picture or of another size.
pub fn read(folder: &Path, id: &str, size: Size) -> Result<Array2<bool>, String> {
    let path = file_of(folder, id, "png");
    let values = grey(&path)?;
    let found = Size::from_array(&values);
    if found != size {
        return Err(format!(
            "{}: the mask is {found}, its photo {size}",
            path.display()
        ));
    }
    Ok(values.mapv(|value| value > 127))
}

/// The masks in a folder against those of the dataset, of the photos that have a true one.
///
/// # Errors
/// All faults found: of each photo whose masks cannot be read.
pub fn overlaps(folder: &Path, dataset: &Dataset) -> Result<Vec<Overlap>, DatasetError> {
    let overlaps = of_each(dataset, |photo| {
        let (Some(truth), Some(size)) = (&photo.mask, photo.size) else {
            return Ok(None);
        };
        Ok(Overlap::of(
            &read(folder, &photo.id, size)?,
            &truth.read(size)?,
        ))
    })?;
    Ok(overlaps.into_iter().flatten().collect())
}

/// A mask as the bytes of a PNG.
///
/// # Panics
/// Never: every mask has a form.
#[must_use]
pub fn write(mask: ArrayView2<'_, bool>) -> Vec<u8> {
    let (height, width) = mask.dim();
    let picture = GrayImage::from_fn(width as u32, height as u32, |x, y| {
        Luma([if mask[[y as usize, x as usize]] {
            255
        } else {
            0
        }])
    });
    let mut bytes = Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, ImageFormat::Png)
        .expect("memory takes all");
    bytes.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_written_and_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let mask = Array2::from_shape_fn((3, 5), |(y, x)| (x + y) % 2 == 0);
        std::fs::write(folder.path().join("a.png"), write(mask.view())).expect("a file");
        assert_eq!(read(folder.path(), "a", [5, 3]).expect("a mask"), mask);
        assert!(
            read(folder.path(), "a", [3, 5])
                .expect_err("a size")
                .contains("the mask is 5 x 3")
        );
        assert!(
            read(folder.path(), "b", [3, 5])
                .expect_err("none")
                .contains("b.png")
        );
    }
}
