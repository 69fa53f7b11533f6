//! Masks: `FOLDER/ID.png`, grey, of the photo's size. Values above 127 are the object.

use std::io::Cursor;
use std::path::Path;

use image::{GrayImage, ImageFormat, Luma};
use ndarray::{Array2, ArrayView2};

use super::photo_files::{evaluate_photos, photo_file};
use crate::dataset::{Dataset, DatasetError, read_grey};
use crate::geometry::Size;
use crate::score::MaskOutcome;

/// Reads the mask, [height, width], of a photo of this size.
///
/// # Errors
/// A text that names the file if it is missing, is not a picture, or has another size.
pub fn read_mask(folder: &Path, id: &str, size: Size) -> Result<Array2<bool>, String> {
    let path = photo_file(folder, id, "png");
    let values = read_grey(&path)?;
    let found = Size::from_array(&values);
    if found != size {
        return Err(format!(
            "{}: the mask is {found}, its photo {size}",
            path.display()
        ));
    }
    Ok(values.mapv(|value| value > 127))
}

/// Compares the masks in a folder with those of the dataset. Photos without a true mask are left
/// out.
///
/// # Errors
/// [`DatasetError`] with each photo whose masks cannot be read.
pub fn mask_outcomes(folder: &Path, dataset: &Dataset) -> Result<Vec<MaskOutcome>, DatasetError> {
    let outcomes = evaluate_photos(dataset, |photo| {
        let (Some(truth), Some(size)) = (&photo.mask, photo.size) else {
            return Ok(None);
        };
        let mask = read_mask(folder, &photo.id, size)?;
        Ok(MaskOutcome::new(&mask, &truth.read(size)?))
    })?;
    Ok(outcomes.into_iter().flatten().collect())
}

/// A mask, [height, width], as the bytes of a PNG file.
#[must_use]
pub fn encode_mask(mask: ArrayView2<'_, bool>) -> Vec<u8> {
    let (height, width) = mask.dim();
    let picture = GrayImage::from_fn(width as u32, height as u32, |x, y| {
        let inside = mask[[y as usize, x as usize]];
        Luma([if inside { 255 } else { 0 }])
    });
    let mut bytes = Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, ImageFormat::Png)
        .expect("writing to a Vec cannot fail");
    bytes.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_written_and_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let size = Size::new(5, 3);
        let mask = Array2::from_shape_fn(size.shape(), |(y, x)| (x + y) % 2 == 0);
        std::fs::write(folder.path().join("a.png"), encode_mask(mask.view())).expect("a file");
        assert_eq!(read_mask(folder.path(), "a", size), Ok(mask));
        for (id, expected) in [("a", "the mask is 5 x 3, its photo 3 x 5"), ("b", "b.png")] {
            let error = read_mask(folder.path(), id, Size::new(3, 5)).expect_err(expected);
            assert!(error.contains(expected), "{error}");
        }
    }
}
