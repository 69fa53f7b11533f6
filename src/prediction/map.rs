//! Score maps in wsolevaluation's layout: `FOLDER/ID.npy`, with two axes of 224 and floating-point
//! values in 0..=1. The ids of the photos of ILSVRC's validation set are of the form
//! `val/ILSVRC2012_val_00000001.JPEG`, whatever the dataset calls them.

use std::path::Path;

use ndarray::{Array2, ArrayView2};
use ndarray_npy::{ReadNpyError, ReadNpyExt, WriteNpyExt};

use super::photo_files::{evaluate_photos, photo_file};
use crate::dataset::{Dataset, DatasetError, ilsvrc_val_name};
use crate::geometry::Size;
use crate::score::{MAP_SIZE, MapOutcome, Steps, TrueMasks};

/// The header of a file of a two-dimensional array ends before this byte.
const HEADER: usize = 256;

/// The id of a photo in wsolevaluation.
#[must_use]
pub fn map_name(id: &str) -> String {
    ilsvrc_val_name(id).map_or(id.to_owned(), |name| format!("val/{name}.JPEG"))
}

/// Reads the map of a photo.
///
/// # Errors
/// A text that names the file if it is missing, is not an array of 224 x 224 floating-point
/// numbers, or has values that wsolevaluation refuses: NaN, or outside 0..=1.
pub fn read_map(folder: &Path, id: &str) -> Result<Array2<f64>, String> {
    let path = photo_file(folder, &map_name(id), "npy");
    let bytes = std::fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    decode_map(&bytes).map_err(|fault| format!("{}: {fault}", path.display()))
}

fn decode_map(bytes: &[u8]) -> Result<Array2<f64>, String> {
    // The shape is checked first, so that no memory is allocated for one that is wrong.
    let side = MAP_SIZE.to_string();
    if let Some(shape) = shape(bytes)
        && !shape.split(',').map(str::trim).eq([&side, &side])
    {
        return Err(format!(
            "the map has shape ({shape}); wsolevaluation scores maps of {MAP_SIZE} x {MAP_SIZE}"
        ));
    }
    let map = match Array2::<f32>::read_npy(bytes) {
        Ok(map) => map.mapv(f64::from),
        Err(ReadNpyError::WrongDescriptor(_)) => {
            Array2::<f64>::read_npy(bytes).map_err(|e| e.to_string())?
        }
        Err(e) => return Err(e.to_string()),
    };
    match map.iter().find(|value| !(0.0..=1.0).contains(*value)) {
        Some(value) => Err(format!(
            "a value is {value}; wsolevaluation accepts only values in 0..=1"
        )),
        None => Ok(map),
    }
}

/// The shape that the header states, such as `224, 224`; `None` if it states none.
fn shape(bytes: &[u8]) -> Option<String> {
    let header = String::from_utf8_lossy(&bytes[..bytes.len().min(HEADER)]);
    let (_, rest) = header.split_once("'shape': (")?;
    let (shape, _) = rest.split_once(')')?;
    Some(shape.to_owned())
}

/// Compares the maps in a folder with the ground truth of their photos.
///
/// # Errors
/// [`DatasetError`] with each photo whose map or true mask cannot be read.
pub fn map_outcomes(
    folder: &Path,
    dataset: &Dataset,
    steps: Steps,
) -> Result<Vec<MapOutcome>, DatasetError> {
    evaluate_photos(dataset, |photo| {
        let map = read_map(folder, &photo.id)?;
        let mask = |size| photo.mask.as_ref().map(|mask| mask.read(size)).transpose();
        let map_size = mask(Size::square(MAP_SIZE as u32))?;
        let photo_size = photo.size.map_or(Ok(None), mask)?;
        let masks = TrueMasks {
            map_size: map_size.as_ref(),
            photo_size: photo_size.as_ref(),
        };
        Ok(MapOutcome::new(map.view(), photo, masks, steps))
    })
}

/// A map as the bytes of a file.
#[must_use]
pub fn encode_map(map: ArrayView2<'_, f32>) -> Vec<u8> {
    let mut bytes = Vec::new();
    map.write_npy(&mut bytes)
        .expect("writing to a Vec cannot fail");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_bytes(bytes: &[u8]) -> Result<Array2<f64>, String> {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("val")).expect("a folder");
        std::fs::write(folder.path().join("val/a.JPEG.npy"), bytes).expect("a file");
        read_map(folder.path(), "val/a.JPEG")
    }

    #[test]
    fn maps_are_written_and_read() {
        let map = Array2::from_shape_fn((MAP_SIZE, MAP_SIZE), |(y, x)| (x * y) as f32 / 1e5);
        let expected = map.mapv(f64::from);
        assert_eq!(read_bytes(&encode_map(map.view())), Ok(expected.clone()));
        let mut double = Vec::new();
        expected.write_npy(&mut double).expect("bytes");
        assert_eq!(read_bytes(&double), Ok(expected));
    }

    #[test]
    fn what_the_evaluator_refuses_is_refused() {
        let refused = |bytes: &[u8], expected: &str| {
            let error = read_bytes(bytes).expect_err(expected);
            assert!(error.contains(expected), "{error}");
        };
        let map = Array2::<f32>::zeros((MAP_SIZE, MAP_SIZE));
        for (value, expected) in [
            (f32::NAN, "a value is NaN"),
            (1.25, "a value is 1.25"),
            (-0.5, "a value is -0.5"),
        ] {
            let mut wrong = map.clone();
            wrong[[3, 4]] = value;
            refused(&encode_map(wrong.view()), expected);
        }
        let small = Array2::<f32>::zeros((10, 20));
        refused(&encode_map(small.view()), "shape (10, 20)");
        refused(b"not a map", "a.JPEG.npy: ");
        let error = read_map(Path::new("nowhere"), "a").expect_err("no folder");
        assert!(error.contains("a.npy"), "{error}");
    }
}
