//! COCO's results: a JSON list of `{image_id, category_id, bbox: [x, y, width, height], score}`.
//! The edges are continuous, from the top-left corner of the photo. pycocotools loads what is
//! written.
//!
//! In a COCO dataset a photo appears once for each category, and its guesses are the boxes of that
//! category, best first: no class is guessed. In any other dataset, `image_id` is the photo's name
//! and `category_id` the class index, and the boxes of a photo are its guesses by falling score.
//! Equal scores keep their order.
//!
//! Boxes with whole-numbered edges are read back unchanged. For others the right and lower edges, x
//! + width and y + height, may differ by rounding.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::checks::Checks;
use super::predictions::Predictions;
use super::submission::{ensure_classes, first_guesses};
use super::text::unknown_photo;
use crate::dataset::{Dataset, DatasetError, Faults, Photo, Profile, Suspicion};
use crate::geometry::BBox;
use crate::score::{Guess, Label};

#[derive(Deserialize, Serialize)]
struct CocoResult {
    image_id: Value,
    category_id: u64,
    bbox: [f64; 4],
    score: f64,
}

/// Whether each photo of the dataset appears once for each category.
fn is_by_category(dataset: &Dataset) -> bool {
    dataset.profile == Profile::Coco
}

pub(super) fn read(path: &Path, dataset: &Dataset) -> Result<Predictions, DatasetError> {
    let mut results: Vec<(usize, CocoResult)> = (1..).zip(read_results(path)?).collect();
    results.sort_by(|(_, a), (_, b)| b.score.total_cmp(&a.score));
    let by_category = is_by_category(dataset);
    let mut predictions = Predictions {
        classes: !by_category,
        ..Predictions::empty(dataset)
    };
    let index = dataset.photo_index();
    let mut faults = Faults::default();
    let mut checks = Checks::new(dataset);
    let mut left_out = 0;
    for (number, result) in &results {
        let id = result.photo_id(by_category);
        let photo = if by_category {
            index.named(&id)
        } else {
            index.get(&id)
        };
        match photo {
            Some(photo) => {
                let before = predictions.photos[photo].guesses.len();
                let guess = result.guess(dataset, before);
                if !by_category {
                    checks.add_label(photo, &result.category_id.to_string(), guess.label);
                }
                let bbox = guess
                    .bbox
                    .map_or(Ok(()), |bbox| checks.add_box(photo, bbox));
                if let Err(fault) = bbox {
                    let path = path.display();
                    faults.add(format!("{path}: result {number} ({id}): {fault}"));
                }
                predictions.add(photo, guess);
            }
            // A detector may find a category in a photo that has no object of it.
            None if by_category => left_out += 1,
            None => faults.add(format!(
                "{}: {}",
                path.display(),
                unknown_photo(dataset, &id)
            )),
        }
    }
    let expected = "indices of classes from 0 (category_id)";
    predictions.suspicions = checks.finish(path, faults, expected)?;
    let other_meaning = by_category.then(|| other_meaning(&results, left_out, dataset));
    let other_meaning = other_meaning.flatten();
    if left_out > 0 && left_out == results.len() {
        return Err(nothing_found(path, dataset, left_out, other_meaning));
    }
    predictions.suspicions.extend(other_meaning);
    if left_out > 0 {
        predictions.notes.push(format!(
            "{left_out} results are for photos that have no object of their category, or that are \
             not in the dataset"
        ));
    }
    Ok(predictions)
}

/// The error if none of `count` results is for a photo and category of a COCO dataset.
fn nothing_found(
    path: &Path,
    dataset: &Dataset,
    count: usize,
    meaning: Option<Suspicion>,
) -> DatasetError {
    let (name, example) = (&dataset.name, dataset.photos.first());
    let example = example.map_or("", |photo| &photo.id);
    let fault = format!(
        "none of its {count} results is for a photo and category of {name} (like {example})"
    );
    let error = DatasetError::at(path, fault);
    match meaning {
        Some(suspicion) => error.or_advice(suspicion.to_string()),
        None => error,
    }
}

/// A suspicion if many more results would be for photos and categories of a COCO dataset if their
/// `category_id` were the place of the category in the list, which most networks give.
fn other_meaning(
    results: &[(usize, CocoResult)],
    left_out: usize,
    dataset: &Dataset,
) -> Option<Suspicion> {
    let index = dataset.photo_index();
    let found = results.len() - left_out;
    let would_be_found = |first: u64| {
        let is_found = |result: &CocoResult| {
            let place = usize::try_from(result.category_id.checked_sub(first)?).ok()?;
            let key = (place < dataset.classes.len()).then(|| dataset.classes.key(place))?;
            index.named(&format!("{}/{key}", result.photo_id(false)))
        };
        let results = results.iter();
        results
            .filter(|(_, result)| is_found(result).is_some())
            .count()
    };
    let (count, first) = [0, 1]
        .map(|first| (would_be_found(first), first))
        .into_iter()
        .max()?;
    (count > 2 * found + 2).then(|| {
        let what = format!(
            "{found} of {} results are for photos that have an object of their category, but \
             {count} would be if category_id counted the categories from {first}",
            results.len()
        );
        Suspicion::new(
            what,
            "category_id is the id of the category in the dataset's file",
        )
    })
}

fn read_results(path: &Path) -> Result<Vec<CocoResult>, DatasetError> {
    let bytes = std::fs::read(path).map_err(|e| DatasetError::at(path, e))?;
    serde_json::from_slice(&bytes).map_err(|e| {
        DatasetError::at(path, e).or_advice(
            "expected a list of {image_id, category_id, bbox: [x, y, width, height], score}",
        )
    })
}

impl CocoResult {
    /// The name of the photo in a dataset.
    fn photo_id(&self, by_category: bool) -> String {
        let image = match &self.image_id {
            Value::String(name) => name.clone(),
            Value::Number(number) if number.is_u64() => number.to_string(),
            // 5.0 is 5.
            other => other
                .as_f64()
                .filter(|n| n.fract() == 0.0)
                .map_or(other.to_string(), |n| n.to_string()),
        };
        if by_category {
            format!("{image}/{}", self.category_id)
        } else {
            image
        }
    }

    /// The result as a guess; the photo has `before` others with higher scores.
    fn guess(&self, dataset: &Dataset, before: usize) -> Guess {
        let by_category = is_by_category(dataset);
        let class = usize::try_from(self.category_id)
            .ok()
            .filter(|&class| class < dataset.classes.len());
        let label = if by_category {
            Label::Truth
        } else {
            class.map_or(Label::Other, Label::Class)
        };
        let [x, y, width, height] = self.bbox;
        Guess {
            label,
            rank: (!by_category).then_some(before),
            bbox: Some(BBox::new(x, y, x + width, y + height)),
            confidence: Some(self.score),
        }
    }
}

pub(super) fn encode(
    predictions: &Predictions,
    dataset: &Dataset,
) -> Result<Vec<u8>, DatasetError> {
    let by_category = is_by_category(dataset);
    if !by_category {
        ensure_classes(predictions)?;
    }
    let mut results = Vec::new();
    for (i, photo) in dataset.photos.iter().enumerate() {
        let guesses = if by_category {
            guesses_of_truth(predictions, i, photo)
        } else {
            first_guesses(predictions, i)
        };
        // Readers sort by score. If the confidences do not fall with the ranks, scores are made
        // from the ranks.
        let by_confidence = guesses.iter().all(|guess| guess.confidence.is_some())
            && guesses.is_sorted_by(|a, b| a.confidence >= b.confidence);
        for guess in guesses {
            let (Some(bbox), Some(class)) = (guess.bbox, class(guess, photo)) else {
                continue;
            };
            let (image_id, category_id) = if by_category {
                image_and_category(photo, class)?
            } else {
                (photo.id.clone().into(), class as u64)
            };
            results.push(CocoResult {
                image_id,
                category_id,
                bbox: finite_bbox(photo, bbox)?,
                score: match guess.confidence {
                    Some(confidence) if by_confidence => confidence,
                    _ => 1.0 / (guess.rank.unwrap_or(0) + 1) as f64,
                },
            });
        }
    }
    Ok(serde_json::to_vec(&results).expect("finite numbers and names can be written as JSON"))
}

/// The guesses of the photo at this index that are for its true class.
fn guesses_of_truth<'a>(
    predictions: &'a Predictions,
    index: usize,
    photo: &Photo,
) -> Vec<&'a Guess> {
    predictions.photos[index]
        .guesses
        .iter()
        .filter(|guess| guess.label.is_true(photo.class))
        .collect()
}

fn class(guess: &Guess, photo: &Photo) -> Option<usize> {
    match guess.label {
        Label::Class(class) => Some(class),
        Label::Truth => photo.class,
        Label::Other => None,
    }
}

/// The ids in the name `IMAGE/CATEGORY` of a photo of a COCO dataset.
fn image_and_category(photo: &Photo, class: usize) -> Result<(Value, u64), DatasetError> {
    // A photo's id may be any text: 007 is not 7.
    let Some((image, category)) = photo.id.rsplit_once('/') else {
        return Ok((photo.id.clone().into(), class as u64));
    };
    let category = category.parse().map_err(|_| {
        let fault = format!(
            "{}: the category's id '{category}' is not a number",
            photo.id
        );
        DatasetError::new(fault)
    })?;
    let number = image.parse::<u64>().ok();
    let number = number.filter(|number| number.to_string() == image);
    Ok((number.map_or(image.into(), Value::from), category))
}

/// A box as x, y, width and height.
fn finite_bbox(photo: &Photo, bbox: BBox) -> Result<[f64; 4], DatasetError> {
    let BBox {
        x_min,
        y_min,
        x_max,
        y_max,
    } = bbox;
    if [x_min, y_min, x_max, y_max]
        .iter()
        .all(|edge| edge.is_finite())
    {
        Ok([x_min, y_min, x_max - x_min, y_max - y_min])
    } else {
        Err(DatasetError::new(format!(
            "{}: a box with an infinite edge cannot be written as JSON",
            photo.id
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::ClassList;

    fn dataset(profile: Profile, ids: &[&str]) -> Dataset {
        let photo = |id: &&str| Photo {
            id: (*id).into(),
            class: Some(1),
            ..Photo::default()
        };
        let classes =
            ClassList::new("coco", ["1", "90"].map(|key| (key.into(), key.into()))).expect("two");
        Dataset {
            name: "some".into(),
            profile,
            classes,
            photos: ids.iter().map(photo).collect(),
            ..Dataset::default()
        }
    }

    fn read_text(text: &str, dataset: &Dataset) -> Result<Predictions, DatasetError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("results.json");
        std::fs::write(&path, text).expect("a file");
        read(&path, dataset)
    }

    fn written_and_read(found: &Predictions, dataset: &Dataset) -> Predictions {
        let written = encode(found, dataset).unwrap_or_else(|e| panic!("{e}"));
        read_text(&String::from_utf8(written).expect("text"), dataset)
            .unwrap_or_else(|e| panic!("{e}"))
    }

    /// Scores in no order, equal ones, a category without an object, ids with a gap.
    #[test]
    fn odd_results_of_coco_are_read_and_written() {
        let coco = dataset(Profile::Coco, &["139/90", "7/90"]);
        let text = r#"[
            {"image_id": 139, "category_id": 90, "bbox": [0.5, 1, 2, 3], "score": 0.2,
             "segmentation": []},
            {"image_id": 139, "category_id": 90, "bbox": [0, 0, 9, 9], "score": 0.9},
            {"image_id": 139, "category_id": 1, "bbox": [0, 0, 9, 9], "score": 0.9}]"#;
        let found = read_text(text, &coco).unwrap_or_else(|e| panic!("{e}"));
        assert!(
            found.notes[0].starts_with("1 results are for photos that have no object"),
            "{:?}",
            found.notes
        );
        assert_eq!(
            found.photos[0].guesses[0].bbox,
            Some(BBox::new(0., 0., 9., 9.))
        );
        assert_eq!(
            (
                found.photos[0].guesses.len(),
                found.classes,
                found.photos[1].failed
            ),
            (2, false, true)
        );
        assert_eq!(written_and_read(&found, &coco).photos, found.photos);
    }

    /// Categories by their places in the list, from 0 and from 1; and false alarms of a detector.
    #[test]
    fn places_of_categories_are_told_from_their_ids() {
        let ids: Vec<String> = (0..8).map(|image| format!("{image}/90")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let coco = dataset(Profile::Coco, &ids);
        let results = |categories: [u64; 8]| {
            let result = |(image, category): (usize, u64)| {
                format!(
                    r#"{{"image_id": {image}, "category_id": {category}, "bbox": [0, 0, 9, 9],
                    "score": 0.5}}"#
                )
            };
            let results: Vec<String> = categories.into_iter().enumerate().map(result).collect();
            read_text(&format!("[{}]", results.join(",")), &coco)
        };
        for (category, first) in [(1, 0), (2, 1)] {
            let error = results([category; 8]).expect_err("no result of category 90");
            let advice = format!("8 would be if category_id counted the categories from {first}");
            assert!(
                format!("{:?}", error.remedy).contains(&advice),
                "{:?}",
                error.remedy
            );
            let mut some = [category; 8];
            some[0] = 90;
            let found = results(some).unwrap_or_else(|e| panic!("{e}"));
            assert!(
                found.suspicions[0].what.starts_with("1 of 8 results"),
                "{found:?}"
            );
        }
        let found = results([90, 90, 90, 90, 1, 1, 1, 1]).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((found.suspicions, found.notes.len()), (vec![], 1));
    }

    #[test]
    fn ids_of_photos_that_are_text_are_written_as_they_are() {
        for (id, expected) in [("7/90", "7"), ("007/90", "\"007\""), ("b/a/90", "\"b/a\"")] {
            let photo = Photo {
                id: id.into(),
                ..Photo::default()
            };
            let found = image_and_category(&photo, 1).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!((&found.0.to_string()[..], found.1), (expected, 90));
        }
    }

    #[test]
    fn other_datasets_have_names_and_class_indices() {
        let other = dataset(Profile::Devkit, &["val/a.JPEG", "b"]);
        let text = r#"[{"image_id": "b", "category_id": 1, "bbox": [0, 0, 1, 1], "score": 0.5},
            {"image_id": "val/a.JPEG", "category_id": 7, "bbox": [0, 0, 1, 1], "score": 0.5},
            {"image_id": "b", "category_id": 0, "bbox": [0, 0, 2, 1], "score": 0.5}]"#;
        let found = read_text(text, &other).unwrap_or_else(|e| panic!("{e}"));
        let labels: Vec<_> = found.photos[1]
            .guesses
            .iter()
            .map(|guess| (guess.label, guess.rank))
            .collect();
        assert_eq!(
            labels,
            [(Label::Class(1), Some(0)), (Label::Class(0), Some(1))]
        );
        // Category 7 is not one of the two classes: the guess is wrong, and is not written.
        assert_eq!(found.photos[0].guesses[0].label, Label::Other);
        assert_eq!(written_and_read(&found, &other).photos[1], found.photos[1]);
        let unknown_photo = read_text(&text.replace("\"b\"", "\"z\""), &other)
            .expect_err("no z")
            .to_string();
        assert!(
            unknown_photo
                .contains("some has no photo called z; its photos have names like val/a.JPEG"),
            "{unknown_photo}"
        );
        let nan = text.replacen("[0, 0, 1, 1]", "[0, NaN, 1, 1]", 1);
        for (invalid, expected) in [("[{}]", "line 1 column 3"), (&nan, "line 1 column")] {
            let error = read_text(invalid, &other).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
