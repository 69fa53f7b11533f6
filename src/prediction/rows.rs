//! Rows: a table with a row a box, in the inner convention (0-based, max exclusive), columns in any
//! order.
//!
//! `image_id,x_min,y_min,x_max,y_max` are wanted. `class_index` says which class the box is for;
//! without it, or where it is empty, the box is for the photo's true class. `rank` is the place of
//! the class from 1 on; without it the order of the rows counts. `probability` goes with a guess.
//! Rows whose `status` is `error` say that the photo failed.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Dataset, DatasetError, Faults, Guess, Predictions};
use crate::dataset::csv_rows;
use crate::geometry::BBox;
use crate::score::Label;

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
    let mut found = Predictions::nothing(dataset);
    let places = dataset.places();
    let rows = csv_rows::<PredictionRow>(path, "image_id,x_min,y_min,x_max,y_max", &mut faults)?;
    let ranked = rows.iter().any(|(_, row)| row.rank.is_some());
    for (place, row) in rows {
        let Some(photo) = places.get(&row.image_id) else {
            faults.add(format!(
                "{place}: {}",
                super::unknown(dataset, &row.image_id)
            ));
            continue;
        };
        if row.status.as_deref() == Some("error") {
            continue;
        }
        match guess(
            &row,
            ranked,
            found.photos[photo].guesses.len(),
            dataset.classes.len(),
        ) {
            Ok(guess)
                if guess.rank.is_some()
                    && found.photos[photo]
                        .guesses
                        .iter()
                        .any(|g| g.rank == guess.rank) =>
            {
                faults.add(format!(
                    "{place}: a second guess of the same rank for {}",
                    row.image_id
                ));
            }
            Ok(guess) => found.add(photo, guess),
            Err(fault) => faults.add(format!("{place}: {fault}")),
        }
    }
    faults.into_result()?;
    for photo in &mut found.photos {
        photo
            .guesses
            .sort_by_key(|guess| guess.rank.unwrap_or(usize::MAX));
    }
    let guessed = found
        .photos
        .iter()
        .flat_map(|photo| &photo.guesses)
        .any(|guess| guess.label != Label::Truth);
    found.classes = guessed && dataset.profile.guesses_classes();
    if found.classes && !ranked {
        found.notes.push(
            "there are no ranks: the order of a photo's rows was taken for that of its guesses"
                .into(),
        );
    }
    Ok(found)
}

fn guess(row: &PredictionRow, ranked: bool, before: usize, classes: usize) -> Result<Guess, String> {
    let label = match row.class_index.map(usize::try_from) {
        Some(Ok(class)) if class < classes => Label::Class(class),
        Some(_) => Label::Other,
        None => Label::Truth,
    };
    let rank = match (ranked, row.rank) {
        (true, Some(rank)) => Some(rank.checked_sub(1).ok_or("ranks begin at 1")?),
        (true, None) => None,
        (false, _) => (label != Label::Truth).then_some(before),
    };
    let edge = |name: &str, text: &str| {
        super::coordinate(text.trim()).map_err(|fault| format!("{name} {fault}"))
    };
    let bbox = BBox::new(
        edge("x_min", &row.x_min)?,
        edge("y_min", &row.y_min)?,
        edge("x_max", &row.x_max)?,
        edge("y_max", &row.y_max)?,
    );
    Ok(Guess {
        label,
        rank,
        bbox: Some(bbox),
        confidence: row.probability,
    })
}

/// The columns that are read, one row a guess.
pub(super) fn write(predictions: &Predictions, dataset: &Dataset) -> Vec<u8> {
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
    let mut writer = csv::Writer::from_writer(Vec::new());
    for (photo, predicted) in dataset.photos.iter().zip(&predictions.photos) {
        for Guess {
            label,
            rank,
            bbox,
            confidence,
        } in &predicted.guesses
        {
            let Some(BBox {
                x_min,
                y_min,
                x_max,
                y_max,
            }) = *bbox
            else {
                continue;
            };
            let class_index = match label {
                Label::Class(class) => Some(*class as i64),
                Label::Other => Some(-1),
                Label::Truth => None,
            };
            let (image_id, rank, probability) =
                (photo.id.as_str(), rank.map(|rank| rank + 1), *confidence);
            let row = WrittenRow {
                image_id,
                class_index,
                rank,
                probability,
                x_min,
                y_min,
                x_max,
                y_max,
            };
            writer.serialize(row).expect("a row has a form");
        }
    }
    writer.into_inner().expect("memory takes all")
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
        read(
            &path,
            &Dataset {
                name: "three".into(),
                photos,
                classes,
                ..Dataset::default()
            },
        )
    }

    /// Columns in another order, ranks in no order, a photo that failed, one that is missing.
    #[test]
    fn odd_rows_are_read() {
        let found = read_text(
            "\u{feff}class_index,image_id,rank,x_min,y_min,x_max,y_max,status\r\n7,a,2,0,0,1,1,ok\r\n\
             3,a,1,0.5,0,inf,2,ok\r\n7,b,,,,,,error\r\n",
        );
        let found = found.unwrap_or_else(|e| panic!("{e}"));
        let labels: Vec<_> = found.photos[0]
            .guesses
            .iter()
            .map(|g| (g.label, g.rank))
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
            ["2 of 3 photos have no guess; they count as wrong"]
        );
        let plain = read_text("image_id,x_min,y_min,x_max,y_max\na,0,0,1,1\n")
            .unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(
            (plain.classes, plain.photos[0].guesses[0].label),
            (false, Label::Truth)
        );
        let ordered =
            read_text("image_id,x_min,y_min,x_max,y_max,class_index\na,0,0,1,1,4\na,0,0,1,1,5\n");
        assert_eq!(
            ordered.unwrap_or_else(|e| panic!("{e}")).photos[0].guesses[1].rank,
            Some(1)
        );
    }

    #[test]
    fn faults_are_named() {
        for (row, expected) in [
            (
                "z,0,0,1,1",
                "rows.csv:2: three has no photo called z; its photos are called like a",
            ),
            ("a,NaN,0,1,1", "rows.csv:2: x_min 'NaN' is not a number"),
            ("a,0,,1,1", "y_min '' is no number"),
            ("a,0,0,1", "rows.csv: CSV error"),
        ] {
            let error = read_text(&format!("image_id,x_min,y_min,x_max,y_max\n{row}\n"))
                .expect_err(expected);
            assert!(error.to_string().contains(expected), "{error}");
        }
        let error = read_text("image_id,x_min,y_min,x_max,y_max,rank,class_index\na,0,0,1,1,0,7\n");
        assert!(
            error
                .expect_err("a rank")
                .to_string()
                .contains("ranks begin at 1")
        );
        // A class that the dataset does not have is a wrong guess.
        let other = read_text("image_id,x_min,y_min,x_max,y_max,class_index\na,0,0,1,1,10\n");
        assert_eq!(
            other.unwrap_or_else(|e| panic!("{e}")).photos[0].guesses[0].label,
            Label::Other
        );
    }
}
