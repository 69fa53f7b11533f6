//! What the readers of several formats have in common.

use crate::dataset::Dataset;

/// Parses a coordinate. NaN is refused. Infinity is not: a box with an infinite edge is never
/// correct.
pub(super) fn coordinate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if !value.is_nan() => Ok(value),
        Ok(_) => Err(format!(
            "'{text}' is not a number (the devkit would count it as a hit)"
        )),
        Err(_) => Err(format!("'{text}' is not a number")),
    }
}

/// The message for a photo that is not in the dataset, with an example of one that is.
pub(super) fn unknown_photo(dataset: &Dataset, id: &str) -> String {
    let example = dataset.photos.first().map_or(String::new(), |photo| {
        format!("; its photos have names like {}", photo.id)
    });
    format!("{} has no photo called {id}{example}", dataset.name)
}
