//! Rows: a table with a row for each box, in the program's convention (0-based, max exclusive). The
//! columns may be in any order.
//!
//! `image_id,x_min,y_min,x_max,y_max` are required. `class_index` is the class of the box; without
//! it, or where it is empty, the box is for the photo's true class. `rank` is the rank of the
//! class, from 1; without it the order of the rows counts. `probability` belongs to the guess. A
//! row whose `status` is `error` states that the photo failed.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::predictions::Predictions;
use super::text::{coordinate, unknown_photo};
use crate::dataset::{Dataset, DatasetError, Faults, csv_rows};
use crate::geometry::BBox;
use crate::score::{Guess, Label};

#[derive(Deserialize)]
struct PredictionRow {
    image_id: String,
    class_index: Option<i64>,
    rank: Option<usize>,
    probability: Option<f64>,
    #[serde(default)]
    x_min: String,
    #[serde(default)]
    y_min: String,
    #[serde(default)]
    x_max: String,
    #[serde(default)]
    y_max: String,
    status: Option<String>,
}

pub(super) fn read(path: &Path, dataset: &Dataset) -> Result<Predictions, DatasetError> {
    let mut faults = Faults::default();
    let mut predictions = Predictions::empty(dataset);
    let index = dataset.photo_index();
    let rows = csv_rows::<PredictionRow>(path, "image_id,x_min,y_min,x_max,y_max", &mut faults)?;
    let ranked = rows.iter().any(|(_, row)| row.rank.is_some());
    for (place, row) in rows {
        let Some(photo) = index.get(&row.image_id) else {
            faults.add(format!(
                "{place}: {}",
                unknown_photo(dataset, &row.image_id)
            ));
            continue;
        };
        if row.status.as_deref() == Some("error") {
            continue;
        }
        let before = &predictions.photos[photo].guesses;
        match row.guess(ranked, before, dataset.classes.len()) {
            Ok(guess) => predictions.add(photo, guess),
            Err(fault) => faults.add(format!("{place}: {fault}")),
        }
    }
    faults.into_result()?;
    for photo in &mut predictions.photos {
        photo
            .guesses
            .sort_by_key(|guess| guess.rank.unwrap_or(usize::MAX));
    }
    let has_classes = predictions
        .photos
        .iter()
        .flat_map(|photo| &photo.guesses)
        .any(|guess| guess.label != Label::Truth);
    predictions.classes = has_classes && dataset.profile.guesses_classes();
    if predictions.classes && !ranked {
        predictions.notes.push(
            "there are no ranks: the order of a photo's rows was used as that of its guesses"
                .into(),
        );
    }
    Ok(predictions)
}

impl PredictionRow {
    /// The row as a guess. `ranked` tells whether the table has ranks, `before` are the guesses of
    /// the same photo so far, and `classes` is the number of classes.
    fn guess(&self, ranked: bool, before: &[Guess], classes: usize) -> Result<Guess, String> {
        let label = match self.class_index.map(usize::try_from) {
            Some(Ok(class)) if class < classes => Label::Class(class),
            Some(_) => Label::Other,
            None => Label::Truth,
        };
        let rank = match self.rank {
            Some(rank) => Some(rank.checked_sub(1).ok_or("ranks begin at 1")?),
            None if ranked || label == Label::Truth => None,
            None => Some(before.len()),
        };
        let edge = |name: &str, text: &str| {
            coordinate(text.trim()).map_err(|fault| format!("{name} {fault}"))
        };
        let bbox = BBox::new(
            edge("x_min", &self.x_min)?,
            edge("y_min", &self.y_min)?,
            edge("x_max", &self.x_max)?,
            edge("y_max", &self.y_max)?,
        );
        if rank.is_some() && before.iter().any(|guess| guess.rank == rank) {
            return Err(format!(
                "a second guess of the same rank for {}",
                self.image_id
            ));
        }
        Ok(Guess {
            label,
            rank,
            bbox: Some(bbox),
            confidence: self.probability,
        })
    }
}

/// The columns that are written, one row for each guess.
#[derive(Serialize)]
struct WrittenRow<'a> {
    image_id: &'a str,
    class_index: Option<i64>,
    rank: Option<usize>,
    probability: Option<f64>,
    x_min: f64,
    y_min: f64,
    x_max: f64,
    y_max: f64,
}

/// The rows of a table. Guesses without a box are left out.
pub(super) fn encode(predictions: &Predictions, dataset: &Dataset) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for (photo, predicted) in dataset.photos.iter().zip(&predictions.photos) {
        for guess in &predicted.guesses {
            let Some(BBox {
                x_min,
                y_min,
                x_max,
                y_max,
            }) = guess.bbox
            else {
                continue;
            };
            let row = WrittenRow {
                image_id: &photo.id,
                class_index: match guess.label {
                    Label::Class(class) => Some(class as i64),
                    Label::Other => Some(-1),
                    Label::Truth => None,
                },
                rank: guess.rank.map(|rank| rank + 1),
                probability: guess.confidence,
                x_min,
                y_min,
                x_max,
                y_max,
            };
            writer.serialize(row).expect("writing to a Vec cannot fail");
        }
    }
    writer.into_inner().expect("writing to a Vec cannot fail")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::ClassList;
    use crate::dataset::Photo;

    fn read_text(text: &str) -> Result<Predictions, DatasetError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rows.csv");
        std::fs::write(&path, text).expect("a file");
        let photo = |id: &str| Photo {
            id: id.into(),
            class: Some(7),
            ..Photo::default()
        };
        let (photos, classes) = (["a", "b", "c"].map(photo).into(), ClassList::numbered(10));
        let dataset = Dataset {
            name: "three".into(),
            photos,
            classes,
            ..Dataset::default()
        };
        read(&path, &dataset)
    }

    fn valid(text: &str) -> Predictions {
        read_text(text).unwrap_or_else(|e| panic!("{e}"))
    }

    /// Columns in another order, ranks in no order, a photo that failed, one that is missing.
    #[test]
    fn odd_rows_are_read() {
        let found = valid(
            "\u{feff}class_index,image_id,rank,x_min,y_min,x_max,y_max,status\r\n\
             7,a,2,0,0,1,1,ok\r\n3,a,1,0.5,0,inf,2,ok\r\n7,b,,,,,,error\r\n",
        );
        let labels: Vec<_> = found.photos[0]
            .guesses
            .iter()
            .map(|guess| (guess.label, guess.rank))
            .collect();
        assert_eq!(
            labels,
            [(Label::Class(3), Some(0)), (Label::Class(7), Some(1))]
        );
        assert_eq!(
            found.photos[0].guesses[0].bbox,
            Some(BBox::new(0.5, 0., f64::INFINITY, 2.))
        );
        assert_eq!(
            (
                found.photos[1].failed,
                found.photos[2].failed,
                found.classes
            ),
            (true, true, true)
        );
        let mut noted = found.clone();
        noted.note_missing();
        assert_eq!(
            noted.notes,
            ["2 of 3 photos have no prediction; they count as wrong"]
        );
        let plain = valid("image_id,x_min,y_min,x_max,y_max\na,0,0,1,1\n");
        assert_eq!(
            (plain.classes, plain.photos[0].guesses[0].label),
            (false, Label::Truth)
        );
        let ordered =
            valid("image_id,x_min,y_min,x_max,y_max,class_index\na,0,0,1,1,4\na,0,0,1,1,5\n");
        assert_eq!(ordered.photos[0].guesses[1].rank, Some(1));
    }

    #[test]
    fn faults_are_named() {
        let header = "image_id,x_min,y_min,x_max,y_max";
        let cases = [
            (
                format!("{header}\nz,0,0,1,1\n"),
                "rows.csv:2: three has no photo called z; its photos have names like a",
            ),
            (
                format!("{header}\na,NaN,0,1,1\n"),
                "rows.csv:2: x_min 'NaN' is not a number (the devkit",
            ),
            (
                format!("{header}\na,0,,1,1\n"),
                "rows.csv:2: y_min '' is not a number",
            ),
            (format!("{header}\na,0,0,1\n"), "rows.csv: CSV error"),
            (
                format!("{header},rank,class_index\na,0,0,1,1,0,7\n"),
                "rows.csv:2: ranks begin at 1",
            ),
            (
                format!("{header},rank,class_index\na,0,0,1,1,1,7\na,0,0,1,1,1,8\n"),
                "rows.csv:3: a second guess of the same rank for a",
            ),
        ];
        for (text, expected) in cases {
            let error = read_text(&text).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
        // A class that the dataset does not have is a wrong guess.
        let other = valid(&format!("{header},class_index\na,0,0,1,1,10\n"));
        assert_eq!(other.photos[0].guesses[0].label, Label::Other);
    }
}
