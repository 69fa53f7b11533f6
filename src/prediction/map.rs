//! Score maps in wsolevaluation's layout: `FOLDER/ID.npy`, two axes, floating point, values in
//! 0..=1, 224 x 224. The id of a photo of ILSVRC's validation set is
//! `val/ILSVRC2012_val_00000001.JPEG`, whatever its dataset calls it.

use std::path::Path;

use ndarray::{Array2, ArrayView2};
use ndarray_npy::{ReadNpyError, ReadNpyExt, WriteNpyExt};

use super::{file_of, of_each};
use crate::geometry::Size;
use crate::dataset::{Dataset, DatasetError, bare};
use crate::score::{MAP_SIZE, MapOutcome, Steps};

/// A header ends before this byte.
const HEADER: usize = 256;

/// What wsolevaluation calls a photo.
#[must_use]
pub fn map_name(id: &str) -> String {
    bare(id).map_or(id.to_owned(), |name| format!("val/{name}.JPEG"))
}

/// Reads the map of a photo.
///
/// # Errors
/// A text naming the file when it is missing, of another kind or size, or has values that
/// wsolevaluation refuses: NaN, or outside 0..=1.
pub fn read(folder: &Path, id: &str) -> Result<Array2<f64>, String> {
    let path = file_of(folder, &map_name(id), "npy");
    let wrong = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let bytes = std::fs::read(&path).map_err(|e| wrong(&e))?;
    // The header is asked first: a shape that is a mistake or a bomb would be made room for.
    let header = String::from_utf8_lossy(&bytes[..bytes.len().min(HEADER)]);
    let shape = header
        .split_once("'shape': (")
        .and_then(|(_, rest)| rest.split_once(')'))
        .map(|(shape, _)| shape);
    let is_good = |shape: &str| {
        shape
            .split(',')
            .map(str::trim)
            .eq([MAP_SIZE.to_string().as_str(); 2])
    };
    if let Some(shape) = shape.filter(|shape| !is_good(shape)) {
        return Err(wrong(&format!(
            "the map is of shape ({shape}); wsolevaluation scores maps of {MAP_SIZE} x {MAP_SIZE}"
        )));
    }
    let map = match Array2::<f32>::read_npy(bytes.as_slice()) {
        Ok(map) => map.mapv(f64::from),
        Err(ReadNpyError::WrongDescriptor(_)) => {
            Array2::<f64>::read_npy(bytes.as_slice()).map_err(|e| wrong(&e))?
        }
        Err(e) => return Err(wrong(&e)),
    };
    match map.iter().find(|value| !(0.0..=1.0).contains(*value)) {
        Some(value) => Err(wrong(&format!(
            "a value is {value}; wsolevaluation refuses what is not in 0..=1"
        ))),
        None => Ok(map),
    }
}

/// The maps in a folder against the truth of their photos.
///
/// # Errors
/// All faults found: of each photo whose map or mask cannot be read.
pub fn outcomes(folder: &Path, dataset: &Dataset, steps: Steps) -> Result<Vec<MapOutcome>, DatasetError> {
    of_each(dataset, |photo| {
        let map = read(folder, &photo.id)?;
        let mask = |size| photo.mask.as_ref().map(|mask| mask.read(size)).transpose();
        let in_map_size = mask(Size::square(MAP_SIZE as u32))?;
        let in_photo_size = photo.size.map_or(Ok(None), mask)?;
        Ok(MapOutcome::of(
            map.view(),
            photo,
            [in_map_size.as_ref(), in_photo_size.as_ref()],
            steps,
        ))
    })
}

/// A map as the bytes of a file.
///
/// # Panics
/// Never: every array has a form.
#[must_use]
pub fn write(map: ArrayView2<'_, f32>) -> Vec<u8> {
    let mut bytes = Vec::new();
    map.write_npy(&mut bytes).expect("memory takes all");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_bytes(bytes: &[u8]) -> Result<Array2<f64>, String> {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("val")).expect("a folder");
        std::fs::write(folder.path().join("val/a.JPEG.npy"), bytes).expect("a file");
        read(folder.path(), "val/a.JPEG")
    }

    #[test]
    fn maps_are_written_and_read() {
        let map = Array2::from_shape_fn((MAP_SIZE, MAP_SIZE), |(y, x)| (x * y) as f32 / 1e5);
        assert_eq!(
            read_bytes(&write(map.view())).expect("a map"),
            map.mapv(f64::from)
        );
        let mut double = Vec::new();
        map.mapv(f64::from).write_npy(&mut double).expect("bytes");
        assert_eq!(read_bytes(&double).expect("a map"), map.mapv(f64::from));
    }

    #[test]
    fn what_the_evaluator_refuses_is_refused() {
        let map = Array2::<f32>::zeros((MAP_SIZE, MAP_SIZE));
        for (value, expected) in [
            (f32::NAN, "a value is NaN"),
            (1.25, "a value is 1.25"),
            (-0.5, "a value is -0.5"),
        ] {
            let mut wrong = map.clone();
            wrong[[3, 4]] = value;
            assert!(
                read_bytes(&write(wrong.view()))
                    .expect_err(expected)
                    .contains(expected)
            );
        }
        let small = Array2::<f32>::zeros((10, 20));
        assert!(
            read_bytes(&write(small.view()))
                .expect_err("small")
                .contains("shape (10, 20)")
        );
        assert!(
            read_bytes(b"no map")
                .expect_err("bytes")
                .contains("a.JPEG.npy: ")
        );
        assert!(
            read(Path::new("nowhere"), "a")
                .expect_err("nowhere")
                .contains("a.npy")
        );
    }
}
