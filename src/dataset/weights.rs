//! The weights of photos in weighted scores.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use super::columns::Column;
use super::error::{DatasetError, Faults};
use super::table::csv_rows;
use super::truth::Dataset;

const COLUMNS: [Column; 2] = [
    Column::required("image_id", &[]),
    Column::required("weight", &[]).of_numbers(),
];

/// Weights above this are a mistake.
const MAX_WEIGHT: f64 = 1e9;

pub(super) fn check_weight(weight: f64) -> Result<(), String> {
    let valid = (0.0..=MAX_WEIGHT).contains(&weight);
    if valid {
        Ok(())
    } else {
        Err(format!("weight {weight} is not in 0..{MAX_WEIGHT}"))
    }
}

/// Gives every photo its weight in the CSV at `path`, which has the columns `image_id` and
/// `weight`.
pub(super) fn apply(dataset: &mut Dataset, path: &Path) -> Result<(), DatasetError> {
    let weights = read(path)?;
    let mut faults = Faults::default();
    for photo in &mut dataset.photos {
        match weights.get(&photo.id) {
            Some(&weight) => photo.weight = weight,
            None => faults.add(format!("{}: no weight for {}", path.display(), photo.id)),
        }
    }
    dataset.weighted = true;
    faults.into_result()
}

fn read(path: &Path) -> Result<HashMap<String, f64>, DatasetError> {
    #[derive(Deserialize)]
    struct WeightRow {
        image_id: String,
        weight: f64,
    }
    let mut faults = Faults::default();
    let mut weights = HashMap::new();
    for (place, row) in csv_rows(path, &COLUMNS, &mut faults)? {
        let WeightRow { image_id, weight } = row;
        if let Err(fault) = check_weight(weight) {
            faults.add(format!("{place}: {fault}"));
        }
        if weights.insert(image_id.clone(), weight).is_some() {
            faults.add(format!("{place}: a second weight for {image_id}"));
        }
    }
    faults.into_result()?;
    Ok(weights)
}
