//! COCO's results: a JSON list of `{image_id, category_id, bbox: [x, y, width, height], score}`,
//! edges continuous from the top-left corner on. pycocotools loads what is written.
//!
//! In a COCO dataset a photo stands once for each category, and its guesses are the boxes of that
//! category, best first: no class is guessed. In any other, `image_id` is the photo's name and
//! `category_id` the class index, and the boxes of a photo are its guesses by falling score; equal
//! scores keep their order.
//!
//! Boxes with whole-numbered edges come back as they were. Of others the far edge, x + width, may
//! differ by a rounding.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Dataset, DatasetError, Faults, Guess, Predictions};
use crate::dataset::Profile;
use crate::geometry::BBox;
use crate::score::Label;

#[derive(Deserialize, Serialize)]
struct CocoResult {
    image_id: Value,
    category_id: u64,
    bbox: [f64; 4],
    score: f64,
}

fn is_coco(dataset: &Dataset) -> bool {
    dataset.profile == Profile::Coco
}

pub(super) fn read(path: &Path, dataset: &Dataset) -> Result<Predictions, DatasetError> {
    let bytes = std::fs::read(path).map_err(|e| DatasetError::at(path, e))?;
    let mut list: Vec<CocoResult> = serde_json::from_slice(&bytes).map_err(|e| {
        DatasetError::at(
            path,
            format!("{e}\nhelp: a list of {{image_id, category_id, bbox: [x, y, width, height], score}} is wanted"),
        )
    })?;
    list.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut faults = Faults::default();
    let mut predictions = Predictions {
        classes: !is_coco(dataset),
        ..Predictions::nothing(dataset)
    };
    let places = dataset.places();
    let (mut left_out, count) = (0, list.len());
    for CocoResult {
        image_id,
        category_id,
        bbox: [x, y, w, h],
        score,
    } in list
    {
        let image = name(&image_id);
        let id = if is_coco(dataset) {
            format!("{image}/{category_id}")
        } else {
            image
        };
        let Some(photo) = places.get(&id) else {
            // A detector finds categories in photos that hold none of them.
            match is_coco(dataset) {
                true => left_out += 1,
                false => faults.add(format!(
                    "{}: {}",
                    path.display(),
                    super::unknown(dataset, &id)
                )),
            }
            continue;
        };
        let before = predictions.photos[photo].guesses.len();
        let (label, rank) = match is_coco(dataset) {
            true => (Label::Truth, None),
            false => (class(category_id, dataset), Some(before)),
        };
        let bbox = Some(BBox::new(x, y, x + w, y + h));
        predictions.add(
            photo,
            Guess {
                label,
                rank,
                bbox,
                confidence: Some(score),
            },
        );
    }
    faults.into_result()?;
    if left_out > 0 && left_out == count {
        let example = dataset.photos.first().map_or("", |photo| &photo.id);
        return Err(DatasetError::at(
            path,
            format!(
                "none of its {count} results is for a photo and category of {} (like {example})",
                dataset.name
            ),
        ));
    }
    if left_out > 0 {
        predictions
            .notes
            .push(format!("{left_out} results are for photos that have no object of their category, or are not there"));
    }
    Ok(predictions)
}

/// What a photo is called; 5.0 is 5.
fn name(image_id: &Value) -> String {
    match image_id {
        Value::String(name) => name.clone(),
        Value::Number(number) if number.is_u64() => number.to_string(),
        other => other
            .as_f64()
            .filter(|n| n.fract() == 0.0)
            .map_or(other.to_string(), |n| n.to_string()),
    }
}

fn class(category_id: u64, dataset: &Dataset) -> Label {
    let class = usize::try_from(category_id)
        .ok()
        .filter(|&class| class < dataset.classes.len());
    class.map_or(Label::Other, Label::Class)
}

pub(super) fn write(predictions: &Predictions, dataset: &Dataset) -> Result<Vec<u8>, DatasetError> {
    if !is_coco(dataset) {
        predictions.need_classes()?;
    }
    let mut list = Vec::new();
    for (i, photo) in dataset.photos.iter().enumerate() {
        let guesses: Vec<&Guess> = match is_coco(dataset) {
            true => predictions.photos[i]
                .guesses
                .iter()
                .filter(|guess| is_truth(guess, photo.class))
                .collect(),
            false => predictions.first_five(i),
        };
        // Readers sort by score: where confidences do not fall with the ranks, ranks must speak.
        let sure = guesses.iter().all(|guess| guess.confidence.is_some())
            && guesses.is_sorted_by(|a, b| a.confidence >= b.confidence);
        for guess in guesses {
            let Some(BBox {
                x_min,
                y_min,
                x_max,
                y_max,
            }) = guess.bbox
            else {
                continue;
            };
            let class = match guess.label {
                Label::Class(class) => Some(class),
                Label::Truth => photo.class,
                Label::Other => None,
            };
            let Some(class) = class else { continue };
            let (image_id, category_id) = match photo.id.split_once('/') {
                Some((image, category)) if is_coco(dataset) => {
                    let number = |text: &str| {
                        text.parse::<u64>()
                            .map_err(|_| DatasetError::new(format!("'{text}' is no id")))
                    };
                    (number(image)?.into(), number(category)?)
                }
                _ => (photo.id.clone().into(), class as u64),
            };
            if ![x_min, y_min, x_max, y_max]
                .iter()
                .all(|edge| edge.is_finite())
            {
                return Err(DatasetError::new(format!(
                    "{}: an infinite box has no form in JSON",
                    photo.id
                )));
            }
            let score = if sure {
                guess.confidence.unwrap_or(0.0)
            } else {
                1.0 / (guess.rank.unwrap_or(0) + 1) as f64
            };
            list.push(CocoResult {
                image_id,
                category_id,
                bbox: [x_min, y_min, x_max - x_min, y_max - y_min],
                score,
            });
        }
    }
    Ok(serde_json::to_vec(&list).expect("numbers and names have a form"))
}

fn is_truth(guess: &Guess, class: Option<usize>) -> bool {
    guess.label == Label::Truth || class.is_some_and(|class| guess.label == Label::Class(class))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::ClassList;
    use crate::dataset::Photo;

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

    fn again(found: &Predictions, dataset: &Dataset) -> Predictions {
        let written = write(found, dataset).unwrap_or_else(|e| panic!("{e}"));
        read_text(&String::from_utf8(written).expect("text"), dataset)
            .unwrap_or_else(|e| panic!("{e}"))
    }

    /// Scores in no order, equal ones, a category without an object, ids with a gap.
    #[test]
    fn odd_results_of_coco_are_read_and_written() {
        let coco = dataset(Profile::Coco, &["139/90", "7/90"]);
        let text = r#"[{"image_id": 139, "category_id": 90, "bbox": [0.5, 1, 2, 3], "score": 0.2, "segmentation": []},
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
        assert_eq!(again(&found, &coco).photos, found.photos);
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
        // Category 7 is none of the two classes: it is wrong, and is not written.
        assert_eq!(found.photos[0].guesses[0].label, Label::Other);
        assert_eq!(again(&found, &other).photos[1], found.photos[1]);
        let error = read_text(&text.replace("\"b\"", "\"z\""), &other)
            .expect_err("no z")
            .to_string();
        assert!(
            error.contains("some has no photo called z; its photos are called like val/a.JPEG"),
            "{error}"
        );
        assert!(
            read_text("[{}]", &other)
                .expect_err("fields")
                .to_string()
                .contains("line 1 column 3")
        );
        let nan = text.replacen("[0, 0, 1, 1]", "[0, NaN, 1, 1]", 1);
        assert!(
            read_text(&nan, &other)
                .expect_err("NaN")
                .to_string()
                .contains("line 1 column")
        );
    }
}
